#include "model/document.h"

#include "cases.h"

/* The environment for a request and a result. */
static struct json_object *environment(struct json_object *request, struct json_object *result,
                                       struct json_object *raw)
{
    const struct document_facts facts = {
        .event = EVENT_FINISHED,
        .hook = "crm",
        .delivery_id = "d-1",
        .attempt = 3,
        .request = request,
        .result = result,
        .raw = raw,
    };
    struct json_object *list = NULL;

    cr_assert_eq(document_environment(&facts, &list), 0);
    return list;
}

/* The value of a variable, whole with NULs in *ret_size, or NULL; fails when it is there twice. */
static const char *value_of(struct json_object *list, const char *name, size_t *ret_size)
{
    const char *found = NULL;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *text = json_object_get_string(item);

        if (strncmp(text, name, strlen(name)) != 0 || text[strlen(name)] != '=')
            continue;
        cr_expect_null(found, "%s is there twice", name);
        found = text + strlen(name) + 1;
        *ret_size = (size_t)json_object_get_string_len(item) - strlen(name) - 1;
        cr_expect_eq(strlen(found), *ret_size, "%s has a NUL", name);
    }
    return found;
}

static void expect_variable(struct json_object *list, const char *name, const char *expected)
{
    size_t size;

    expect_text(value_of(list, name, &size), expected, name);
}

Test(environment, names_and_order)
{
    cleanup_json struct json_object *request =
        tree("{\"id\":\"r-1\",\"enrichment_id\":\"e-1\",\"enrichment_type\":\"email\","
             "\"custom\":{\"hubspot_id\":\"4447901\"}}");
    cleanup_json struct json_object *result =
        tree("{\"status\":\"finished\",\"email\":\"a@b\",\"email_status\":\"valid\","
             "\"personal_email\":\"c@d\",\"personal_email_status\":\"x\","
             "\"phones\":[\"+1\",\"+2\"],\"custom\":{\"hubspot_id\":\"other\",\"more\":1}}");
    cleanup_json struct json_object *list = environment(request, result, NULL);

    expect_json(list,
                "[\"PRONTO_EVENT=finished\",\"PRONTO_HOOK=crm\",\"PRONTO_DELIVERY_ID=d-1\","
                "\"PRONTO_ATTEMPT=3\",\"PRONTO_REQUEST_ID=r-1\",\"PRONTO_ENRICHMENT_ID=e-1\","
                "\"PRONTO_ENRICHMENT_TYPE=email\",\"PRONTO_STATUS=finished\",\"PRONTO_EMAIL=a@b\","
                "\"PRONTO_EMAIL_STATUS=valid\",\"PRONTO_PERSONAL_EMAIL=c@d\",\"PRONTO_PHONE=+1\","
                "\"PRONTO_CUSTOM_HUBSPOT_ID=4447901\",\"PRONTO_OMITTED=\"]",
                "environment");
}

Test(environment, absent_values_are_empty)
{
    cleanup_json struct json_object *list = environment(NULL, NULL, NULL);

    expect_json(list,
                "[\"PRONTO_EVENT=finished\",\"PRONTO_HOOK=crm\",\"PRONTO_DELIVERY_ID=d-1\","
                "\"PRONTO_ATTEMPT=3\",\"PRONTO_REQUEST_ID=\",\"PRONTO_ENRICHMENT_ID=\","
                "\"PRONTO_ENRICHMENT_TYPE=\",\"PRONTO_STATUS=\",\"PRONTO_EMAIL=\","
                "\"PRONTO_EMAIL_STATUS=\",\"PRONTO_PERSONAL_EMAIL=\",\"PRONTO_PHONE=\","
                "\"PRONTO_OMITTED=\"]",
                "environment");
}

Test(environment, without_a_request_the_callback_speaks)
{
    cleanup_json struct json_object *result =
        tree("{\"status\":\"finished\",\"phones\":[],\"custom\":{\"a\":1}}");
    cleanup_json struct json_object *raw = tree("{\"id\":\"e-9\"}");
    cleanup_json struct json_object *list = environment(NULL, result, raw);

    expect_variable(list, "PRONTO_ENRICHMENT_ID", "e-9");
    expect_variable(list, "PRONTO_CUSTOM_A", "1");
    expect_variable(list, "PRONTO_PHONE", "");
}

Test(environment, a_request_without_custom_has_none)
{
    cleanup_json struct json_object *request = tree("{\"id\":\"r\",\"custom\":null}");
    cleanup_json struct json_object *result = tree("{\"custom\":{\"a\":1}}");
    cleanup_json struct json_object *raw = tree("{\"id\":\"e-9\"}");
    cleanup_json struct json_object *list = environment(request, result, raw);

    expect_variable(list, "PRONTO_CUSTOM_A", NULL);
    expect_variable(list, "PRONTO_ENRICHMENT_ID", "");
}

Test(environment, custom_scalars)
{
    cleanup_json struct json_object *request =
        tree("{\"custom\":{\"a-b\":\"first\",\"a_b\":\"second\",\"A.B\":\"third\",\"\":\"empty\","
             "\"n\":1.50,\"big\":123456789012345678901234567890,\"t\":true,\"f\":false,"
             "\"null\":null,\"o\":{},\"l\":[1],\"x y=z\":\"v=w\",\"Z\xc3\xbc\xe2\x82\xac\":\"u\","
             "\"lines\":\"1\\n2\",\"$(id)\":\"`id`\",\"BASH_FUNC_x%%\":\"() { :; }\","
             "\"AZ09az@[`{/:\":\"edges\",\"o-p\":{},\"o_p\":\"scalar\"}}");
    cleanup_json struct json_object *list = environment(request, NULL, NULL);
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"PRONTO_CUSTOM_A_B", "first"},
        {"PRONTO_CUSTOM_", "empty"},
        {"PRONTO_CUSTOM_N", "1.50"},
        {"PRONTO_CUSTOM_BIG", "123456789012345678901234567890"},
        {"PRONTO_CUSTOM_T", "true"},
        {"PRONTO_CUSTOM_F", "false"},
        {"PRONTO_CUSTOM_NULL", NULL},
        {"PRONTO_CUSTOM_O", NULL},
        {"PRONTO_CUSTOM_L", NULL},
        {"PRONTO_CUSTOM_X_Y_Z", "v=w"},
        {"PRONTO_CUSTOM_Z__", "u"},
        {"PRONTO_CUSTOM_LINES", "1\n2"},
        {"PRONTO_CUSTOM___ID_", "`id`"},
        {"PRONTO_CUSTOM_BASH_FUNC_X__", "() { :; }"},
        {"PRONTO_CUSTOM_AZ09AZ______", "edges"},
        {"PRONTO_CUSTOM_O_P", "scalar"},
        {"PRONTO_OMITTED", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_variable(list, cases[i].name, cases[i].value);
}

/* Adds a string of @size times 'x'. */
static void add_long(struct json_object *object, const char *key, size_t size)
{
    cleanup_free char *text = malloc(size + 1);

    memset(text, 'x', size);
    cr_assert_eq(json_add_string_len(object, key, text, size), 0);
}

Test(environment, values_that_do_not_fit_are_named)
{
    cleanup_json struct json_object *request =
        tree("{\"custom\":{\"a-b\":\"x\\u0000y\",\"a_b\":\"second\"}}");
    cleanup_json struct json_object *result =
        tree("{\"email\":\"a\\u0000b\",\"phones\":[\"+1\\u0000\",\"+2\"]}");
    struct json_object *custom = json_get(request, "custom");
    size_t size;

    add_long(custom, "fits", HOOK_ENV_VALUE_MAX);
    add_long(custom, "long", HOOK_ENV_VALUE_MAX + 1);
    cleanup_json struct json_object *list = environment(request, result, NULL);

    cr_assert_not_null(value_of(list, "PRONTO_CUSTOM_FITS", &size));
    cr_expect_eq(size, HOOK_ENV_VALUE_MAX);
    expect_variable(list, "PRONTO_EMAIL", NULL);
    expect_variable(list, "PRONTO_PHONE", NULL);
    expect_variable(list, "PRONTO_CUSTOM_A_B", NULL);
    expect_variable(list, "PRONTO_CUSTOM_LONG", NULL);
    expect_variable(list, "PRONTO_OMITTED",
                    "PRONTO_EMAIL PRONTO_PHONE PRONTO_CUSTOM_A_B PRONTO_CUSTOM_LONG");
}

static size_t total_of(struct json_object *list)
{
    size_t total = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        if (strncmp(json_object_get_string(item), "PRONTO_OMITTED=", 15) != 0)
            total += (size_t)json_object_get_string_len(item) - 1;
    }
    return total;
}

Test(environment, the_total_is_bounded)
{
    cleanup_json struct json_object *request = tree("{\"custom\":{}}");
    struct json_object *custom = json_get(request, "custom");

    for (int i = 0; i < 9; i++)
        add_long(custom, (const char[]){(char)('a' + i), '\0'}, HOOK_ENV_VALUE_MAX - 100);
    add_long(custom, "z", 1);
    cleanup_json struct json_object *list = environment(request, NULL, NULL);

    cr_expect_leq(total_of(list), HOOK_ENV_TOTAL_MAX);
    expect_variable(list, "PRONTO_CUSTOM_I", NULL);
    expect_variable(list, "PRONTO_CUSTOM_Z", "x");
    expect_variable(list, "PRONTO_OMITTED", "PRONTO_CUSTOM_I");
}

Test(environment, the_total_is_used_to_the_last_byte)
{
    cleanup_json struct json_object *bare = tree("{\"custom\":{\"a\":\"\",\"b\":\"\"}}");
    cleanup_json struct json_object *none = environment(bare, NULL, NULL);
    size_t left = HOOK_ENV_TOTAL_MAX - total_of(none) - (size_t)7 * (HOOK_ENV_VALUE_MAX + 15);

    for (size_t more = 0; more <= 1; more++) {
        cleanup_json struct json_object *request = tree("{\"custom\":{\"a\":\"\"}}");
        struct json_object *custom = json_get(request, "custom");

        for (int i = 0; i < 7; i++)
            add_long(custom, (const char[]){(char)('c' + i), '\0'}, HOOK_ENV_VALUE_MAX);
        add_long(custom, "b", left + more);
        cleanup_json struct json_object *list = environment(request, NULL, NULL);

        expect_variable(list, "PRONTO_OMITTED", more ? "PRONTO_CUSTOM_B" : "");
    }
}

Test(environment, many_and_long_keys_are_bounded)
{
    cleanup_json struct json_object *request = tree("{\"custom\":{}}");
    struct json_object *custom = json_get(request, "custom");
    char key[2000];
    size_t size;

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "%05d", i);
        cr_assert_eq(json_add_string(custom, key, "0123456789"), 0);
    }
    snprintf(key, sizeof(key), "%01999d", 0);
    cr_assert_eq(json_add_string(custom, key, "long name"), 0);
    cleanup_json struct json_object *list = environment(request, NULL, NULL);

    cr_expect_leq(total_of(list), HOOK_ENV_TOTAL_MAX);
    cr_assert_not_null(value_of(list, "PRONTO_OMITTED", &size));
    cr_expect_leq(size, HOOK_ENV_VALUE_MAX);
    cr_expect_gt(size, HOOK_ENV_VALUE_MAX - 100);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(list, i));

        cr_expect_leq(strchr(text, '=') - text, HOOK_ENV_NAME_MAX);
    }
}

Test(environment, the_longest_name)
{
    for (size_t more = 0; more <= 1; more++) {
        cleanup_json struct json_object *request = tree("{\"custom\":{}}");
        char key[HOOK_ENV_NAME_MAX] = {0};
        char name[HOOK_ENV_NAME_MAX + 2] = "PRONTO_CUSTOM_";

        memset(key, 'k', HOOK_ENV_NAME_MAX - strlen(name) + more);
        memset(name + strlen(name), 'K', HOOK_ENV_NAME_MAX - strlen(name) + more);
        cr_assert_eq(json_add_string(json_get(request, "custom"), key, "v"), 0);
        cleanup_json struct json_object *list = environment(request, NULL, NULL);

        expect_variable(list, name, more ? NULL : "v");
        expect_variable(list, "PRONTO_OMITTED", more ? name : "");
    }
}
