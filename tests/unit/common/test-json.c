#include "common/json.h"

#include "common/cleanup.h"
#include "common/limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *parse(const char *text)
{
    struct json_object *tree = NULL;
    int r = json_parse_strict(text, strlen(text), false, &tree);

    cr_assert_eq(r, 0, "%s: %d", text, r);
    return tree;
}

static char *serialize(struct json_object *tree)
{
    char *text = NULL;
    size_t size;

    cr_assert_eq(json_serialize(tree, &text, &size), 0);
    cr_assert_eq(strlen(text), size);
    return text;
}

static char *canonical(struct json_object *tree)
{
    char *text = NULL;

    cr_assert_eq(json_canonical(tree, &text, NULL), 0);
    return text;
}

Test(json_parse, keeps_the_text)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"null", "null"},
        {" { } ", "{}"},
        {"[ ]", "[]"},
        {"{\"b\" : 1 , \"a\" : [ true , false , null , {} , [ ] ] }",
         "{\"b\":1,\"a\":[true,false,null,{},[]]}"},
        {"\xEF\xBB\xBF[1]", "[1]"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"[1.50,1e5,1E400,-0.0,123456789012345678901234567890]",
         "[1.50,1e5,1E400,-0.0,123456789012345678901234567890]"},
        {"[9223372036854775807,-9223372036854775808,9223372036854775808]",
         "[9223372036854775807,-9223372036854775808,9223372036854775808]"},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\/\"",
         "\"A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80/\""},
        {"\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\x7f\"",
         "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\x7f\""},
        {"{\"k\\n\\u0041\":\"v\"}", "{\"k\\nA\":\"v\"}"},
        {"[\"\",\"a\\\\\",\"\\\\\\\"\"]", "[\"\",\"a\\\\\",\"\\\\\\\"\"]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *tree = parse(cases[i].text);
        cleanup_free char *text = serialize(tree);
        cr_expect_str_eq(text, cases[i].expected, "case %zu: %s", i, text);
    }
}

Test(json_parse, answers_of_the_scanner)
{
    static const struct {
        const char *text;
        int expected;
    } cases[] = {
        {"{", JSON_SCAN_NOT_JSON},
        {"[]", JSON_SCAN_NOT_OBJECT},
        {"{\"a\":\"\xFF\"}", JSON_SCAN_NOT_UTF8},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json_object *tree = (struct json_object *)&tree;
        cr_expect_eq(json_parse_strict(cases[i].text, strlen(cases[i].text), true, &tree),
                     cases[i].expected, "case %zu", i);
        cr_expect_eq(tree, (struct json_object *)&tree, "written on failure");
    }
}

Test(json_parse, depth)
{
    char text[2 * (LIMIT_JSON_DEPTH + 1) + 2];
    struct json_object *tree;

    for (int depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        int r = json_parse_strict(text, 2 * depth + 1, false, &tree);
        cr_expect_eq(r, depth > LIMIT_JSON_DEPTH ? JSON_SCAN_TOO_DEEP : 0);
        if (r == 0)
            json_object_put(tree);
    }
}

Test(json_parse, strings_keep_their_length)
{
    cleanup_json struct json_object *tree = parse("{\"a\":\"x\\u0000y\",\"b\":\"plain\"}");
    struct json_object *value = json_get(tree, "a");

    cr_expect_eq(json_object_get_string_len(value), 3);
    cr_expect_eq(memcmp(json_object_get_string(value), "x\0y", 4), 0);
    cr_expect_null(json_get_string(tree, "a"));
    cr_expect_str_eq(json_get_string(tree, "b"), "plain");
}

Test(json_parse, long_integers_are_doubles_with_their_text)
{
    cleanup_json struct json_object *tree =
        parse("{\"max\":9223372036854775807,\"over\":9223372036854775808,\"f\":1.0}");
    int64_t number = 0;

    cr_expect(json_get_int64(tree, "max", &number));
    cr_expect_eq(number, INT64_MAX);
    cr_expect_not(json_get_int64(tree, "over", &number));
    cr_expect_not(json_get_int64(tree, "f", &number));
    cr_expect_eq(json_object_get_type(json_get(tree, "over")), json_type_double);
    cr_expect_str_eq(json_object_get_string(json_get(tree, "over")), "9223372036854775808");
}

/* More members than the first table holds, and a small one that grows after it was shrunk. */
Test(json_parse, tables_grow)
{
    char text[20000] = "{";
    size_t n = 1;

    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"k%d\":%d", i ? "," : "", i, i);
    snprintf(text + n, sizeof(text) - n, "}");
    cleanup_json struct json_object *large = parse(text);
    cleanup_json struct json_object *small = parse("{}");
    for (int i = 0; i < 1000; i++) {
        char key[16];
        int64_t number = -1;
        snprintf(key, sizeof(key), "k%d", i);
        cr_assert(json_get_int64(large, key, &number));
        cr_assert_eq(number, i);
        cr_assert_eq(json_add_int64(small, key, i), 0);
    }
    cr_expect_eq(json_equal(large, small, false), 1);
}

Test(json_get, types)
{
    cleanup_json struct json_object *tree =
        parse("{\"s\":\"x\",\"n\":1,\"b\":false,\"z\":null,\"o\":{}}");
    cleanup_json struct json_object *array = parse("[1]");
    int64_t number = 7;
    bool truth = true;

    cr_expect_str_eq(json_get_string(tree, "s"), "x");
    cr_expect_null(json_get_string(tree, "n"));
    cr_expect_null(json_get_string(tree, "z"));
    cr_expect_null(json_get_string(tree, "absent"));
    cr_expect_null(json_get_string(NULL, "s"));
    cr_expect_null(json_get(array, "s"));
    cr_expect_null(json_get(tree, "z"));
    cr_expect_not_null(json_get(tree, "o"));
    cr_expect_not(json_get_int64(tree, "s", &number));
    cr_expect_not(json_get_int64(tree, "absent", &number));
    cr_expect_eq(number, 7);
    cr_expect_not(json_get_bool(tree, "n", &truth));
    cr_expect(truth);
    cr_expect(json_get_bool(tree, "b", &truth));
    cr_expect_not(truth);

    struct json_object *big = json_object_new_uint64(UINT64_MAX);
    cr_assert_eq(json_add(tree, "n", big), 0);
    cr_expect_not(json_get_int64(tree, "n", &number));
}

Test(json_add, kinds)
{
    cleanup_json struct json_object *tree = json_object_new_object();
    struct json_object *array = json_object_new_array();

    cr_expect_eq(json_append(array, json_object_new_int64(1)), 0);
    cr_expect_eq(json_append(array, NULL), 0);
    cr_expect_eq(json_add_string(tree, "s", "a/b"), 0);
    cr_expect_eq(json_add_string(tree, "none", NULL), 0);
    cr_expect_eq(json_add_string_len(tree, "n", "a\0b", 3), 0);
    cr_expect_eq(json_add_int64(tree, "i", INT64_MIN), 0);
    cr_expect_eq(json_add_bool(tree, "b", true), 0);
    cr_expect_eq(json_add_time(tree, "t", 1), 0);
    cr_expect_eq(json_add_time(tree, "never", 0), 0);
    cr_expect_eq(json_add(tree, "a", array), 0);
    cleanup_free char *text = serialize(tree);
    cr_expect_str_eq(text, "{\"s\":\"a/b\",\"none\":null,\"n\":\"a\\u0000b\","
                           "\"i\":-9223372036854775808,\"b\":true,"
                           "\"t\":\"1970-01-01T00:00:00.001Z\",\"never\":null,\"a\":[1,null]}");
}

Test(json_add, to_nothing)
{
    cr_expect_eq(json_add(NULL, "k", json_object_new_int64(1)), -ENOMEM);
    cr_expect_eq(json_add_string(NULL, "k", "v"), -ENOMEM);
    cr_expect_eq(json_append(NULL, json_object_new_int64(1)), -ENOMEM);
}

Test(json_canonical, texts)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"null", "null"},
        {"{\"b\":1,\"a\":2,\"\":3,\"B\":4,\"aa\":5}", "{\"\":3,\"B\":4,\"a\":2,\"aa\":5,\"b\":1}"},
        {"{\"\xC3\xA9\":1,\"z\":2}", "{\"z\":2,\"\xC3\xA9\":1}"},
        {"[1.50,15e-1,1.5,-0,0.0,1e2]", "[15e-1,15e-1,15e-1,0,0,100]"},
        {"\"\\u0041\\/\\u000A\\u0000\"", "\"A/\\n\\u0000\""},
        {"{\"a\":{\"y\":[],\"x\":{}}}", "{\"a\":{\"x\":{},\"y\":[]}}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *tree = parse(cases[i].text);
        cleanup_free char *text = canonical(tree);
        cr_expect_str_eq(text, cases[i].expected, "case %zu: %s", i, text);
    }
}

Test(json_equal, cases)
{
    static const struct {
        const char *a, *b;
        int strict, lenient;
    } cases[] = {
        {"null", "null", 1, 1},
        {"null", "false", 0, 0},
        {"null", "{}", 0, 0},
        {"true", "true", 1, 1},
        {"true", "false", 0, 0},
        {"true", "1", 0, 0},
        {"true", "\"true\"", 0, 0},
        {"1", "1.0", 1, 1},
        {"1", "2", 0, 0},
        {"1", "12", 0, 0},
        {"100", "1e2", 1, 1},
        {"-0", "0", 1, 1},
        {"9007199254740993", "9007199254740992.0", 0, 0},
        {"123456789012345678901", "123456789012345678902", 0, 0},
        {"123456789012345678900", "1234567890123456789e2", 1, 1},
        {"1e400", "1e401", 0, 0},
        {"1", "\"1\"", 0, 1},
        {"1.50", "\"15e-1\"", 0, 1},
        {"1", "\"01\"", 0, 0},
        {"1", "\" 1\"", 0, 0},
        {"1", "\"1\\u0000\"", 0, 0},
        {"1", "\"one\"", 0, 0},
        {"\"1\"", "\"1.0\"", 0, 0},
        {"\"a\"", "\"a\"", 1, 1},
        {"\"a\"", "\"a\\u0000\"", 0, 0},
        {"\"a\\u0000b\"", "\"a\\u0000c\"", 0, 0},
        {"\"\\u0061\"", "\"a\"", 1, 1},
        {"[1,2]", "[1,2]", 1, 1},
        {"[1,2]", "[2,1]", 0, 0},
        {"[1]", "[1,1]", 0, 0},
        {"[]", "{}", 0, 0},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1, 1},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0, 0},
        {"{\"a\":null}", "{\"b\":null}", 0, 0},
        {"{\"a\":null}", "{}", 0, 0},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}", 1, 1},
        {"{\"a\":[{\"b\":1}]}", "{\"a\":[{\"b\":\"1\"}]}", 0, 1},
        {"{\"1\":0}", "{\"1.0\":0}", 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *a = parse(cases[i].a), *b = parse(cases[i].b);
        cleanup_free char *x = canonical(a), *y = canonical(b);
        cr_expect_eq(json_equal(a, b, false), cases[i].strict, "case %zu", i);
        cr_expect_eq(json_equal(b, a, false), cases[i].strict, "case %zu, turned", i);
        cr_expect_eq(json_equal(a, b, true), cases[i].lenient, "case %zu, lenient", i);
        cr_expect_eq(json_equal(b, a, true), cases[i].lenient, "case %zu, lenient, turned", i);
        cr_expect_eq(strcmp(x, y) == 0, cases[i].strict, "case %zu: %s %s", i, x, y);
    }
}
