#include "common/json_scan.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct scan_case {
    const char *text;
    enum json_scan expected;
};

/* With any value wanted and 4 levels allowed. */
static void check(const struct scan_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum json_scan r = json_scan(cases[i].text, strlen(cases[i].text), 4, false, NULL);
        cr_expect_eq(r, cases[i].expected, "case %zu, %s: got %d", i, cases[i].text, (int)r);
    }
}

Test(json_scan, grammar)
{
    static const struct scan_case cases[] = {
        {"{}", JSON_SCAN_OK},
        {" \t\r\n{ \"a\" : [ 1 , true , false , null , \"x\" ] } \n", JSON_SCAN_OK},
        {"[[],[[]],{}]", JSON_SCAN_OK},
        {"\"\"", JSON_SCAN_OK},
        {"null", JSON_SCAN_OK},
        {"{\"\":1}", JSON_SCAN_OK},
        {"\"\x7f\"", JSON_SCAN_OK},
        {"", JSON_SCAN_NOT_JSON},
        {" ", JSON_SCAN_NOT_JSON},
        {"{", JSON_SCAN_NOT_JSON},
        {"}", JSON_SCAN_NOT_JSON},
        {"[", JSON_SCAN_NOT_JSON},
        {"[}", JSON_SCAN_NOT_JSON},
        {"{]", JSON_SCAN_NOT_JSON},
        {"[1}", JSON_SCAN_NOT_JSON},
        {"{\"a\":1]", JSON_SCAN_NOT_JSON},
        {"[1,]", JSON_SCAN_NOT_JSON},
        {"[,1]", JSON_SCAN_NOT_JSON},
        {"[1 2]", JSON_SCAN_NOT_JSON},
        {"[1", JSON_SCAN_NOT_JSON},
        {"{\"a\"}", JSON_SCAN_NOT_JSON},
        {"{\"a\":}", JSON_SCAN_NOT_JSON},
        {"{\"a\":1,}", JSON_SCAN_NOT_JSON},
        {"{\"a\" 1}", JSON_SCAN_NOT_JSON},
        {"{\"a\":1 \"b\":2}", JSON_SCAN_NOT_JSON},
        {"{a:1}", JSON_SCAN_NOT_JSON},
        {"{'a':1}", JSON_SCAN_NOT_JSON},
        {"{1:1}", JSON_SCAN_NOT_JSON},
        {"{\"a\":1}}", JSON_SCAN_NOT_JSON},
        {"{} x", JSON_SCAN_NOT_JSON},
        {"1 2", JSON_SCAN_NOT_JSON},
        {"/* x */{}", JSON_SCAN_NOT_JSON},
        {"{}// x", JSON_SCAN_NOT_JSON},
        {"\v{}", JSON_SCAN_NOT_JSON},
        {"nul", JSON_SCAN_NOT_JSON},
        {"nulL", JSON_SCAN_NOT_JSON},
        {"True", JSON_SCAN_NOT_JSON},
        {"truee", JSON_SCAN_NOT_JSON},
        {"NaN", JSON_SCAN_NOT_JSON},
        {"Infinity", JSON_SCAN_NOT_JSON},
        {"-Infinity", JSON_SCAN_NOT_JSON},
    };
    check(cases, ARRAY_SIZE(cases));
}

Test(json_scan, numbers)
{
    static const struct scan_case cases[] = {
        {"0", JSON_SCAN_OK},          {"-0", JSON_SCAN_OK},        {"10", JSON_SCAN_OK},
        {"-1.5", JSON_SCAN_OK},       {"1e5", JSON_SCAN_OK},       {"1E+05", JSON_SCAN_OK},
        {"0.0e-0", JSON_SCAN_OK},     {"1e999", JSON_SCAN_OK},     {"01", JSON_SCAN_NOT_JSON},
        {"-", JSON_SCAN_NOT_JSON},    {"-01", JSON_SCAN_NOT_JSON}, {"+1", JSON_SCAN_NOT_JSON},
        {".5", JSON_SCAN_NOT_JSON},   {"1.", JSON_SCAN_NOT_JSON},  {"1.e5", JSON_SCAN_NOT_JSON},
        {"1e", JSON_SCAN_NOT_JSON},   {"1e+", JSON_SCAN_NOT_JSON}, {"1e5.5", JSON_SCAN_NOT_JSON},
        {"0x10", JSON_SCAN_NOT_JSON}, {"1-", JSON_SCAN_NOT_JSON},  {"--1", JSON_SCAN_NOT_JSON},
    };
    check(cases, ARRAY_SIZE(cases));
}

Test(json_scan, strings)
{
    static const struct scan_case cases[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"", JSON_SCAN_OK},
        {"\"\\u0000\"", JSON_SCAN_OK},
        {"\"\\ud83d\\ude00\"", JSON_SCAN_OK},
        {"\"\\uDBFF\\uDFFF\"", JSON_SCAN_OK},
        {"\"", JSON_SCAN_NOT_JSON},
        {"\"a", JSON_SCAN_NOT_JSON},
        {"\"\\", JSON_SCAN_NOT_JSON},
        {"\"\\\"", JSON_SCAN_NOT_JSON},
        {"\"\\x41\"", JSON_SCAN_NOT_JSON},
        {"\"\\'\"", JSON_SCAN_NOT_JSON},
        {"\"\\u12\"", JSON_SCAN_NOT_JSON},
        {"\"\\u12g4\"", JSON_SCAN_NOT_JSON},
        {"\"\\U0041\"", JSON_SCAN_NOT_JSON},
        {"\"\\u", JSON_SCAN_NOT_JSON},
        {"\"a\tb\"", JSON_SCAN_NOT_JSON},
        {"\"a\nb\"", JSON_SCAN_NOT_JSON},
        {"\"\x1f\"", JSON_SCAN_NOT_JSON},
        {"{\"a\\u0000b\":1}", JSON_SCAN_NOT_JSON},
        {"{\"a\":\"\\u0000\"}", JSON_SCAN_OK},
        {"\"\\ud800\"", JSON_SCAN_NOT_UTF8},
        {"\"\\ud800x\"", JSON_SCAN_NOT_UTF8},
        {"\"\\ud800\\n\"", JSON_SCAN_NOT_UTF8},
        {"\"\\ud800\\ud800\"", JSON_SCAN_NOT_UTF8},
        {"\"\\ud800\\u0041\"", JSON_SCAN_NOT_UTF8},
        {"\"\\udc00\"", JSON_SCAN_NOT_UTF8},
        {"\"\\udc00\\ud800\"", JSON_SCAN_NOT_UTF8},
        {"{\"\\ud800\":1}", JSON_SCAN_NOT_UTF8},
    };
    check(cases, ARRAY_SIZE(cases));
}

Test(json_scan, utf8)
{
    static const struct scan_case cases[] = {
        {"\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"", JSON_SCAN_OK},
        {"\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"", JSON_SCAN_OK},
        {"\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", JSON_SCAN_OK},
        {"\"\x80\"", JSON_SCAN_NOT_UTF8},     /* continuation alone */
        {"\"\xC0\xAF\"", JSON_SCAN_NOT_UTF8}, /* overlong */
        {"\"\xC1\xBF\"", JSON_SCAN_NOT_UTF8},
        {"\"\xE0\x9F\xBF\"", JSON_SCAN_NOT_UTF8},
        {"\"\xF0\x8F\xBF\xBF\"", JSON_SCAN_NOT_UTF8},
        {"\"\xED\xA0\x80\"", JSON_SCAN_NOT_UTF8},     /* surrogate */
        {"\"\xF4\x90\x80\x80\"", JSON_SCAN_NOT_UTF8}, /* over U+10FFFF */
        {"\"\xF5\x80\x80\x80\"", JSON_SCAN_NOT_UTF8},
        {"\"\xFF\"", JSON_SCAN_NOT_UTF8},
        {"\"\xE2\x82\"", JSON_SCAN_NOT_UTF8}, /* cut */
        {"\"\xE2\x82", JSON_SCAN_NOT_UTF8},
        {"\"\xF0\x9F\x98", JSON_SCAN_NOT_UTF8},
        {"\"\xF0\x9F\x98x\"", JSON_SCAN_NOT_UTF8},
        {"{} \xFF", JSON_SCAN_NOT_UTF8}, /* outside of strings */
        {"\xFE", JSON_SCAN_NOT_UTF8},
        {"tr\xFF", JSON_SCAN_NOT_UTF8},
        {"1.\xFF", JSON_SCAN_NOT_UTF8},
        {"\"\\\xFF\"", JSON_SCAN_NOT_UTF8},
        {"\"\\u00\xFF\"", JSON_SCAN_NOT_UTF8},
        {"\xC2\xA0{}", JSON_SCAN_NOT_JSON}, /* a blank of Unicode is none of JSON */
        {"[\xC3\xA9]", JSON_SCAN_NOT_JSON},
    };
    check(cases, ARRAY_SIZE(cases));
}

Test(json_scan, first_fault_decides)
{
    static const struct scan_case cases[] = {
        {"[x\xFF", JSON_SCAN_NOT_JSON},       {"[\xFFx", JSON_SCAN_NOT_UTF8},
        {"[[[[[x", JSON_SCAN_TOO_DEEP},       {"[[[[x[", JSON_SCAN_NOT_JSON},
        {"[[[[[\xFF", JSON_SCAN_TOO_DEEP},    {"\"\\ud800\xFF", JSON_SCAN_NOT_UTF8},
        {"[\"\\ud800\"", JSON_SCAN_NOT_UTF8}, {"{\"\\u0000\xFF\":1}", JSON_SCAN_NOT_JSON},
    };
    check(cases, ARRAY_SIZE(cases));
}

Test(json_scan, nul_outside_of_escapes)
{
    cr_expect_eq(json_scan("{}\0", 3, 4, true, NULL), JSON_SCAN_NOT_JSON);
    cr_expect_eq(json_scan("\"a\0b\"", 5, 4, false, NULL), JSON_SCAN_NOT_JSON);
    cr_expect_eq(json_scan("\"\\\0\"", 4, 4, false, NULL), JSON_SCAN_NOT_JSON);
    cr_expect_eq(json_scan("\0", 1, 4, false, NULL), JSON_SCAN_NOT_JSON);
}

Test(json_scan, want_object)
{
    static const struct scan_case cases[] = {
        {"{}", JSON_SCAN_OK},
        {" \n{}", JSON_SCAN_OK},
        {"\xEF\xBB\xBF{}", JSON_SCAN_OK},
        {"[]", JSON_SCAN_NOT_OBJECT},
        {"[{}]", JSON_SCAN_NOT_OBJECT},
        {"\"{}\"", JSON_SCAN_NOT_OBJECT},
        {"null", JSON_SCAN_NOT_OBJECT},
        {"[", JSON_SCAN_NOT_JSON},
        {"[] x", JSON_SCAN_NOT_JSON},
        {"[\"\xFF\"]", JSON_SCAN_NOT_UTF8},
        {"[[[[[]]]]]", JSON_SCAN_TOO_DEEP},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(json_scan(cases[i].text, strlen(cases[i].text), 4, true, NULL),
                     cases[i].expected, "case %zu", i);
}

Test(json_scan, depth)
{
    static const struct {
        const char *text;
        unsigned max;
        enum json_scan expected;
    } cases[] = {
        {"1", 0, JSON_SCAN_OK},
        {"[]", 0, JSON_SCAN_TOO_DEEP},
        {"[]", 1, JSON_SCAN_OK},
        {"{\"a\":[]}", 1, JSON_SCAN_TOO_DEEP},
        {"{\"a\":[]}", 2, JSON_SCAN_OK},
        {"[[],[],[]]", 2, JSON_SCAN_OK},
        {"[[[1]]]", 2, JSON_SCAN_TOO_DEEP},
        {"[[[1]]]", 3, JSON_SCAN_OK},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(json_scan(cases[i].text, strlen(cases[i].text), cases[i].max, false, NULL),
                     cases[i].expected, "case %zu", i);
}

/* Objects and arrays in turn, through every word of the bit set; each closed by its own bracket
 * only. */
Test(json_scan, deepest)
{
    enum { DEPTH = JSON_SCAN_MAX_DEPTH };
    cleanup_free char *text = malloc(DEPTH * 6 + 16);
    size_t n = 0, last;

    for (int i = 0; i < DEPTH; i++)
        n += (size_t)sprintf(text + n, "%s", i % 3 ? "[" : "{\"a\":");
    n += (size_t)sprintf(text + n, "1");
    for (int i = DEPTH - 1; i >= 0; i--)
        text[n++] = i % 3 ? ']' : '}';
    last = n - 1;
    cr_expect_eq(json_scan(text, n, DEPTH, true, NULL), JSON_SCAN_OK);
    cr_expect_eq(json_scan(text, n, DEPTH - 1, true, NULL), JSON_SCAN_TOO_DEEP);
    text[last] = ']';
    cr_expect_eq(json_scan(text, n, DEPTH, true, NULL), JSON_SCAN_NOT_JSON);
}

Test(json_scan, byte_order_mark)
{
    struct json_scan_info info;

    cr_expect_eq(json_scan("\xEF\xBB\xBF{}", 5, 4, true, &info), JSON_SCAN_OK);
    cr_expect_eq(info.start, 3);
    cr_expect_eq(json_scan("{}", 2, 4, true, &info), JSON_SCAN_OK);
    cr_expect_eq(info.start, 0);
    cr_expect_eq(json_scan("\xEF\xBB\xBF", 3, 4, false, &info), JSON_SCAN_NOT_JSON);
    cr_expect_eq(json_scan("\xEF\xBB", 2, 4, false, &info), JSON_SCAN_NOT_UTF8);
    cr_expect_eq(json_scan("\xEF\xBB\xBF\xEF\xBB\xBF{}", 8, 4, false, &info), JSON_SCAN_NOT_JSON);
    cr_expect_eq(json_scan("{}\xEF\xBB\xBF", 5, 4, false, &info), JSON_SCAN_NOT_JSON);
}

Test(json_scan, long_integers)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"999999999999999999", 0},
        {"-999999999999999999", 0},
        {"1000000000000000000", 1},
        {"-1000000000000000000", 1},
        {"10000000000000000000.5", 0},
        {"10000000000000000000e1", 0},
        {"\"10000000000000000000\"", 0},
        {"[10000000000000000000,{\"a\":20000000000000000000},1]", 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json_scan_info info;
        cr_assert_eq(json_scan(cases[i].text, strlen(cases[i].text), 4, false, &info),
                     JSON_SCAN_OK);
        cr_expect_eq(info.n_long_ints, cases[i].n, "case %zu", i);
        cr_expect_eq(info.has_long_int, cases[i].n > 0, "case %zu", i);
    }
}

/* Every beginning of a valid text is not valid, and no byte behind the end is read (an allocation
 * of the exact size). */
Test(json_scan, beginnings)
{
    static const char text[] =
        "{\"k\\u00e9\":[true,null,-1.5e+3,\"\\ud83d\\ude00\xF0\x9F\x98\x80\"],\"x\":{}}";
    size_t size = strlen(text);

    for (size_t n = 0; n <= size; n++) {
        cleanup_free char *part = malloc(n ? n : 1);
        memcpy(part, text, n);
        enum json_scan r = json_scan(part, n, 4, true, NULL);
        if (n == size)
            cr_expect_eq(r, JSON_SCAN_OK);
        else
            cr_expect(r == JSON_SCAN_NOT_JSON || r == JSON_SCAN_NOT_UTF8, "%zu bytes: %d", n,
                      (int)r);
    }
}
