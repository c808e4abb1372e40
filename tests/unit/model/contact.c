#include "model/contact.h"

#include "cases.h"

#define NAMES      "\"firstname\":\"Ada\",\"lastname\":\"Lovelace\""
#define EMAIL      NAMES ",\"enrichment_type\":\"email\",\"domain\":\"example.com\""
#define PHONE      NAMES ",\"enrichment_type\":\"phone\",\"linkedin_url\":\"https://l.example/in/ada\""
#define CODE_FAULT " is no ISO 3166-1 alpha-2 code (two upper-case letters, such as \"FR\")"

struct contact_case {
    const char *body;
    const char *content; /* when it is right */
    const char *detail;  /* when it is wrong */
};

static const struct contact_case submitted[] = {
    {"{" EMAIL "}", "{" NAMES ",\"domain\":\"example.com\"}", NULL},
    {"{\"domain\":\"d\",\"lastname\":\"L\",\"enrichment_type\":[\"email\"],\"firstname\":\"F\"}",
     "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\"}", NULL},
    {"{" NAMES ",\"enrichment_type\":\"email\",\"company_name\":\"X\"}",
     "{" NAMES ",\"company_name\":\"X\"}", NULL},
    {"{" PHONE ",\"domain\":null,\"custom\":null,\"phone_country_codes\":null}",
     "{" NAMES ",\"linkedin_url\":\"https://l.example/in/ada\"}", NULL},
    {"{" NAMES ",\"enrichment_type\":[\"personal_email\"],\"linkedin_url\":\"HTTP://h\"}",
     "{" NAMES ",\"linkedin_url\":\"HTTP://h\"}", NULL},
    {"{" PHONE ",\"custom\":{},\"phone_country_codes\":[\"AZ\",\"ZA\"]}",
     "{" NAMES ",\"linkedin_url\":\"https://l.example/in/ada\","
     "\"phone_country_codes\":[\"AZ\",\"ZA\"],\"custom\":{}}",
     NULL},
    {"{" EMAIL ",\"phone_country_codes\":[],\"custom\":{\"b\":1.50,\"a\":{\"c\":[null]}}}",
     "{" NAMES ",\"domain\":\"example.com\",\"phone_country_codes\":[],"
     "\"custom\":{\"b\":1.50,\"a\":{\"c\":[null]}}}",
     NULL},
    {"{" PHONE ",\"linkedin_url\":\"https://l.example/in/jos\xc3\xa9?x=1#y\"}",
     "{" NAMES ",\"linkedin_url\":\"https://l.example/in/jos\xc3\xa9?x=1#y\"}", NULL},

    {"{}", NULL, "firstname: required; lastname: required; enrichment_type: required"},
    {"[]", NULL, "a contact must be a JSON object"},
    {"7", NULL, "a contact must be a JSON object"},
    {NULL, NULL, "a contact must be a JSON object"},
    {"{\"firstname\":null,\"lastname\":\"L\",\"enrichment_type\":\"phone\"}", NULL,
     "firstname: required; linkedin_url: required for phone"},
    {"{" NAMES ",\"enrichment_type\":\"email\",\"linkedin_url\":\"https://h\"}", NULL,
     "domain or company_name: one of the two is required for email"},
    {"{" NAMES ",\"enrichment_type\":[\"personal_email\"],\"domain\":\"d\"}", NULL,
     "linkedin_url: required for personal_email"},
    {"{" NAMES ",\"enrichment_type\":\"email\",\"domain\":null,\"company_name\":null}", NULL,
     "domain or company_name: one of the two is required for email"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":[]}", NULL,
     "enrichment_type: must be exactly one"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":[\"email\",\"phone\"]}", NULL,
     "enrichment_type: must be exactly one"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":[\"email\",\"email\"]}", NULL,
     "enrichment_type: must be exactly one"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":\"Email\"}", NULL,
     "enrichment_type: must be one of email, phone, personal_email"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":\"email\\u0000\"}", NULL,
     "enrichment_type: must be one of email, phone, personal_email"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":[null]}", NULL,
     "enrichment_type: must be one of email, phone, personal_email"},
    {"{" NAMES ",\"domain\":\"d\",\"enrichment_type\":{\"a\":1}}", NULL,
     "enrichment_type: must be one of email, phone, personal_email"},
    {"{" EMAIL ",\"firstname\":\"\",\"lastname\":\" \\t\\n\\r\",\"company_name\":\"\"}", NULL,
     "firstname: must not be empty; lastname: must not be empty; company_name: must not be empty"},
    {"{" EMAIL ",\"firstname\":7,\"lastname\":[\"L\"],\"domain\":{},\"company_name\":true}", NULL,
     "firstname: must be a string; lastname: must be a string; domain: must be a string; "
     "company_name: must be a string"},
    {"{" EMAIL ",\"firstname\":\"A\\u0000\",\"linkedin_url\":\"https://h/\\u0000\"}", NULL,
     "firstname: must not contain NUL; linkedin_url: must not contain NUL"},
    {"{" EMAIL ",\"custom\":[]}", NULL, "custom: must be an object"},
    {"{" EMAIL ",\"custom\":\"x\",\"phone_country_codes\":\"FR\"}", NULL,
     "phone_country_codes: must be an array of strings; custom: must be an object"},
    {"{" EMAIL ",\"phone_country_codes\":[\"FR\",\"us\",\"x\"]}", NULL,
     "phone_country_codes: \"us\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"1F\"]}", NULL,
     "phone_country_codes: \"1F\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"fR\"]}", NULL,
     "phone_country_codes: \"fR\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"Fr\"]}", NULL,
     "phone_country_codes: \"Fr\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"[F\"]}", NULL,
     "phone_country_codes: \"[F\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"F@\"]}", NULL,
     "phone_country_codes: \"F@\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"FRA\"]}", NULL,
     "phone_country_codes: \"FRA\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"F\\u0000\"]}", NULL,
     "phone_country_codes: \"F?\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[\"F1\"]}", NULL,
     "phone_country_codes: \"F1\"" CODE_FAULT},
    {"{" EMAIL ",\"phone_country_codes\":[33]}", NULL,
     "phone_country_codes: an element" CODE_FAULT},
    {"{" EMAIL ",\"webhook_url\":\"https://h\"}", NULL,
     "webhook_url: not allowed, prontod gives its own"},
    {"{" EMAIL ",\"webhook_url\":null}", NULL, "webhook_url: not allowed, prontod gives its own"},
    {"{" EMAIL ",\"first_name\":\"A\",\"enrichment_id\":\"x\",\"a\\nb\":1}", NULL,
     "first_name: unknown field; enrichment_id: unknown field; a b: unknown field"},
    {"{\"zzz\":1,\"domain\":\"\",\"enrichment_type\":\"fax\"}", NULL,
     "firstname: required; lastname: required; domain: must not be empty; "
     "enrichment_type: must be one of email, phone, personal_email; zzz: unknown field"},
};

static const struct contact_case registered[] = {
    {"{\"enrichment_id\":\"e-1\",\"enrichment_type\":\"email\"}", "{}", NULL},
    {"{\"enrichment_id\":\"e-1\",\"enrichment_type\":[\"phone\"]," NAMES ",\"custom\":{\"a\":1}}",
     "{" NAMES ",\"custom\":{\"a\":1}}", NULL},
    {"{}", NULL, "enrichment_id: required; enrichment_type: required"},
    {"{\"enrichment_id\":\"\",\"enrichment_type\":\"email\"}", NULL,
     "enrichment_id: must not be empty"},
    {"{\"enrichment_id\":7,\"enrichment_type\":\"email\"}", NULL,
     "enrichment_id: must be a string"},
    {"{\"enrichment_id\":\"e\\u0000\",\"enrichment_type\":\"email\"}", NULL,
     "enrichment_id: must not contain NUL"},
    {"{\"enrichment_id\":\"e\",\"enrichment_type\":\"email\",\"firstname\":\"\"}", NULL,
     "firstname: must not be empty"},
    {"{\"enrichment_id\":\"e\",\"enrichment_type\":\"phone\",\"linkedin_url\":\"x\"}", NULL,
     "linkedin_url: must be an http or https URI"},
    {"{\"enrichment_id\":\"e\",\"enrichment_type\":\"email\",\"webhook_url\":1,\"status\":\"x\"}",
     NULL, "webhook_url: not allowed, prontod gives its own; status: unknown field"},
};

static void check(const struct contact_case *c, enum contact_kind kind)
{
    cleanup_json struct json_object *body = tree(c->body);
    cleanup_free char *id = NULL;
    cleanup_free char *detail = NULL;
    struct contact contact = {0};
    int r = contact_check(body, kind, &contact, &id, &detail);

    cr_expect_eq(r, c->content != NULL ? CONTACT_OK : CONTACT_INVALID, "%s: %d", c->body, r);
    expect_text(detail, c->detail, c->body);
    if (r == CONTACT_OK && c->content != NULL)
        expect_json(contact.content, c->content, c->body);
    cr_expect_eq(id != NULL, r == CONTACT_OK && kind == CONTACT_REGISTER, "%s", c->body);
    contact_done(&contact);
}

Test(contact, submitted, .init = init_crypto)
{
    for (size_t i = 0; i < ARRAY_SIZE(submitted); i++)
        check(&submitted[i], CONTACT_SUBMIT);
}

Test(contact, registered, .init = init_crypto)
{
    for (size_t i = 0; i < ARRAY_SIZE(registered); i++)
        check(&registered[i], CONTACT_REGISTER);
}

Test(contact, the_seeds_example, .init = init_crypto)
{
    cleanup_json struct json_object *body =
        tree("{\"firstname\":\"Mathieu\",\"lastname\":\"Brun-Picard\",\"domain\":\"prontohq.com\","
             "\"company_name\":\"Pronto\","
             "\"linkedin_url\":\"https://www.linkedin.com/in/mathieu-brun-picard/\","
             "\"enrichment_type\":[\"phone\"],\"custom\":{\"hubspot_id\":\"4447901\"}}");
    cleanup_free char *detail = NULL;
    struct contact contact;
    struct digest custom;

    cr_assert_eq(contact_check(body, CONTACT_SUBMIT, &contact, NULL, &detail), CONTACT_OK);
    cr_expect_eq(contact.type, ENRICHMENT_PHONE);
    cr_assert_eq(custom_digest(json_get(body, "custom"), &custom), 0);
    cr_expect(digest_equal(&contact.custom_digest, &custom));
    contact_done(&contact);
}

Test(contact, linkedin_urls)
{
    static const struct {
        const char *url;
        bool right;
    } cases[] = {
        {"https://h", true},
        {"http://h", true},
        {"HtTpS://h:8/p?q#f", true},
        {"https://[::1]/", true},
        {"https://", false},
        {"https:///p", false},
        {"https://?q", false},
        {"https://:80", false},
        {"https://@h", false},
        {"ftp://h", false},
        {"www.linkedin.com/in/x", false},
        {"//h", false},
        {"https:/h", false},
        {"https://h/a b", false},
        {"https://h/\\u000a", false},
        {"https://h/\\u0001", false},
        {"https://h/\\u007f", false},
        {" https://h", false},
        {"https://h/<x>", false},
        {"https://h/\\\"", false},
        {"javascript:alert(1)", false},
        {"httpsx://h", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[256];
        struct contact_case c = {.body = text};

        snprintf(text, sizeof(text),
                 "{" NAMES ",\"enrichment_type\":\"phone\",\"linkedin_url\":\"%s\"}", cases[i].url);
        if (!cases[i].right) {
            c.detail = "linkedin_url: must be an http or https URI";
            check(&c, CONTACT_SUBMIT);
            continue;
        }
        cleanup_json struct json_object *body = tree(text);
        cleanup_free char *detail = NULL;
        struct contact contact;

        cr_assert_eq(contact_check(body, CONTACT_SUBMIT, &contact, NULL, &detail), CONTACT_OK, "%s",
                     text);
        contact_done(&contact);
    }
}

/* A string of @size times 'x'. */
static struct json_object *long_string(size_t size)
{
    cleanup_free char *text = malloc(size);

    memset(text, 'x', size);
    return json_object_new_string_len(text, (int)size);
}

static void expect_detail(struct json_object *body, enum contact_kind kind, const char *expected)
{
    cleanup_free char *detail = NULL;
    cleanup_free char *id = NULL;
    struct contact contact = {0};
    int r = contact_check(body, kind, &contact, &id, &detail);

    cr_expect_eq(r, expected != NULL ? CONTACT_INVALID : CONTACT_OK);
    expect_text(detail, expected, "limit");
    contact_done(&contact);
}

Test(contact, limits, .init = init_crypto)
{
    cleanup_json struct json_object *body = tree("{" EMAIL "}");
    cleanup_json struct json_object *other =
        tree("{\"enrichment_id\":\"x\",\"enrichment_type\":\"email\"}");
    struct json_object *custom = json_object_new_object();
    struct json_object *codes = json_object_new_array();

    json_add(body, "firstname", long_string(CONTACT_TEXT_MAX));
    expect_detail(body, CONTACT_SUBMIT, NULL);
    json_add(body, "firstname", long_string(CONTACT_TEXT_MAX + 1));
    expect_detail(body, CONTACT_SUBMIT, "firstname: longer than 1024 bytes");
    json_add_string(body, "firstname", "Ada");

    json_add(custom, "a", long_string(CONTACT_CUSTOM_MAX - strlen("{\"a\":\"\"}")));
    json_add(body, "custom", json_object_get(custom));
    expect_detail(body, CONTACT_SUBMIT, NULL);
    json_add(custom, "a", long_string(CONTACT_CUSTOM_MAX - strlen("{\"a\":\"\"}") + 1));
    expect_detail(body, CONTACT_SUBMIT, "custom: longer than 1 MiB");
    json_add(body, "custom", NULL);

    for (int i = 0; i < 250; i++)
        json_append(codes, json_object_new_string("FR"));
    json_add(body, "phone_country_codes", codes);
    expect_detail(body, CONTACT_SUBMIT, NULL);
    json_append(codes, json_object_new_string("FR"));
    expect_detail(body, CONTACT_SUBMIT, "phone_country_codes: more than 250 codes");

    json_add(other, "enrichment_id", long_string(ENRICHMENT_ID_MAX));
    expect_detail(other, CONTACT_REGISTER, NULL);
    json_add(other, "enrichment_id", long_string(ENRICHMENT_ID_MAX + 1));
    expect_detail(other, CONTACT_REGISTER, "enrichment_id: longer than 128 bytes");
    json_object_put(custom);
}

static char *detail_of_unknown(int n)
{
    cleanup_json struct json_object *body = tree("{" EMAIL "}");
    struct contact contact;
    char *detail = NULL;

    for (int i = 0; i < n; i++) {
        char name[200];

        snprintf(name, sizeof(name), "%0150d", i);
        json_add_int64(body, name, i);
    }
    cr_assert_eq(contact_check(body, CONTACT_SUBMIT, &contact, NULL, &detail), CONTACT_INVALID);
    return detail;
}

Test(contact, many_unknown_fields_are_counted)
{
    cleanup_free char *few = detail_of_unknown(16);
    cleanup_free char *one_more = detail_of_unknown(17);
    cleanup_free char *many = detail_of_unknown(1000);

    cr_expect_null(strstr(few, " more"), "%s", few);
    cr_expect_eq(strlen(one_more), strlen(few) + strlen("; and 1 more"));
    cr_expect_not_null(strstr(one_more, "; and 1 more"), "%s", one_more);
    cr_expect_not_null(strstr(many, "; and 984 more"), "%s", many);
    cr_expect_lt(strlen(many), 2000);
}
