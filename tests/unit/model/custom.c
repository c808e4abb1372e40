#include "model/contact.h"

#include "cases.h"

Test(custom, absent_null_and_empty_are_one, .init = init_crypto)
{
    static const struct {
        const char *text;
        bool absent;
    } cases[] = {
        {NULL, true},  {"null", true},  {"{}", true}, {"{\"a\":null}", false},
        {"[]", false}, {"\"\"", false}, {"0", false}, {"false", false},
    };
    struct digest none;

    cr_assert_eq(custom_digest(NULL, &none), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *custom = tree(cases[i].text);
        struct digest digest;

        cr_assert_eq(custom_digest(custom, &digest), 0);
        cr_expect_eq(custom_is_absent(custom), cases[i].absent, "%s", cases[i].text);
        cr_expect_eq(digest_equal(&digest, &none), cases[i].absent, "%s", cases[i].text);
    }
}

Test(custom, members_are_found_by_their_scalars)
{
    cleanup_json struct json_object *custom =
        tree("{\"s\":\"text\",\"e\":\"\",\"n\":7,\"d\":1.50,\"x\":1E+2,"
             "\"big\":123456789012345678901234567890,\"u\":18446744073709551615,\"neg\":-3,"
             "\"t\":true,\"f\":false,\"z\":null,\"o\":{},\"a\":[],\"nul\":\"a\\u0000b\"}");
    static const struct {
        const char *key, *value;
        bool has;
    } cases[] = {
        {"s", "text", true},
        {"s", "Text", false},
        {"s", "", false},
        {"e", "", true},
        {"n", "7", true},
        {"n", "07", false},
        {"n", "7.0", false},
        {"d", "1.50", true},
        {"d", "1.5", false},
        {"x", "1E+2", true},
        {"x", "100", false},
        {"big", "123456789012345678901234567890", true},
        {"big", "123456789012345678901234567891", false},
        {"u", "18446744073709551615", true},
        {"neg", "-3", true},
        {"t", "true", true},
        {"t", "1", false},
        {"f", "false", true},
        {"z", "null", false},
        {"z", "", false},
        {"o", "{}", false},
        {"a", "[]", false},
        {"nul", "a", false},
        {"none", "", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(custom_has(custom, cases[i].key, cases[i].value), cases[i].has, "%s=%s",
                     cases[i].key, cases[i].value);
    cr_expect(!custom_has(NULL, "s", "text"));
}

struct keys {
    int64_t of[16];
    size_t n;
    int stop_with;
};

static int collect(int64_t index_key, void *userdata)
{
    struct keys *keys = userdata;

    keys->of[keys->n++] = index_key;
    return keys->stop_with;
}

static int64_t key_of(const char *key, const char *value)
{
    return custom_index_key(key, strlen(key), value, strlen(value));
}

Test(custom, the_index_has_each_scalar, .init = init_crypto)
{
    cleanup_json struct json_object *custom =
        tree("{\"s\":\"text\",\"n\":7,\"z\":null,\"o\":{\"s\":\"text\"},\"t\":true,\"d\":1.50}");
    struct keys keys = {0};

    cr_assert_eq(custom_index(custom, collect, &keys), 0);
    cr_assert_eq(keys.n, 4);
    cr_expect_eq(keys.of[0], key_of("s", "text"));
    cr_expect_eq(keys.of[1], key_of("n", "7"));
    cr_expect_eq(keys.of[2], key_of("t", "true"));
    cr_expect_eq(keys.of[3], key_of("d", "1.50"));
}

Test(custom, the_index_stops_when_told, .init = init_crypto)
{
    cleanup_json struct json_object *custom = tree("{\"a\":1,\"b\":2}");
    struct keys keys = {.stop_with = -5};

    cr_expect_eq(custom_index(custom, collect, &keys), -5);
    cr_expect_eq(keys.n, 1);
    cr_expect_eq(custom_index(NULL, collect, &keys), 0);
}

/* Stored in the database: never to change. */
Test(custom, index_keys_stay, .init = init_crypto)
{
    cr_expect_neq(key_of("ab", "c"), key_of("a", "bc"));
    cr_expect_neq(key_of("a", "b"), key_of("b", "a"));
    cr_expect_eq(key_of("hubspot_id", "4447901"), 0x6a0595918ac427df);
}
