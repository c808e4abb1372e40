#include "model/contact.h"

#include "cases.h"

#include <string.h>

static char *person_of(enum enrichment_type type, const char *json)
{
    struct contact contact = {.type = type};
    char *text;
    size_t size;

    cr_assert_eq(json_parse_strict(json, strlen(json), true, &contact.content), 0);
    cr_assert_eq(contact_person(&contact, &text, &size), 0);
    cr_assert_eq(strlen(text), size);
    contact_done(&contact);
    return text;
}

#define ADA "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\", \"domain\": \"example.com\"}"

Test(person, contacts_that_ask_for_the_same_have_one_text)
{
    static const char *const same[] = {
        ADA,
        "{\"domain\": \"example.com\", \"lastname\": \"Lovelace\", \"firstname\": \"Ada\"}",
        "{\"firstname\": \" ADA\\t\", \"lastname\": \"\\nlovelace  \", \"domain\": "
        "\"Example.COM\"}",
        "{\"firstname\": \"ada\", \"lastname\": \"lovelace\", \"domain\": \"example.com\", "
        "\"custom\": {\"row\": 1}}",
    };
    char *first = person_of(ENRICHMENT_EMAIL, ADA);

    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        char *text = person_of(ENRICHMENT_EMAIL, same[i]);

        cr_expect_str_eq(text, first, "%s", same[i]);
        free(text);
    }
    free(first);
}

Test(person, others_have_another)
{
    static const struct {
        enum enrichment_type type;
        const char *json;
    } others[] = {
        {ENRICHMENT_PHONE, ADA},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Lovelace\", \"lastname\": \"Ada\", \"domain\": "
                           "\"example.com\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\", \"company_name\": "
                           "\"example.com\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"A da\", \"lastname\": \"Lovelace\", \"domain\": "
                           "\"example.com\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Ada\\u0000\", \"lastname\": \"Lovelace\", "
                           "\"domain\": \"example.com\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\", \"domain\": "
                           "\"example.com\", \"linkedin_url\": \"x\"}"},
        {ENRICHMENT_EMAIL, "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\", \"domain\": "
                           "\"example.com\", \"phone_country_codes\": [\"US\"]}"},
    };
    char *first = person_of(ENRICHMENT_EMAIL, ADA);

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char *text = person_of(others[i].type, others[i].json);

        cr_expect_str_neq(text, first, "%s", others[i].json);
        free(text);
    }
    free(first);
}

Test(person, only_ascii_letters_are_folded)
{
    char *text = person_of(ENRICHMENT_PHONE, "{\"firstname\": \" \xC3\x89va \", "
                                             "\"phone_country_codes\": [\" US\", \"Fr\"]}");

    cr_expect_str_eq(text, "{\"firstname\":\"\xC3\x89va\",\"phone_country_codes\":[\"us\",\"fr\"],"
                           "\"type\":\"phone\"}");
    free(text);
}
