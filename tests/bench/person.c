#include "person.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void derive(const char *what, int64_t number, struct digest *ret)
{
    const struct digest_part parts[] = {{what, strlen(what)}, {&number, sizeof(number)}};

    digest_compute(NULL, parts, 2, ret);
}

const uint8_t person_secret[TOKEN_SECRET_BYTES] = "the secret of a bench's database";

void person_token(int64_t number, struct token *ret)
{
    static const uint8_t nonce[TOKEN_NONCE_BYTES];

    token_seal(person_secret, number + 1, nonce, ret);
}

void person_enrichment_id(int64_t number, char ret[static PERSON_ID_SIZE])
{
    struct digest id;
    const uint8_t *b = id.bytes;

    derive("enrichment_id", number, &id);
    snprintf(ret, PERSON_ID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

int person_custom(int64_t number, char ret[static PERSON_TEXT_SIZE])
{
    return snprintf(ret, PERSON_TEXT_SIZE, "{\"crm_id\":\"%" PRId64 "\",\"list\":\"bench\"}",
                    number);
}

int person_callback(int64_t number, char ret[static PERSON_TEXT_SIZE])
{
    char id[PERSON_ID_SIZE], custom[PERSON_TEXT_SIZE];

    person_enrichment_id(number, id);
    person_custom(number, custom);
    return snprintf(
        ret, PERSON_TEXT_SIZE,
        "{\"enrichment_id\":\"%s\",\"first_name\":\"Given%" PRId64
        "\",\"last_name\":\"Family%" PRId64 "\",\"status\":\"finished\",\"email\":\"given%" PRId64
        ".family%" PRId64 "@example.com\","
        "\"email_status\":\"deliverable\",\"personal_email\":null,\"personal_email_status\":\"N/"
        "A\","
        "\"phone\":[\"+12015550123\"],\"linkedin_profile_url\":\"https://www.linkedin.example/in/"
        "given-family-%" PRId64 "\",\"company\":{\"name\":\"Example Company\",\"domain\":"
        "\"example.com\",\"industry\":\"Software\",\"employees\":\"51-200\"},\"custom\":%s}",
        id, number % 977, number % 1009, number % 977, number % 1009, number, custom);
}
