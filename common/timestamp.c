/* The calendar is computed here: libc's functions look at the time zone and the locale. Days are
 * counted in the proleptic Gregorian calendar, in years that begin in March, so that the leap day
 * is the last; 400 of them are one era. */
#include "common/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_MS  1000
#define DAY_S      86400
#define DAY_MS     ((int64_t)DAY_S * SECOND_MS)
#define ERA_DAYS   146097
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z. */
#define FIRST_MS (-INT64_C(62167219200000))
#define LAST_MS  INT64_C(253402300799999)

struct civil {
    int64_t year;
    int64_t month, day; /* from 1 */
    int64_t hour, minute, second;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t time_now(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t time_boot_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t time_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

int64_t time_next_midnight_utc(int64_t at)
{
    const int64_t day = INT64_C(24) * 60 * 60 * 1000; /* POSIX days have no leap seconds */

    return (at / day + 1) * day;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_from_civil(const struct civil *c)
{
    int64_t year = c->year - (c->month <= 2);
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((c->month + 9) % 12) + 2) / 5 + c->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

static void civil_from_days(int64_t days, struct civil *ret)
{
    int64_t era = floor_div(days + EPOCH_DAYS, ERA_DAYS);
    int64_t day_of_era = days + EPOCH_DAYS - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* from March */

    ret->day = day_of_year - (153 * month + 2) / 5 + 1;
    ret->month = month < 10 ? month + 3 : month - 9;
    ret->year = era * 400 + year_of_era + (ret->month <= 2);
}

static int64_t civil_to_ms(const struct civil *c)
{
    int64_t seconds = c->hour * 3600 + c->minute * 60 + c->second;

    return (days_from_civil(c) * DAY_S + seconds) * SECOND_MS;
}

static bool civil_valid(const struct civil *c)
{
    static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;

    if (c->month < 1 || c->month > 12)
        return false;
    if (c->day < 1 || c->day > month_days[c->month - 1] + (leap && c->month == 2))
        return false;
    return c->hour <= 23 && c->minute <= 59 && c->second <= 60; /* 60 is a leap second */
}

void time_format_rfc3339(int64_t at, char ret[static TIME_RFC3339_SIZE])
{
    if (at < FIRST_MS)
        at = FIRST_MS;
    if (at > LAST_MS)
        at = LAST_MS;

    struct civil c;
    int64_t days = floor_div(at, DAY_MS);
    int in_day = (int)(at - days * DAY_MS);
    civil_from_days(days, &c);

    char text[80]; /* for any int, as the compiler sees it */
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)c.year, (int)c.month,
             (int)c.day, in_day / 3600000, in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
    memcpy(ret, text, TIME_RFC3339_SIZE);
}

/* Exactly @n digits at *@p, which moves behind them. */
static bool read_digits(const char **p, int n, int64_t *ret)
{
    int64_t value = 0;

    for (; n > 0; n--, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        value = value * 10 + (**p - '0');
    }
    *ret = value;
    return true;
}

/* One of the characters of @set. */
static bool read_char(const char **p, const char *set)
{
    if (!**p || !strchr(set, **p))
        return false;
    ++*p;
    return true;
}

static bool read_date(const char **p, struct civil *ret)
{
    return read_digits(p, 4, &ret->year) && read_char(p, "-") && read_digits(p, 2, &ret->month) &&
           read_char(p, "-") && read_digits(p, 2, &ret->day);
}

/* HH:MM:SS */
static bool read_clock(const char **p, struct civil *ret)
{
    return read_digits(p, 2, &ret->hour) && read_char(p, ":") && read_digits(p, 2, &ret->minute) &&
           read_char(p, ":") && read_digits(p, 2, &ret->second);
}

/* Of the digits after the point the first three count. */
static bool read_fraction(const char **p, int64_t *ret_ms)
{
    int64_t ms = 0, weight = 100;

    if (!read_char(p, "."))
        return true;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; ++*p, weight /= 10)
        ms += (**p - '0') * weight;
    *ret_ms = ms;
    return true;
}

static bool read_offset(const char **p, int64_t *ret_ms)
{
    int64_t hours, minutes, sign = **p == '-' ? -1 : 1;

    if (read_char(p, "Zz"))
        return true;
    if (!read_char(p, "+-") || !read_digits(p, 2, &hours) || !read_char(p, ":") ||
        !read_digits(p, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_ms = sign * (hours * 60 + minutes) * 60 * SECOND_MS;
    return true;
}

int time_parse_rfc3339(const char *text, int64_t *ret_at)
{
    struct civil c = {0};
    int64_t fraction_ms = 0, offset_ms = 0;
    const char *p = text;

    if (!read_date(&p, &c))
        return -EINVAL;
    if (*p && (!read_char(&p, "Tt") || !read_clock(&p, &c) || !read_fraction(&p, &fraction_ms) ||
               !read_offset(&p, &offset_ms) || *p))
        return -EINVAL;
    if (!civil_valid(&c))
        return -EINVAL;

    int64_t at = civil_to_ms(&c) - offset_ms;
    if (c.second == 60 && at % DAY_MS != 0)
        return -EINVAL; /* leap seconds end a day of UTC (RFC 3339, 5.7) */
    *ret_at = at + fraction_ms;
    return 0;
}

/* One of @n words of @names, case-sensitive (RFC 9110, 5.6.7). */
static bool read_name(const char **p, const char *const *names, int n, int64_t *ret)
{
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(*p, names[i], length) == 0) {
            *p += length;
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_text(const char **p, const char *text)
{
    size_t length = strlen(text);

    if (strncmp(*p, text, length) != 0)
        return false;
    *p += length;
    return true;
}

static bool read_month(const char **p, int64_t *ret)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t month;

    if (!read_name(p, names, 12, &month))
        return false;
    *ret = month + 1;
    return true;
}

/* A year of two digits is the one that is not more than 50 years ahead of @now (RFC 9110, 5.6.7).
 */
static int64_t full_year(int64_t two_digits, int64_t now)
{
    struct civil today;

    civil_from_days(floor_div(now, DAY_MS), &today);
    int64_t year = today.year - today.year % 100 + two_digits;
    if (year > today.year + 50)
        return year - 100;
    return year <= today.year - 50 ? year + 100 : year;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", behind the name of the day. */
static bool read_fixdate(const char *p, struct civil *ret)
{
    return read_text(&p, ", ") && read_digits(&p, 2, &ret->day) && read_char(&p, " ") &&
           read_month(&p, &ret->month) && read_char(&p, " ") && read_digits(&p, 4, &ret->year) &&
           read_char(&p, " ") && read_clock(&p, ret) && strcmp(p, " GMT") == 0;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool read_rfc850(const char *p, int64_t now, struct civil *ret)
{
    if (!read_text(&p, ", ") || !read_digits(&p, 2, &ret->day) || !read_char(&p, "-") ||
        !read_month(&p, &ret->month) || !read_char(&p, "-") || !read_digits(&p, 2, &ret->year) ||
        !read_char(&p, " ") || !read_clock(&p, ret) || strcmp(p, " GMT") != 0)
        return false;
    ret->year = full_year(ret->year, now);
    return true;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(const char *p, struct civil *ret)
{
    if (!read_char(&p, " ") || !read_month(&p, &ret->month) || !read_char(&p, " ") ||
        !read_digits(&p, read_char(&p, " ") ? 1 : 2, &ret->day))
        return false;
    return read_char(&p, " ") && read_clock(&p, ret) && read_char(&p, " ") &&
           read_digits(&p, 4, &ret->year) && !*p;
}

static bool read_http_date(const char *p, int64_t now, int64_t *ret_at)
{
    static const char *const long_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                             "Friday", "Saturday", "Sunday"};
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    struct civil c = {0};
    int64_t day;

    if (read_name(&p, long_names, 7, &day)) {
        if (!read_rfc850(p, now, &c))
            return false;
    } else if (!read_name(&p, names, 7, &day) || (!read_fixdate(p, &c) && !read_asctime(p, &c))) {
        return false;
    }
    if (!civil_valid(&c))
        return false;
    *ret_at = civil_to_ms(&c);
    return true;
}

/* Digits only; beyond @max they stay at @max. */
static bool read_seconds(const char *p, int64_t max_ms, int64_t *ret_ms)
{
    int64_t ms = 0;

    if (!*p)
        return false;
    for (; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (ms < max_ms)
            ms = ms > INT64_MAX / 20 ? max_ms : ms * 10 + (int64_t)(*p - '0') * SECOND_MS;
    }
    *ret_ms = ms;
    return true;
}

int time_parse_retry_after(const char *text, int64_t now, int64_t max_ms, int64_t *ret_ms)
{
    int64_t ms, at;

    if (!read_seconds(text, max_ms, &ms)) {
        if (!read_http_date(text, now, &at))
            return -EINVAL;
        ms = at > now ? at - now : 0;
    }
    *ret_ms = ms < max_ms ? ms : max_ms;
    return 0;
}
