#include "common/timestamp.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define NEW_YEAR_2026 INT64_C(1767225600000)
#define SUNDAY_1994   INT64_C(784111777000) /* the example of RFC 9110: 1994-11-06 08:49:37 */
#define NEVER         INT64_MAX             /* for max_ms */

Test(timestamp, format)
{
    static const struct {
        int64_t at;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {NEW_YEAR_2026 + 123, "2026-01-01T00:00:00.123Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {-INT64_C(62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[TIME_RFC3339_SIZE];
        time_format_rfc3339(cases[i].at, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

Test(timestamp, parse)
{
    static const struct {
        const char *text;
        int64_t at;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-01", NEW_YEAR_2026},
        {"2026-01-01T00:00:00.000Z", NEW_YEAR_2026},
        {"2026-01-01t00:00:00z", NEW_YEAR_2026},
        {"2026-01-01T00:00:00.1Z", NEW_YEAR_2026 + 100},
        {"2026-01-01T00:00:00.12Z", NEW_YEAR_2026 + 120},
        {"2026-01-01T00:00:00.123999999999999999999999Z", NEW_YEAR_2026 + 123},
        {"2026-01-01T01:30:00+01:30", NEW_YEAR_2026},
        {"2025-12-31T16:00:00-08:00", NEW_YEAR_2026},
        {"2026-01-01T00:00:00-00:00", NEW_YEAR_2026},
        {"2025-12-31T23:59:60Z", NEW_YEAR_2026},
        {"2026-01-01T00:59:60.5+01:00", NEW_YEAR_2026 + 500},
        {"2000-02-29", INT64_C(951782400000)},
        {"0000-01-01T00:00:00Z", -INT64_C(62167219200000)},
        {"0000-02-29T00:00:00Z", -INT64_C(62162121600000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at = -77;
        cr_expect_eq(time_parse_rfc3339(cases[i].text, &at), 0, "%s", cases[i].text);
        cr_expect_eq(at, cases[i].at, "%s: %lld", cases[i].text, (long long)at);
    }
}

Test(timestamp, parse_refuses)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-1-1",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "2100-02-29",
        "26-01-01",
        "02026-01-01",
        "-2026-01-01",
        " 2026-01-01",
        "2026-01-01 ",
        "2026-01-01T",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00Zx",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01Z",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at = -77;
        cr_expect_eq(time_parse_rfc3339(cases[i], &at), -EINVAL, "%s", cases[i]);
        cr_expect_eq(at, -77);
    }
}

/* Against libc, a day and a bit at a time through 2000 years. */
Test(timestamp, agrees_with_libc)
{
    for (int64_t at = -INT64_C(30000000000000); at < INT64_C(33000000000000);
         at += 86400000 * 9 + 1237) {
        char text[TIME_RFC3339_SIZE], expected[TIME_RFC3339_SIZE + 8];
        int64_t back;
        time_t seconds = (time_t)(at / 1000 - (at % 1000 < 0));
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
        time_format_rfc3339(at, text);
        cr_assert_eq(strncmp(text, expected, 19), 0, "%s %s", text, expected);
        cr_assert_eq(time_parse_rfc3339(text, &back), 0);
        cr_assert_eq(back, at);
    }
}

Test(timestamp, retry_after)
{
    static const struct {
        const char *text;
        int64_t now, max_ms;
        int result;
        int64_t wait_ms;
    } cases[] = {
        {"0", 0, NEVER, 0, 0},
        {"120", 0, NEVER, 0, 120000},
        {"007", 0, NEVER, 0, 7000},
        {"120", 0, 60000, 0, 60000},
        {"99999999999999999999999999", 0, 60000, 0, 60000},
        {"99999999999999999999999999", 0, NEVER, 0, NEVER},
        {"Sun, 06 Nov 1994 08:49:37 GMT", SUNDAY_1994 - 5000, NEVER, 0, 5000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", SUNDAY_1994 + 5000, NEVER, 0, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 60000, 0, 60000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", SUNDAY_1994 - 5000, NEVER, 0, 5000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", NEW_YEAR_2026, NEVER, 0, 0},
        {"Sun Nov  6 08:49:37 1994", SUNDAY_1994 - 5000, NEVER, 0, 5000},
        {"Thu Jan 01 00:00:10 2026", NEW_YEAR_2026, NEVER, 0, 10000},
        {"Thursday, 01-Jan-26 00:00:10 GMT", NEW_YEAR_2026, NEVER, 0, 10000},
        /* two digits: at most 50 years ahead */
        {"Wednesday, 01-Jan-76 00:00:00 GMT", NEW_YEAR_2026, NEVER, 0, INT64_C(1577836800000)},
        {"Saturday, 01-Jan-77 00:00:00 GMT", NEW_YEAR_2026, NEVER, 0, 0},
        {"", 0, NEVER, -EINVAL, 0},
        {"-1", 0, NEVER, -EINVAL, 0},
        {"1.5", 0, NEVER, -EINVAL, 0},
        {"1s", 0, NEVER, -EINVAL, 0},
        {"soon", 0, NEVER, -EINVAL, 0},
        {"Sun, 06 Nov 1994 08:49:37", 0, NEVER, -EINVAL, 0},
        {"Sun, 06 Nov 1994 08:49:37 CET", 0, NEVER, -EINVAL, 0},
        {"Sun, 06 nov 1994 08:49:37 GMT", 0, NEVER, -EINVAL, 0},
        {"Sun, 6 Nov 1994 08:49:37 GMT", 0, NEVER, -EINVAL, 0},
        {"Sun, 31 Nov 1994 08:49:37 GMT", 0, NEVER, -EINVAL, 0},
        {"Sun, 06 Nov 1994 24:49:37 GMT", 0, NEVER, -EINVAL, 0},
        {"Sunday, 06 Nov 1994 08:49:37 GMT", 0, NEVER, -EINVAL, 0},
        {"Sun Nov 6 08:49:37 1994", 0, NEVER, -EINVAL, 0},
        {"Sun Nov  6 08:49:37 1994 GMT", 0, NEVER, -EINVAL, 0},
        {"2026-01-01T00:00:00Z", 0, NEVER, -EINVAL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t wait_ms = -77;
        int r = time_parse_retry_after(cases[i].text, cases[i].now, cases[i].max_ms, &wait_ms);
        cr_expect_eq(r, cases[i].result, "case %zu: %d", i, r);
        cr_expect_eq(wait_ms, r == 0 ? cases[i].wait_ms : -77, "case %zu: %lld", i,
                     (long long)wait_ms);
    }
}

Test(timestamp, clocks)
{
    struct timespec real, boot;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);

    cr_expect_geq(time_now(), (int64_t)real.tv_sec * 1000);
    int64_t earlier = time_boot_ms();
    cr_expect_geq(earlier, (int64_t)boot.tv_sec * 1000);
    cr_expect_geq(time_boot_ms(), earlier);
}
