/* Any JSON object as a callback, as a contact, as Pronto's answer and as what a hook is given.
 * Beyond not crashing: reading the normal form gives the normal form, an object matches itself, and
 * no limit is passed. */
#include "common/crypto.h"
#include "common/json.h"
#include "model/contact.h"
#include "model/document.h"
#include "model/matching.h"
#include "model/result.h"
#include "model/submission.h"
#include "model/text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
    size_t size = strlen(text);

    assert(size <= max);
    for (size_t at = 0; at < size;) {
        size_t length = text_utf8_length(text + at, size - at);

        assert(length > 0 && (unsigned char)text[at] >= ' ');
        at += length;
    }
}

static void read_as_callback(struct json_object *body)
{
    struct reading first, again;

    assert(reading_parse(body, &first) == 0);
    assert(reading_parse(first.result, &again) == 0);
    if (first.status == RESULT_FINAL) {
        struct digest one, two;

        assert(again.status == RESULT_FINAL);
        assert(result_digest(first.result, &one) == 0 && result_digest(again.result, &two) == 0);
        assert(digest_equal(&one, &two));
    }
    assert(digest_equal(&first.custom_digest, &again.custom_digest));
    assert(match_custom_equal(first.custom, &first, false) == 1);
    assert(match_custom_equal(first.custom, &first, true) == 1);
    reading_done(&again);
    reading_done(&first);
}

static void check_as_contact(struct json_object *body, enum contact_kind kind)
{
    struct contact contact = {0};
    cleanup_free char *id = NULL;
    cleanup_free char *detail = NULL;
    int r = contact_check(body, kind, &contact, &id, &detail);

    assert(r == CONTACT_OK || r == CONTACT_INVALID);
    if (r == CONTACT_INVALID) {
        check_text(detail, TEXT_LINE_MAX);
        return;
    }
    struct json_object *contents[] = {contact.content};
    cleanup_json struct json_object *call = NULL;
    const struct token token = {0};

    assert((id != NULL) == (kind == CONTACT_REGISTER));
    assert(submission_body(contact.type, contents, 1, kind == CONTACT_REGISTER, "https://h", &token,
                           &call) == 0);
    contact_done(&contact);
}

static void judge_as_answer(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 302, 401, 422, 503};
    static const char *const secrets[] = {"example", "e", NULL};

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        const struct call_answer answer = {.status = statuses[i],
                                           .retry_after_ms = -1,
                                           .body = (const char *)data,
                                           .body_size = size};
        struct submission_verdict verdict;

        assert(submission_judge(&answer, secrets, &verdict) == 0);
        assert((verdict.enrichment_id != NULL) == (verdict.outcome == SUBMISSION_ACCEPTED));
        assert((verdict.error == NULL) == (verdict.outcome == SUBMISSION_ACCEPTED));
        if (verdict.error != NULL)
            check_text(verdict.error, 1024);
        submission_verdict_done(&verdict);
    }
}

static void check_environment(struct json_object *list)
{
    size_t total = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *text = json_object_get_string(item);
        size_t name = strcspn(text, "=");

        assert(strlen(text) == (size_t)json_object_get_string_len(item));
        assert(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name);
        assert(strncmp(text, "PRONTO_", 7) == 0 && name <= HOOK_ENV_NAME_MAX);
        assert(strlen(text) - name - 1 <= HOOK_ENV_VALUE_MAX);
        total += strlen(text) - 1;
    }
    assert(total <= HOOK_ENV_TOTAL_MAX + HOOK_ENV_VALUE_MAX + strlen("PRONTO_OMITTED"));
}

static void give_to_hook(struct json_object *body)
{
    cleanup_json struct json_object *request = NULL;
    cleanup_json struct json_object *document = NULL;
    cleanup_json struct json_object *list = NULL;
    struct reading reading;

    assert(reading_parse(body, &reading) == 0);
    assert(document_request("r", reading.enrichment_id, ENRICHMENT_EMAIL, body, 1, &request) == 0);
    const struct document_facts facts = {
        .event = EVENT_DEAD,
        .hook = "h",
        .delivery_id = "d",
        .attempt = 1,
        .request = json_get(body, "custom") != NULL ? request : NULL,
        .result = reading.result,
        .source = SOURCE_CALLBACK,
        .received_at = 1,
        .raw = body,
        .dead = body,
    };
    assert(document_build(&facts, &document) == 0);
    assert(document_environment(&facts, &list) == 0);
    check_environment(list);
    reading_done(&reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_json struct json_object *body = NULL;

    judge_as_answer(data, size);
    if (json_parse_strict((const char *)data, size, true, &body) != 0)
        return 0;
    read_as_callback(body);
    check_as_contact(body, CONTACT_SUBMIT);
    check_as_contact(body, CONTACT_REGISTER);
    give_to_hook(body);
    return 0;
}
