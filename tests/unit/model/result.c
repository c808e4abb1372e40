#include "model/result.h"

#include "model/contact.h"

#include "cases.h"

/* The result of a body that says nothing else. */
#define RESULT(status, email, email_status, personal, personal_status, phones, custom)             \
    "{\"status\":" status ",\"email\":" email ",\"email_status\":" email_status                    \
    ",\"personal_email\":" personal ",\"personal_email_status\":" personal_status                  \
    ",\"phones\":" phones ",\"custom\":" custom "}"
#define EMPTY     RESULT("\"finished\"", "null", "null", "null", "null", "[]", "null")
#define PHONES(p) RESULT("\"finished\"", "null", "null", "null", "null", p, "null")
#define EMAIL(e)  RESULT("\"finished\"", e, "null", "null", "null", "[]", "null")
#define CUSTOM(c) RESULT("\"finished\"", "null", "null", "null", "null", "[]", c)
#define STATUS(s) RESULT(s, "null", "null", "null", "null", "[]", "null")

Test(result, documented_form, .init = init_crypto)
{
    static const char body[] =
        "{\"enrichment_id\":\"123e4567\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace\","
        "\"status\":\"finished\",\"email\":\"ada@example.com\",\"email_status\":\"deliverable\","
        "\"personal_email\":\"ada@example.org\",\"personal_email_status\":\"valid\","
        "\"phone\":[\"+12015550123\"],\"custom\":{\"hubspot_id\":\"4447901\"},\"more\":1}";
    cleanup_json struct json_object *object = tree(body);
    struct reading reading;

    cr_assert_eq(reading_parse(object, &reading), 0);
    cr_expect_eq(reading.status, RESULT_FINAL);
    expect_text(reading.enrichment_id, "123e4567", "id");
    expect_text(reading.first_name, "Ada", "first name");
    expect_text(reading.last_name, "Lovelace", "last name");
    expect_json(reading.custom, "{\"hubspot_id\":\"4447901\"}", "custom");
    expect_json(reading.result,
                RESULT("\"finished\"", "\"ada@example.com\"", "\"deliverable\"",
                       "\"ada@example.org\"", "\"valid\"", "[\"+12015550123\"]",
                       "{\"hubspot_id\":\"4447901\"}"),
                "result");
    cr_expect(reading.found);
    reading_done(&reading);
}

Test(result, every_spelling_has_one_normal_form, .init = init_crypto)
{
    static const struct {
        const char *body;
        const char *result;
        bool final, found;
    } cases[] = {
        {"{}", EMPTY, true, false},
        {"[]", EMPTY, true, false},
        {"\"x\"", EMPTY, true, false},
        {NULL, EMPTY, true, false},

        {"{\"status\":\"finished\"}", EMPTY, true, false},
        {"{\"status\":\"success\"}", EMPTY, true, false},
        {"{\"status\":null}", EMPTY, true, false},
        {"{\"status\":\"pending\"}", STATUS("\"pending\""), false, false},
        {"{\"status\":\"queued\"}", STATUS("\"queued\""), false, false},
        {"{\"status\":\"Finished\"}", STATUS("\"Finished\""), false, false},
        {"{\"status\":\"finished \"}", STATUS("\"finished \""), false, false},
        {"{\"status\":\"finished\\u0000\"}", STATUS("\"finished\\u0000\""), false, false},
        {"{\"status\":\"\"}", STATUS("null"), false, false},
        {"{\"status\":200}", STATUS("null"), false, false},
        {"{\"status\":true}", STATUS("null"), false, false},
        {"{\"status\":\"pending\",\"status\":\"finished\"}", EMPTY, true, false},
        {"{\"contact\":{\"status\":\"pending\"}}", STATUS("\"pending\""), false, false},
        {"{\"status\":\"finished\",\"contact\":{\"status\":\"pending\"}}", EMPTY, true, false},

        {"{\"email\":\"a@b\"}", EMAIL("\"a@b\""), true, true},
        {"{\"email\":null}", EMPTY, true, false},
        {"{\"email\":\"\"}", EMPTY, true, false},
        {"{\"email\":7}", EMPTY, true, false},
        {"{\"email\":[\"a@b\"]}", EMPTY, true, false},
        {"{\"email\":\"a\\u0000b\"}", EMAIL("\"a\\u0000b\""), true, true},
        {"{\"contact\":{\"email\":\"a@b\"}}", EMAIL("\"a@b\""), true, true},
        {"{\"email\":\"a@b\",\"contact\":{\"email\":\"c@d\"}}", EMAIL("\"a@b\""), true, true},
        {"{\"email\":null,\"contact\":{\"email\":\"c@d\"}}", EMAIL("\"c@d\""), true, true},
        {"{\"email_status\":\"never seen before\"}",
         RESULT("\"finished\"", "null", "\"never seen before\"", "null", "null", "[]", "null"),
         true, false},
        {"{\"personal_email\":\"a@b\",\"personal_email_status\":\"N/A\"}",
         RESULT("\"finished\"", "null", "null", "\"a@b\"", "\"N/A\"", "[]", "null"), true, true},
        {"{\"status\":\"pending\",\"email\":\"a@b\"}",
         RESULT("\"pending\"", "\"a@b\"", "null", "null", "null", "[]", "null"), false, true},

        {"{\"phone\":[]}", EMPTY, true, false},
        {"{\"phone\":null}", EMPTY, true, false},
        {"{\"phone\":\"\"}", EMPTY, true, false},
        {"{\"phone\":\"+1\"}", PHONES("[\"+1\"]"), true, true},
        {"{\"phones\":\"+1\"}", PHONES("[\"+1\"]"), true, true},
        {"{\"phone\":[\"+1\",\"+2\",\"+1\"]}", PHONES("[\"+1\",\"+2\",\"+1\"]"), true, true},
        {"{\"phones\":[\"+1\",null,\"\",7,[\"+3\"],\"+2\"]}", PHONES("[\"+1\",\"+2\"]"), true,
         true},
        {"{\"phone\":[{\"number\":\"+1\",\"type\":\"mobile\"},{\"phone\":\"+2\"},"
         "{\"phone_number\":\"+3\"},\"+4\",{\"other\":\"+5\"},{\"number\":7}]}",
         PHONES("[\"+1\",\"+2\",\"+3\",\"+4\"]"), true, true},
        {"{\"phone\":{\"number\":\"+1\",\"phone\":\"+2\"}}", PHONES("[\"+1\"]"), true, true},
        {"{\"phone\":{\"number\":null,\"phone\":\"+2\"}}", PHONES("[\"+2\"]"), true, true},
        {"{\"phones\":[\"+2\"],\"phone\":[\"+1\"]}", PHONES("[\"+1\"]"), true, true},
        {"{\"phones\":[\"+2\"],\"phone\":[]}", PHONES("[\"+2\"]"), true, true},
        {"{\"phone\":[],\"contact\":{\"phones\":\"+2\"}}", PHONES("[\"+2\"]"), true, true},
        {"{\"phone\":[{\"number\":\"\"}],\"phone_status\":\"valid\"}", EMPTY, true, false},

        {"{\"custom\":null}", EMPTY, true, false},
        {"{\"custom\":{}}", EMPTY, true, false},
        {"{\"custom\":{\"b\":1.50,\"a\":[]}}", CUSTOM("{\"b\":1.50,\"a\":[]}"), true, false},
        {"{\"custom\":\"text\"}", CUSTOM("\"text\""), true, false},
        {"{\"contact\":{\"custom\":{\"a\":1}}}", CUSTOM("{\"a\":1}"), true, false},
        {"{\"contact\":\"text\"}", EMPTY, true, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *body = tree(cases[i].body);
        struct reading reading;

        cr_assert_eq(reading_parse(body, &reading), 0);
        expect_json(reading.result, cases[i].result, cases[i].body);
        cr_expect_eq(reading.status == RESULT_FINAL, cases[i].final, "%s", cases[i].body);
        cr_expect_eq(reading.found, cases[i].found, "%s", cases[i].body);
        reading_done(&reading);
    }
}

Test(result, the_first_identifier_and_name_count, .init = init_crypto)
{
    static const struct {
        const char *body, *id, *first, *last;
    } cases[] = {
        {"{}", NULL, NULL, NULL},
        {"{\"enrichment_id\":\"a\",\"id\":\"b\"}", "a", NULL, NULL},
        {"{\"id\":\"b\",\"contact\":{\"enrichment_id\":\"c\"}}", "b", NULL, NULL},
        {"{\"contact\":{\"id\":\"d\",\"enrichment_id\":\"c\"}}", "c", NULL, NULL},
        {"{\"contact\":{\"id\":\"d\"}}", "d", NULL, NULL},
        {"{\"enrichment_id\":null,\"id\":\"b\"}", "b", NULL, NULL},
        {"{\"enrichment_id\":\"\",\"id\":\"b\"}", "b", NULL, NULL},
        {"{\"enrichment_id\":7,\"id\":8}", NULL, NULL, NULL},
        {"{\"enrichment_id\":\"a\\u0000b\"}", NULL, NULL, NULL},
        {"{\"first_name\":\"A\",\"firstname\":\"B\",\"lastname\":\"C\"}", NULL, "A", "C"},
        {"{\"contact\":{\"firstname\":\"A\",\"last_name\":\"C\"}}", NULL, "A", "C"},
        {"{\"firstname\":\"A\",\"contact\":{\"first_name\":\"B\",\"last_name\":\"C\"}}", NULL, "A",
         "C"},
        {"{\"first_name\":\"\",\"last_name\":7}", NULL, NULL, NULL},
        {"{\"first_name\":\"A\\u0000\",\"last_name\":\"B\"}", NULL, NULL, "B"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *body = tree(cases[i].body);
        struct reading reading;

        cr_assert_eq(reading_parse(body, &reading), 0);
        expect_text(reading.enrichment_id, cases[i].id, cases[i].body);
        expect_text(reading_identifier(body), cases[i].id, cases[i].body);
        expect_text(reading.first_name, cases[i].first, cases[i].body);
        expect_text(reading.last_name, cases[i].last, cases[i].body);
        reading_done(&reading);
    }
}

Test(result, a_long_identifier_counts_as_none)
{
    for (int size = ENRICHMENT_ID_MAX; size <= ENRICHMENT_ID_MAX + 1; size++) {
        cleanup_json struct json_object *body = json_object_new_object();
        char id[ENRICHMENT_ID_MAX + 2] = {0};

        memset(id, 'x', (size_t)size);
        cr_assert_eq(json_add_string(body, "id", id), 0);
        expect_text(reading_identifier(body), size > ENRICHMENT_ID_MAX ? NULL : id, "long id");
    }
}

/* What tells a duplicate that differs from one that repeats. */
Test(result, digests_are_those_of_the_meaning, .init = init_crypto)
{
    static const struct {
        const char *a, *b;
        bool result_equal, custom_equal;
    } cases[] = {
        {"{}", "{\"status\":\"success\",\"custom\":{},\"phone\":null}", true, true},
        {"{\"phone\":\"+1\"}", "{\"phones\":[{\"number\":\"+1\"}]}", true, true},
        {"{\"phone\":[\"+1\",\"+2\"]}", "{\"phone\":[\"+2\",\"+1\"]}", false, true},
        {"{\"email\":\"a\"}", "{\"email\":\"b\"}", false, true},
        {"{\"email\":\"a\"}", "{\"personal_email\":\"a\"}", false, true},
        {"{\"email_status\":\"valid\"}", "{\"email_status\":\"N/A\"}", false, true},
        {"{\"custom\":{\"a\":1,\"b\":2.0}}", "{\"custom\":{\"b\":2,\"a\":1}}", true, true},
        {"{\"custom\":{\"a\":1}}", "{\"custom\":{\"a\":\"1\"}}", false, false},
        {"{\"custom\":{\"a\":1}}", "{}", false, false},
        {"{\"id\":\"a\",\"first_name\":\"x\",\"new\":1}", "{\"id\":\"b\"}", true, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *a = tree(cases[i].a);
        cleanup_json struct json_object *b = tree(cases[i].b);
        struct digest first, second;
        struct reading one, two;

        cr_assert_eq(reading_parse(a, &one), 0);
        cr_assert_eq(reading_parse(b, &two), 0);
        cr_assert_eq(result_digest(one.result, &first), 0);
        cr_assert_eq(result_digest(two.result, &second), 0);
        cr_expect_eq(digest_equal(&first, &second), cases[i].result_equal, "%s", cases[i].a);
        cr_expect_eq(digest_equal(&one.custom_digest, &two.custom_digest), cases[i].custom_equal,
                     "%s", cases[i].a);
        reading_done(&one);
        reading_done(&two);
    }
}

Test(result, done_takes_an_empty_reading)
{
    struct reading reading = {0};

    reading_done(&reading);
    cr_expect_null(reading.result);
}
