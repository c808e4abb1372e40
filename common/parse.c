/* Each parser reads all digits first and judges the range last, so that a word that is no number at
 * all is -EINVAL however long. */
#include "common/parse.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* From the largest, for formatting. */
static const struct unit duration_units[] = {
    {"d", INT64_C(86400000)}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
    {"G", INT64_C(1) << 30},
    {"M", INT64_C(1) << 20},
    {"K", INT64_C(1) << 10},
    {"", 1},
};

/* 100 years of 365.25 days. */
#define DURATION_MAX_MS (36525 * duration_units[0].factor)

/* Digits at *@p, which moves behind them. Returns 0, -EINVAL when there is none, -ERANGE when they
 * do not fit in 64 bits. */
static int read_digits(const char **p, uint64_t *ret)
{
    uint64_t value = 0;
    bool overflow = false;

    if (**p < '0' || **p > '9')
        return -EINVAL;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        overflow |= __builtin_mul_overflow(value, 10, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value);
    }
    if (overflow)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* A number with one of the units. */
static int parse_quantity(const char *text, const struct unit *units, size_t n, int64_t max,
                          int64_t *ret)
{
    uint64_t number = 0;
    int64_t value;
    int r = read_digits(&text, &number);
    if (r == -EINVAL)
        return r;

    size_t i = 0;
    while (i < n && strcmp(text, units[i].name) != 0)
        i++;
    if (i == n)
        return -EINVAL;
    if (r < 0 || __builtin_mul_overflow(number, units[i].factor, &value) || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_duration_ms(const char *text, int64_t *ret_ms)
{
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return 0;
    }
    return parse_quantity(text, duration_units, ARRAY_SIZE(duration_units), DURATION_MAX_MS,
                          ret_ms);
}

int parse_size(const char *text, int64_t *ret_bytes)
{
    return parse_quantity(text, size_units, ARRAY_SIZE(size_units), INT64_MAX, ret_bytes);
}

int parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = *text == '-';
    uint64_t number = 0;
    int64_t value = 0;

    text += negative;
    int r = read_digits(&text, &number);
    if (r == -EINVAL || *text)
        return -EINVAL;
    if (r < 0)
        return r;
    bool overflow = negative ? __builtin_sub_overflow(0, number, &value)
                             : __builtin_add_overflow(0, number, &value);
    if (overflow || value < min || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* The largest unit that divides the value gives the shortest text. */
static void format_quantity(int64_t value, const struct unit *units,
                            char ret[static PARSE_FORMAT_SIZE])
{
    while (value % units->factor != 0)
        units++;
    snprintf(ret, PARSE_FORMAT_SIZE, "%" PRId64 "%s", value / units->factor, units->name);
}

void format_duration(int64_t ms, char ret[static PARSE_FORMAT_SIZE])
{
    if (ms == 0)
        memcpy(ret, "0", sizeof("0"));
    else
        format_quantity(ms, duration_units, ret);
}

void format_size(int64_t bytes, char ret[static PARSE_FORMAT_SIZE])
{
    if (bytes == 0)
        memcpy(ret, "0", sizeof("0"));
    else
        format_quantity(bytes, size_units, ret);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Reads the word at *@p, which moves behind it, to @out. Returns 0 or -EINVAL. */
static int read_word(const char **p, char *out)
{
    bool quoted = false;

    for (; **p && (quoted || !is_blank(**p)); ++*p) {
        if (**p == '"') {
            quoted = !quoted;
            continue;
        }
        if (**p == '\\' && !*++*p)
            return -EINVAL;
        *out++ = **p;
    }
    *out = '\0';
    return quoted ? -EINVAL : 0;
}

/* Appends a copy of @word. There is room for it. */
static int append_word(char **words, size_t *n, const char *word)
{
    words[*n] = strdup(word);
    if (!words[*n])
        return -ENOMEM;
    ++*n;
    return 0;
}

int parse_words(const char *text, char ***ret)
{
    size_t length = strlen(text), n = 0;
    cleanup_free char *word = malloc(length + 1);
    cleanup_strv char **words = calloc(length / 2 + 2, sizeof(*words)); /* blanks between them */
    if (!word || !words)
        return -ENOMEM;

    for (;;) {
        while (is_blank(*text))
            text++;
        if (!*text)
            break;
        int r = read_word(&text, word);
        if (r >= 0)
            r = append_word(words, &n, word);
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(words);
    return 0;
}

void strv_free(char **v)
{
    for (char **p = v; p && *p; p++)
        free(*p);
    free(v);
}

size_t strv_length(char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    return n;
}

bool strv_equal(char *const *a, char *const *b)
{
    size_t n = strv_length(a);

    if (n != strv_length(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}
