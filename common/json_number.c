/* A number is digits d times ten to the power of e, where d has no zero at either end: there is one
 * such pair for each value but zero. The exponent in a text may be longer than any machine word, so
 * beyond 18 digits it is added to as text. */
#include "common/json_number.h"

#include "common/json_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exponents up to this many digits are computed in 64 bits; the scale of a text in memory is far
 * smaller. */
#define WORD_DIGITS 18

/* Exponents from 0 to this are written as zeros. */
#define PLAIN_ZEROS 18

struct exponent {
    bool negative;
    const char *digits; /* without leading zeros */
    size_t n;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct exponent read_exponent(const char *p, const char *end)
{
    struct exponent e = {0};

    if (p < end && (*p == 'e' || *p == 'E'))
        p++;
    if (p < end && (*p == '+' || *p == '-'))
        e.negative = *p++ == '-';
    while (p < end && *p == '0')
        p++;
    e.digits = p;
    e.n = end - p;
    return e;
}

/* Copies the significant digits to @out. *@p ends behind the mantissa. Returns their number;
 * *ret_scale is the power of ten that the last one stands for. */
static size_t copy_digits(const char **p, const char *end, char *out, int64_t *ret_scale)
{
    size_t n = 0;
    int64_t scale = 0;
    bool fraction = false;

    for (; *p < end && (is_digit(**p) || **p == '.'); (*p)++) {
        if (**p == '.') {
            fraction = true;
            continue;
        }
        scale -= fraction;
        if (n > 0 || **p != '0')
            out[n++] = **p;
    }
    while (n > 0 && out[n - 1] == '0') {
        n--;
        scale++;
    }
    *ret_scale = scale;
    return n;
}

/* Adds @delta to the decimal number of @n digits at @digits, which is larger than it, in place;
 * there is room for one digit more. Returns the new length. */
static size_t add_small(char *digits, size_t n, int64_t delta)
{
    int64_t carry = delta;

    for (size_t i = n; i-- > 0 && carry != 0;) {
        int64_t sum = digits[i] - '0' + carry;
        int64_t digit = (sum % 10 + 10) % 10;
        digits[i] = (char)('0' + digit);
        carry = (sum - digit) / 10;
    }
    if (carry > 0) {
        memmove(digits + 1, digits, n);
        digits[0] = (char)('0' + carry);
        return n + 1;
    }
    assert(carry == 0);
    size_t zeros = strspn(digits, "0");
    memmove(digits, digits + zeros, n - zeros);
    return n - zeros;
}

static size_t write_long_exponent(const struct exponent *e, int64_t scale, char *out)
{
    size_t n = 0;

    out[n++] = 'e';
    if (e->negative)
        out[n++] = '-';
    memcpy(out + n, e->digits, e->n);
    out[n + e->n] = '\0';
    return n + add_small(out + n, e->n, e->negative ? -scale : scale);
}

static size_t write_exponent(const struct exponent *e, int64_t scale, char *out)
{
    int64_t value = 0;

    if (e->n > WORD_DIGITS)
        return write_long_exponent(e, scale, out);
    for (size_t i = 0; i < e->n; i++)
        value = value * 10 + (e->digits[i] - '0');
    value = (e->negative ? -value : value) + scale;
    if (value >= 0 && value <= PLAIN_ZEROS) {
        memset(out, '0', value);
        return value;
    }
    char text[JSON_NUMBER_GROWTH];
    int n = snprintf(text, sizeof(text), "e%" PRId64, value);
    memcpy(out, text, n);
    return n;
}

size_t json_number_canonical(const char *text, size_t size, char *ret)
{
    const char *p = text, *end = text + size;
    size_t n = 0;
    int64_t scale;

    if (p < end && *p == 'n') { /* a double that is not finite, see format_double() */
        memcpy(ret, text, size);
        return size;
    }
    if (p < end && *p == '-') {
        ret[n++] = '-';
        p++;
    }
    size_t n_digits = copy_digits(&p, end, ret + n, &scale);
    if (n_digits == 0) {
        ret[0] = '0'; /* -0 is 0, and so is 0e5 */
        return 1;
    }
    n += n_digits;
    struct exponent e = read_exponent(p, end);
    return n + write_exponent(&e, scale, ret + n);
}

bool json_number_valid(const char *text, size_t size)
{
    /* These two rule out blanks, a byte order mark and other values, which json_scan() would take.
     */
    if (size == 0 || !is_digit(text[size - 1]) || !(is_digit(text[0]) || text[0] == '-'))
        return false;
    return json_scan(text, size, 0, false, NULL) == JSON_SCAN_OK;
}

/* The shortest text that reads back as the same double. */
static void format_double(double value, char buffer[static JSON_NUMBER_TEXT_SIZE])
{
    if (!isfinite(value)) {
        memcpy(buffer, "null", sizeof("null")); /* JSON has no such number */
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(buffer, JSON_NUMBER_TEXT_SIZE, "%.*g", precision, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    char *comma = strchr(buffer, ','); /* of a locale */
    if (comma)
        *comma = '.';
}

const char *json_number_text(struct json_object *number, char buffer[static JSON_NUMBER_TEXT_SIZE])
{
    if (json_object_is_type(number, json_type_int)) {
        int64_t value = json_object_get_int64(number);
        uint64_t positive = json_object_get_uint64(number); /* the two saturate */
        if (value == INT64_MAX)
            snprintf(buffer, JSON_NUMBER_TEXT_SIZE, "%" PRIu64, positive);
        else
            snprintf(buffer, JSON_NUMBER_TEXT_SIZE, "%" PRId64, value);
        return buffer;
    }
    /* json_object_new_double_s() keeps the text as user data. A serializer of another kind keeps a
     * printf format there. */
    const char *text = json_object_get_userdata(number);
    if (text && (*text == '-' || is_digit(*text)))
        return text;
    format_double(json_object_get_double(number), buffer);
    return buffer;
}
