#include "common/parse.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct number_case {
    const char *text;
    int result;
    int64_t value;
};

static void check(const struct number_case *cases, size_t n, int (*parse)(const char *, int64_t *))
{
    for (size_t i = 0; i < n; i++) {
        int64_t value = -77;
        int r = parse(cases[i].text, &value);
        cr_expect_eq(r, cases[i].result, "%s: %d", cases[i].text, r);
        cr_expect_eq(value, r == 0 ? cases[i].value : -77, "%s: %lld", cases[i].text,
                     (long long)value);
    }
}

Test(parse, durations)
{
    static const struct number_case cases[] = {
        {"0", 0, 0},
        {"0s", 0, 0},
        {"250ms", 0, 250},
        {"10s", 0, 10000},
        {"010s", 0, 10000},
        {"5m", 0, 300000},
        {"1h", 0, 3600000},
        {"90d", 0, INT64_C(7776000000)},
        {"36525d", 0, INT64_C(3155760000000)},
        {"36526d", -ERANGE, 0},
        {"3155760000001ms", -ERANGE, 0},
        {"99999999999999999999999s", -ERANGE, 0},
        {"18446744073709551617ms", -ERANGE, 0},
        {"200000000000000000d", -ERANGE, 0},
        {"99999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"10", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"00", -EINVAL, 0},
        {"-1s", -EINVAL, 0},
        {"+1s", -EINVAL, 0},
        {"1.5s", -EINVAL, 0},
        {"1 s", -EINVAL, 0},
        {" 1s", -EINVAL, 0},
        {"1s ", -EINVAL, 0},
        {"1S", -EINVAL, 0},
        {"1h30m", -EINVAL, 0},
    };
    check(cases, ARRAY_SIZE(cases), parse_duration_ms);
}

Test(parse, sizes)
{
    static const struct number_case cases[] = {
        {"0", 0, 0},
        {"1", 0, 1},
        {"64M", 0, 67108864},
        {"2K", 0, 2048},
        {"3G", 0, INT64_C(3221225472)},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -ERANGE, 0},
        {"8589934592G", -ERANGE, 0},
        {"99999999999999999999", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"K", -EINVAL, 0},
        {"1k", -EINVAL, 0},
        {"1KB", -EINVAL, 0},
        {"1T", -EINVAL, 0},
        {"-1K", -EINVAL, 0},
        {"1 K", -EINVAL, 0},
    };
    check(cases, ARRAY_SIZE(cases), parse_size);
}

Test(parse, integers)
{
    static const struct {
        const char *text;
        int64_t min, max;
        int result;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, 0, 0},
        {"-0", 0, 10, 0, 0},
        {"10", 0, 10, 0, 10},
        {"11", 0, 10, -ERANGE, 0},
        {"-1", 0, 10, -ERANGE, 0},
        {"-5", -5, 10, 0, -5},
        {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0},
        {"99999999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0},
        {"99999999999999999999999x", INT64_MIN, INT64_MAX, -EINVAL, 0},
        {"", 0, 10, -EINVAL, 0},
        {"-", 0, 10, -EINVAL, 0},
        {"--1", -10, 10, -EINVAL, 0},
        {"+1", 0, 10, -EINVAL, 0},
        {" 1", 0, 10, -EINVAL, 0},
        {"1 ", 0, 10, -EINVAL, 0},
        {"0x1", 0, 10, -EINVAL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t value = -77;
        int r = parse_integer(cases[i].text, cases[i].min, cases[i].max, &value);
        cr_expect_eq(r, cases[i].result, "%s: %d", cases[i].text, r);
        cr_expect_eq(value, r == 0 ? cases[i].value : -77, "%s", cases[i].text);
    }
}

Test(parse, formats_read_back)
{
    static const struct {
        int64_t value;
        const char *duration, *size;
    } cases[] = {
        {0, "0", "0"},
        {1, "1ms", "1"},
        {1000, "1s", "1000"},
        {1024, "1024ms", "1K"},
        {90000, "90s", "90000"},
        {INT64_C(86400000), "1d", "84375K"},
        {5400000, "90m", "5400000"},
        {67108864, "67108864ms", "64M"},
        {INT64_C(3155760000000), "36525d", "3081796875K"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[PARSE_FORMAT_SIZE];
        int64_t back = -1;
        format_duration(cases[i].value, text);
        cr_expect_str_eq(text, cases[i].duration);
        cr_expect_eq(parse_duration_ms(text, &back), 0);
        cr_expect_eq(back, cases[i].value);
        format_size(cases[i].value, text);
        cr_expect_str_eq(text, cases[i].size);
        cr_expect_eq(parse_size(text, &back), 0);
        cr_expect_eq(back, cases[i].value);
    }
}

Test(parse, format_fits)
{
    char text[PARSE_FORMAT_SIZE];

    format_duration(INT64_MIN + 1, text);
    cr_expect_str_eq(text, "-9223372036854775807ms");
    format_size(INT64_MAX, text);
    cr_expect_str_eq(text, "9223372036854775807");
}

Test(parse, words)
{
    static const struct {
        const char *text;
        int result;
        const char *words[6];
    } cases[] = {
        {"", 0, {NULL}},
        {" \t ", 0, {NULL}},
        {"/bin/true", 0, {"/bin/true"}},
        {"  a \t b  ", 0, {"a", "b"}},
        {"a b c d e", 0, {"a", "b", "c", "d", "e"}},
        {"\"a b\" c", 0, {"a b", "c"}},
        {"--x=\"a b\"c", 0, {"--x=a bc"}},
        {"\"\"", 0, {""}},
        {"\"\" \"\"", 0, {"", ""}},
        {"a\\ b", 0, {"a b"}},
        {"\\\"a\\\\", 0, {"\"a\\"}},
        {"\"a\\\"b\"", 0, {"a\"b"}},
        {"'a b'", 0, {"'a", "b'"}},
        {"$HOME *.c `x`;", 0, {"$HOME", "*.c", "`x`;"}},
        {"a\nb", 0, {"a\nb"}},
        {"\"a", -EINVAL, {NULL}},
        {"a \"", -EINVAL, {NULL}},
        {"\"a\\\"", -EINVAL, {NULL}},
        {"a\\", -EINVAL, {NULL}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_strv char **words = NULL;
        int r = parse_words(cases[i].text, &words);
        cr_expect_eq(r, cases[i].result, "case %zu: %d", i, r);
        if (r == 0)
            cr_expect(strv_equal(words, (char *const *)cases[i].words), "case %zu", i);
        else
            cr_expect_null(words);
    }
}

Test(parse, vectors)
{
    char a[] = "a", b[] = "b";
    char *one[] = {a, NULL}, *two[] = {a, b, NULL}, *other[] = {b, NULL}, *none[] = {NULL};

    cr_expect_eq(strv_length(NULL), 0);
    cr_expect_eq(strv_length(two), 2);
    cr_expect(strv_equal(NULL, none));
    cr_expect(strv_equal(one, one));
    cr_expect_not(strv_equal(one, two));
    cr_expect_not(strv_equal(one, other));
    cr_expect_not(strv_equal(one, NULL));
    strv_free(NULL);
}
