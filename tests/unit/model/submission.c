#include "model/submission.h"

#include "cases.h"

#define URL "\"webhook_url\":\"https://h/p/callback/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

Test(submission, body_of_one)
{
    static const struct {
        enum enrichment_type type;
        const char *content, *body;
    } cases[] = {
        {ENRICHMENT_PHONE,
         "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\",\"company_name\":\"c\","
         "\"linkedin_url\":\"https://l\",\"phone_country_codes\":[\"FR\"],\"custom\":{\"a\":1.50}}",
         "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\",\"company_name\":\"c\","
         "\"linkedin_url\":\"https://l\"," URL ",\"enrichment_type\":[\"phone\"],"
         "\"phone_country_codes\":[\"FR\"],\"custom\":{\"a\":1.50}}"},
        {ENRICHMENT_EMAIL, "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\"}",
         "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\"," URL
         ",\"enrichment_type\":[\"email\"]}"},
        {ENRICHMENT_PERSONAL_EMAIL, "{\"firstname\":\"F\",\"custom\":{}}",
         "{\"firstname\":\"F\"," URL ",\"enrichment_type\":[\"personal_email\"],\"custom\":{}}"},
    };
    const struct token token = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *content = tree(cases[i].content);
        cleanup_json struct json_object *body = NULL;

        cr_assert_eq(
            submission_body(cases[i].type, &content, 1, false, "https://h/p", &token, &body), 0);
        expect_json(body, cases[i].body, "single");
        expect_json(content, cases[i].content, "left as it was");
    }
}

Test(submission, body_of_many)
{
    struct json_object *contents[] = {
        tree("{\"firstname\":\"A\",\"lastname\":\"B\",\"phone_country_codes\":[\"FR\"],"
             "\"custom\":{\"n\":1}}"),
        tree("{\"firstname\":\"C\",\"lastname\":\"D\",\"phone_country_codes\":[\"US\"],"
             "\"linkedin_url\":\"https://l\"}"),
    };
    const struct token token = {0};

    for (size_t n = 1; n <= ARRAY_SIZE(contents); n++) {
        cleanup_json struct json_object *body = NULL;

        cr_assert_eq(
            submission_body(ENRICHMENT_PHONE, contents, n, true, "https://h/p", &token, &body), 0);
        expect_json(body,
                    n == 1 ? "{\"contacts\":[{\"firstname\":\"A\",\"lastname\":\"B\","
                             "\"custom\":{\"n\":1}}]," URL
                             ",\"enrichment_type\":[\"phone\"],\"phone_country_codes\":[\"FR\"]}"
                           : "{\"contacts\":[{\"firstname\":\"A\",\"lastname\":\"B\","
                             "\"custom\":{\"n\":1}},{\"firstname\":\"C\",\"lastname\":\"D\","
                             "\"linkedin_url\":\"https://l\"}]," URL
                             ",\"enrichment_type\":[\"phone\"],\"phone_country_codes\":[\"FR\"]}",
                    "bulk");
    }
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
        json_object_put(contents[i]);
}

struct judge_case {
    int status;
    const char *body;
    enum submission_outcome outcome;
    const char *text; /* the identifier when accepted, else the error */
};

static void judge(const struct judge_case *c)
{
    const struct call_answer answer = {
        .status = c->status,
        .retry_after_ms = 7000,
        .body = c->body,
        .body_size = c->body != NULL ? strlen(c->body) : 0,
    };
    struct submission_verdict verdict;
    bool accepted = c->outcome == SUBMISSION_ACCEPTED;

    cr_assert_eq(submission_judge(&answer, NULL, &verdict), 0);
    cr_expect_eq(verdict.outcome, c->outcome, "%d %s: %d", c->status, c->body,
                 (int)verdict.outcome);
    expect_text(verdict.enrichment_id, accepted ? c->text : NULL, c->body);
    expect_text(verdict.error, accepted ? NULL : c->text, c->body);
    cr_expect_eq(verdict.retry_after_ms, accepted ? -1 : 7000);
    submission_verdict_done(&verdict);
}

Test(submission, each_status_has_its_meaning)
{
    static const struct judge_case cases[] = {
        {200, "{\"enrichment_id\":\"e\",\"status\":\"pending\"}", SUBMISSION_ACCEPTED, "e"},
        {201, "{\"id\":\"e\"}", SUBMISSION_ACCEPTED, "e"},
        {202, "{\"contact\":{\"id\":\"e\"}}", SUBMISSION_ACCEPTED, "e"},
        {299, "{\"contact\":{\"enrichment_id\":\"e\",\"id\":\"f\"}}", SUBMISSION_ACCEPTED, "e"},
        {202, "{\"enrichment_id\":\"e\",\"error\":\"but\"}", SUBMISSION_ACCEPTED, "e"},

        {200, "{}", SUBMISSION_MAYBE, "HTTP 200 without an enrichment_id"},
        {204, NULL, SUBMISSION_MAYBE, "HTTP 204 without an enrichment_id"},
        {299, "{}", SUBMISSION_MAYBE, "HTTP 299 without an enrichment_id"},
        {200, "<html>", SUBMISSION_MAYBE, "HTTP 200 without an enrichment_id"},
        {200, "{\"id\":7}", SUBMISSION_MAYBE, "HTTP 200 without an enrichment_id"},
        {200, "{\"error\":\"odd\"}", SUBMISSION_MAYBE, "odd"},

        {301, "{\"enrichment_id\":\"e\"}", SUBMISSION_AGAIN, "HTTP 301"},
        {304, NULL, SUBMISSION_AGAIN, "HTTP 304"},
        {399, NULL, SUBMISSION_AGAIN, "HTTP 399"},
        {0, NULL, SUBMISSION_AGAIN, "HTTP 0"},
        {101, NULL, SUBMISSION_AGAIN, "HTTP 101"},
        {600, NULL, SUBMISSION_AGAIN, "HTTP 600"},

        {400, "{\"error\":\"bad\"}", SUBMISSION_REFUSED, "bad"},
        {401, "{\"error\":\"Unauthorized\"}", SUBMISSION_AUTH, "Unauthorized"},
        {402, "{\"error\":\"pay\"}", SUBMISSION_CREDITS, "pay"},
        {403, NULL, SUBMISSION_AUTH, "HTTP 403"},
        {404, "<html>", SUBMISSION_REFUSED, "HTTP 404"},
        {405, NULL, SUBMISSION_REFUSED, "HTTP 405"},
        {408, NULL, SUBMISSION_AGAIN, "HTTP 408"},
        {409, NULL, SUBMISSION_REFUSED, "HTTP 409"},
        {413, NULL, SUBMISSION_REFUSED, "HTTP 413"},
        {425, NULL, SUBMISSION_AGAIN, "HTTP 425"},
        {429, "{\"error\":\"Too fast\"}", SUBMISSION_AGAIN, "Too fast"},
        {499, NULL, SUBMISSION_REFUSED, "HTTP 499"},
        {500, "{\"error\":\"oops\"}", SUBMISSION_AGAIN, "oops"},
        {500, "{\"enrichment_id\":\"e\"}", SUBMISSION_AGAIN, "HTTP 500"},
        {502, "<html>Bad Gateway</html>", SUBMISSION_AGAIN, "HTTP 502"},
        {503, NULL, SUBMISSION_AGAIN, "HTTP 503"},
        {504, "{", SUBMISSION_AGAIN, "HTTP 504"},

        {422, "{\"error\":\"Not enough enrichment credits\"}", SUBMISSION_CREDITS,
         "Not enough enrichment credits"},
        {422, "{\"message\":\"INSUFFICIENT Credits.\"}", SUBMISSION_CREDITS,
         "INSUFFICIENT Credits."},
        {422, "{\"errors\":[\"Import limits reached\"]}", SUBMISSION_CREDITS,
         "Import limits reached"},
        {422, "{\"errors\":[\"a\",{\"message\":\"your plan limit\"}]}", SUBMISSION_CREDITS,
         "a; your plan limit"},
        {422, "{\"error\":\"credits to the author\"}", SUBMISSION_REFUSED, "credits to the author"},
        {422, NULL, SUBMISSION_REFUSED, "HTTP 422"},
        {400, "{\"error\":\"insufficient credits\"}", SUBMISSION_REFUSED, "insufficient credits"},
        {429, "{\"error\":\"insufficient credits\"}", SUBMISSION_AGAIN, "insufficient credits"},
        {500, "{\"error\":\"plan limit\"}", SUBMISSION_AGAIN, "plan limit"},
        {401, "{\"error\":\"plan limit\"}", SUBMISSION_AUTH, "plan limit"},
        {422,
         "{\"error\":\"You can't use the personal email enrichment feature without consenting "
         "with our terms of use\"}",
         SUBMISSION_REFUSED,
         "You can't use the personal email enrichment feature without consenting with our terms "
         "of use"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        judge(&cases[i]);
}

Test(submission, the_words_are_found)
{
    static const struct judge_case cases[] = {
        {400, "{\"error\":\"a\",\"message\":\"b\",\"errors\":[\"c\"]}", SUBMISSION_REFUSED, "a"},
        {400, "{\"message\":\"b\",\"errors\":[\"c\"]}", SUBMISSION_REFUSED, "b"},
        {400, "{\"error\":null,\"errors\":[\"c\",\"d\"]}", SUBMISSION_REFUSED, "c; d"},
        {400, "{\"error\":\"\",\"message\":\"b\"}", SUBMISSION_REFUSED, "b"},
        {400, "{\"error\":{\"message\":\"a\"}}", SUBMISSION_REFUSED, "a"},
        {400, "{\"error\":7,\"message\":[\"x\"]}", SUBMISSION_REFUSED, "HTTP 400"},
        {400, "{\"errors\":\"c\"}", SUBMISSION_REFUSED, "c"},
        {400, "{\"errors\":[]}", SUBMISSION_REFUSED, "HTTP 400"},
        {400, "{\"errors\":[null,7,{},{\"message\":7},\"c\"]}", SUBMISSION_REFUSED, "c"},
        {400, "{\"errors\":[{\"message\":\"c\"},{\"message\":\"d\"}]}", SUBMISSION_REFUSED, "c; d"},
        {400, "[\"c\"]", SUBMISSION_REFUSED, "HTTP 400"},
        {400, "{\"error\":\"a\\nb\\u001b[1m\\u0000c\"}", SUBMISSION_REFUSED, "a b?[1m?c"},
        {400, "{\"error\":\"a\"} and more", SUBMISSION_REFUSED, "HTTP 400"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        judge(&cases[i]);
}

Test(submission, without_an_answer)
{
    static const char no_key[] =
        "there is no API key: set api_key_file in [pronto], or give the credential pronto-api-key";
    static const struct {
        enum call_fate fate;
        const char *error;
        enum submission_outcome outcome;
        const char *text;
    } cases[] = {
        {CALL_NOT_SENT, "no such host", SUBMISSION_AGAIN, "no such host"},
        {CALL_NOT_SENT, NULL, SUBMISSION_AGAIN, "Pronto could not be reached"},
        {CALL_MAYBE_SENT, "time-out", SUBMISSION_MAYBE, "time-out"},
        {CALL_MAYBE_SENT, "", SUBMISSION_MAYBE, "Pronto's answer did not arrive"},
        {CALL_MAYBE_SENT, "a\xff\nkey", SUBMISSION_MAYBE, "a? ***"},
        {CALL_NO_KEY, NULL, SUBMISSION_AUTH, no_key},
        {CALL_NO_KEY, "ignored", SUBMISSION_AUTH, no_key},
    };
    static const char *const secrets[] = {"key", NULL};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct call_answer answer = {.fate = cases[i].fate,
                                           .status = 202,
                                           .retry_after_ms = 7,
                                           .body = "{\"id\":\"e\"}",
                                           .body_size = 10,
                                           .error = cases[i].error};
        struct submission_verdict verdict;

        cr_assert_eq(
            submission_judge(&answer, cases[i].fate == CALL_NO_KEY ? NULL : secrets, &verdict), 0);
        cr_expect_eq(verdict.outcome, cases[i].outcome, "case %zu", i);
        expect_text(verdict.error, cases[i].text, "error");
        cr_expect_null(verdict.enrichment_id);
        cr_expect_eq(verdict.retry_after_ms, -1);
        submission_verdict_done(&verdict);
    }
}

/* The error of a 400 whose error text is @text. */
static char *error_of(const char *text, const char *const *secrets)
{
    cleanup_json struct json_object *object = json_object_new_object();
    cleanup_free char *body = NULL;
    struct call_answer answer = {.status = 400, .retry_after_ms = -1};
    struct submission_verdict verdict;

    cr_assert_eq(json_add_string(object, "error", text), 0);
    cr_assert_eq(json_serialize(object, &body, &answer.body_size), 0);
    answer.body = body;
    cr_assert_eq(submission_judge(&answer, secrets, &verdict), 0);
    return verdict.error;
}

Test(submission, secrets_are_masked)
{
    static const char *const secrets[] = {"pk_live_abc", "pk_live_abcdef", NULL};
    cleanup_free char *error =
        error_of("key pk_live_abcdef of pk_live_abc, token pk_live_ab", secrets);

    expect_text(error, "key *** of ***, token pk_live_ab", "masked");
}

Test(submission, a_secret_across_the_cut_is_masked)
{
    static const char *const secrets[] = {"SECRET", NULL};
    char text[1200];

    memset(text, 'x', sizeof(text));
    memcpy(text + 1020, "SECRET", sizeof("SECRET"));
    cleanup_free char *error = error_of(text, secrets);

    cr_expect_null(strstr(error, "S"), "no piece of it: %s", error + 1000);
    cr_expect_eq(strlen(error), 1023);
}

Test(submission, errors_are_cut_between_characters)
{
    char text[1201] = {0};

    for (size_t i = 1; i < 1200; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    text[0] = 'x';
    text[1199] = '\0';
    cleanup_free char *error = error_of(text, NULL);

    cr_expect_eq(strlen(error), 1023);
    cr_expect_eq(memcmp(error, text, 1023), 0);
}

Test(submission, done_takes_an_empty_verdict)
{
    struct submission_verdict verdict = {0};

    submission_verdict_done(&verdict);
    cr_expect_null(verdict.error);
}
