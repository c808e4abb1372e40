/* One pass over the bytes. The only memory is one bit for each open container: object or array.
 * Every step stops at the first byte that cannot be, so the first fault in the text decides without
 * further care. */
#include "common/json_scan.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* after '[' */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* after '{' */
    EXPECT_NEXT,       /* after a value: ',' or the end of the container or of the text */
};

struct scanner {
    const uint8_t *p, *end;
    unsigned depth, max_depth;
    uint64_t objects[JSON_SCAN_MAX_DEPTH / 64];
    enum expect expect;
    size_t n_long_ints;
};

/* More digits than this may not fit in 64 bits. */
#define LONG_INT_DIGITS 18

/* Length of the UTF-8 sequence at @p (RFC 3629, 4), 0 when there is none. */
static size_t utf8_length(const uint8_t *p, const uint8_t *end)
{
    uint8_t low = 0x80, high = 0xBF;
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        n = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        n = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        n = 4;
    else
        return 0;

    if (p[0] == 0xE0)
        low = 0xA0; /* overlong */
    else if (p[0] == 0xED)
        high = 0x9F; /* surrogates */
    else if (p[0] == 0xF0)
        low = 0x90; /* overlong */
    else if (p[0] == 0xF4)
        high = 0x8F; /* over U+10FFFF */

    if ((size_t)(end - p) < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* What is wrong with a byte that should not be where it is. */
static enum json_scan fault_at(const uint8_t *p, const uint8_t *end)
{
    return p < end && utf8_length(p, end) == 0 ? JSON_SCAN_NOT_UTF8 : JSON_SCAN_NOT_JSON;
}

static enum json_scan fault(const struct scanner *s)
{
    return fault_at(s->p, s->end);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void skip_blanks(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static size_t skip_digits(struct scanner *s)
{
    const uint8_t *start = s->p;

    while (s->p < s->end && is_digit(*s->p))
        s->p++;
    return s->p - start;
}

static enum json_scan scan_number(struct scanner *s)
{
    bool integer = true;
    size_t n_digits = 1;

    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0')
        s->p++;
    else if ((n_digits = skip_digits(s)) == 0)
        return fault(s);
    if (s->p < s->end && *s->p == '.') {
        integer = false;
        s->p++;
        if (skip_digits(s) == 0)
            return fault(s);
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        integer = false;
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (skip_digits(s) == 0)
            return fault(s);
    }
    if (integer && n_digits > LONG_INT_DIGITS)
        s->n_long_ints++;
    return JSON_SCAN_OK;
}

static enum json_scan scan_word(struct scanner *s, const char *word)
{
    for (; *word; word++, s->p++)
        if (s->p == s->end || *s->p != (uint8_t)*word)
            return fault(s);
    return JSON_SCAN_OK;
}

/* The code unit of "\uXXXX" at @p. Returns it, or -1 with *ret_bad at the byte that is wrong. */
static int scan_unicode(const uint8_t *p, const uint8_t *end, const uint8_t **ret_bad)
{
    int unit = 0;

    for (int i = 0; i < 6; i++, p++) {
        bool good = p < end && (i > 1 ? hex_digit(*p) >= 0 : *p == (i == 0 ? '\\' : 'u'));
        if (!good) {
            *ret_bad = p;
            return -1;
        }
        if (i > 1)
            unit = unit * 16 + hex_digit(*p);
    }
    return unit;
}

static enum json_scan scan_escape(struct scanner *s, bool is_key)
{
    const uint8_t *bad = s->p + 1;

    if (bad < s->end && *bad && strchr("\"\\/bfnrt", *bad)) {
        s->p += 2;
        return JSON_SCAN_OK;
    }
    int unit = scan_unicode(s->p, s->end, &bad);
    if (unit < 0)
        return fault_at(bad, s->end);
    if (unit == 0 && is_key)
        return JSON_SCAN_NOT_JSON; /* json-c would cut the key there */
    s->p += 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return JSON_SCAN_OK;
    if (unit >= 0xDC00)
        return JSON_SCAN_NOT_UTF8;
    unit = scan_unicode(s->p, s->end, &bad);
    if (unit < 0xDC00 || unit > 0xDFFF)
        return JSON_SCAN_NOT_UTF8;
    s->p += 6;
    return JSON_SCAN_OK;
}

static enum json_scan scan_string(struct scanner *s, bool is_key)
{
    s->p++;
    while (s->p < s->end && *s->p != '"') {
        if (*s->p < 0x20)
            return JSON_SCAN_NOT_JSON;
        if (*s->p == '\\') {
            enum json_scan r = scan_escape(s, is_key);
            if (r != JSON_SCAN_OK)
                return r;
            continue;
        }
        size_t n = utf8_length(s->p, s->end);
        if (n == 0)
            return JSON_SCAN_NOT_UTF8;
        s->p += n;
    }
    if (s->p == s->end)
        return JSON_SCAN_NOT_JSON;
    s->p++;
    return JSON_SCAN_OK;
}

static bool in_object(const struct scanner *s)
{
    return s->objects[(s->depth - 1) / 64] >> ((s->depth - 1) % 64) & 1;
}

static enum json_scan open_container(struct scanner *s)
{
    bool object = *s->p == '{';

    if (s->depth >= s->max_depth)
        return JSON_SCAN_TOO_DEEP;
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    if (object)
        s->objects[s->depth / 64] |= bit;
    else
        s->objects[s->depth / 64] &= ~bit;
    s->depth++;
    s->p++;
    s->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return JSON_SCAN_OK;
}

static enum json_scan close_container(struct scanner *s)
{
    s->depth--;
    s->p++;
    s->expect = EXPECT_NEXT;
    return JSON_SCAN_OK;
}

static enum json_scan scan_value(struct scanner *s)
{
    s->expect = EXPECT_NEXT;
    switch (*s->p) {
    case '{':
    case '[':
        return open_container(s);
    case '"':
        return scan_string(s, false);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return *s->p == '-' || is_digit(*s->p) ? scan_number(s) : fault(s);
    }
}

static enum json_scan scan_key(struct scanner *s)
{
    if (*s->p != '"')
        return fault(s);
    enum json_scan r = scan_string(s, true);
    if (r != JSON_SCAN_OK)
        return r;
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fault(s);
    s->p++;
    s->expect = EXPECT_VALUE;
    return JSON_SCAN_OK;
}

static enum json_scan scan_next(struct scanner *s)
{
    if (s->depth == 0)
        return fault(s);
    if (*s->p == (in_object(s) ? '}' : ']'))
        return close_container(s);
    if (*s->p != ',')
        return fault(s);
    s->p++;
    s->expect = in_object(s) ? EXPECT_KEY : EXPECT_VALUE;
    return JSON_SCAN_OK;
}

/* One token, with what belongs to it. There is a byte left. */
static enum json_scan scan_step(struct scanner *s)
{
    switch (s->expect) {
    case EXPECT_VALUE:
        return scan_value(s);
    case EXPECT_VALUE_OR_END:
        return *s->p == ']' ? close_container(s) : scan_value(s);
    case EXPECT_KEY:
        return scan_key(s);
    case EXPECT_KEY_OR_END:
        return *s->p == '}' ? close_container(s) : scan_key(s);
    case EXPECT_NEXT:
        return scan_next(s);
    }
    return JSON_SCAN_NOT_JSON;
}

enum json_scan json_scan(const char *text, size_t size, unsigned max_depth, bool want_object,
                         struct json_scan_info *ret_info)
{
    assert(max_depth <= JSON_SCAN_MAX_DEPTH);
    static const char bom[3] = "\xEF\xBB\xBF";
    size_t start = size >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0 ? sizeof(bom) : 0;
    struct scanner s = {.max_depth = max_depth};

    if (size == start)
        return JSON_SCAN_NOT_JSON;
    s.p = (const uint8_t *)text + start;
    s.end = (const uint8_t *)text + size;
    skip_blanks(&s);
    bool is_object = s.p < s.end && *s.p == '{';

    while (s.p < s.end) {
        enum json_scan r = scan_step(&s);
        if (r != JSON_SCAN_OK)
            return r;
        skip_blanks(&s);
    }
    if (s.depth > 0 || s.expect != EXPECT_NEXT)
        return JSON_SCAN_NOT_JSON;
    if (want_object && !is_object)
        return JSON_SCAN_NOT_OBJECT;
    if (ret_info)
        *ret_info = (struct json_scan_info){
            .start = start,
            .has_long_int = s.n_long_ints > 0,
            .n_long_ints = s.n_long_ints,
        };
    return JSON_SCAN_OK;
}
