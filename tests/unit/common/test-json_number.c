#include "common/json_number.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *canonical(const char *text)
{
    char *form = malloc(strlen(text) + JSON_NUMBER_GROWTH);
    size_t n = json_number_canonical(text, strlen(text), form);

    cr_assert_lt(n, strlen(text) + JSON_NUMBER_GROWTH);
    form[n] = '\0';
    return form;
}

Test(json_number, canonical)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"-0e99999999999999999999", "0"},
        {"7", "7"},
        {"-70", "-70"},
        {"1.50", "15e-1"},
        {"15e-1", "15e-1"},
        {"0.0015", "15e-4"},
        {"100.00", "100"},
        {"1E2", "100"},
        {"1e+02", "100"},
        {"1e18", "1000000000000000000"},
        {"1e19", "1e19"},
        {"10000000000000000000", "1e19"},
        {"10000000000000000001", "10000000000000000001"},
        {"12345678901234567890.5", "123456789012345678905e-1"},
        {"0.1e1", "1"},
        {"10e-1", "1"},
        {"1e-0", "1"},
        {"1e-1", "1e-1"},
        /* exponents about the largest that is computed in a word */
        {"1e999999999999999999", "1e999999999999999999"},
        {"10e999999999999999998", "1e999999999999999999"},
        {"10e999999999999999999", "1e1000000000000000000"},
        {"1e1000000000000000000", "1e1000000000000000000"},
        {"0.1e1000000000000000000", "1e999999999999999999"},
        {"0.001e1000000000000000001", "1e999999999999999998"},
        {"1e-1000000000000000000", "1e-1000000000000000000"},
        {"10e-1000000000000000000", "1e-999999999999999999"},
        {"0.1e-999999999999999999", "1e-1000000000000000000"},
        {"0.1e-1000000000000000000", "1e-1000000000000000001"},
        /* beyond 64 bits */
        {"1e99999999999999999999", "1e99999999999999999999"},
        {"10e99999999999999999999", "1e100000000000000000000"},
        {"-0.10e+000100000000000000000000", "-1e99999999999999999999"},
        {"1.25e-99999999999999999999", "125e-100000000000000000001"},
        {"12000e-00100000000000000000000", "12e-99999999999999999997"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *form = canonical(cases[i].text);
        cr_expect_str_eq(form, cases[i].expected, "case %zu, %s: %s", i, cases[i].text, form);
        cleanup_free char *again = canonical(form);
        cr_expect_str_eq(again, form, "case %zu is not stable: %s", i, again);
    }
}

Test(json_number, valid)
{
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {
        {"0", true},
        {"-1.5e3", true},
        {"12345678901234567890", true},
        {"", false},
        {"-", false},
        {"01", false},
        {" 1", false},
        {"1 ", false},
        {"\xEF\xBB\xBF"
         "1",
         false},
        {"+1", false},
        {"1.", false},
        {"0x1", false},
        {"[1", false},
        {"NaN", false},
        {"1,1", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(json_number_valid(cases[i].text, strlen(cases[i].text)), cases[i].expected,
                     "case %zu", i);
    cr_expect_not(json_number_valid("1\0"
                                    "2",
                                    3));
}

Test(json_number, text_of_nodes)
{
    const struct {
        struct json_object *node;
        const char *expected;
    } cases[] = {
        {json_object_new_int64(INT64_MIN), "-9223372036854775808"},
        {json_object_new_int64(INT64_MAX), "9223372036854775807"},
        {json_object_new_uint64(UINT64_MAX), "18446744073709551615"},
        {json_object_new_double(0.1), "0.1"},
        {json_object_new_double(1.0 / 3), "0.3333333333333333"},
        {json_object_new_double(5e-324), "4.94065645841247e-324"},
        {json_object_new_double(NAN), "null"},
        {json_object_new_double(-INFINITY), "null"},
        {json_object_new_double_s(1.5, "1.50"), "1.50"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char buffer[JSON_NUMBER_TEXT_SIZE];
        cr_expect_str_eq(json_number_text(cases[i].node, buffer), cases[i].expected, "case %zu", i);
        json_object_put(cases[i].node);
    }
}

/* A printf format, which json-c keeps where it keeps a text, is not taken for one. */
Test(json_number, foreign_serializer)
{
    struct json_object *node = json_object_new_double(2.5);
    char buffer[JSON_NUMBER_TEXT_SIZE];

    json_object_set_serializer(node, json_object_double_to_json_string, (void *)"%.9f", NULL);
    cr_expect_str_eq(json_number_text(node, buffer), "2.5");
    json_object_put(node);
}
