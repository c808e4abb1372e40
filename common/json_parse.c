/* Builds a json-c tree from a text that json_scan() accepted, so nothing here can fail but memory.
 *
 * The tokener of json-c 0.16 is not used: it ignores failing allocations, so that under memory
 * pressure a string came out cut, a member was lost, or json_object_object_add() was called with a
 * NULL key and crashed. What is left of that library when memory runs out:
 * json_object_object_add_ex() loses the copy of a key (a leak) when its table cannot grow.
 *
 * The work is done in a private copy of the text: escapes only shrink, so strings are decoded where
 * they stand and a key stays valid while its value is built. Recursion is bounded by
 * LIMIT_JSON_DEPTH. */
#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_scan.h"
#include "common/limits.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The hash table that json-c 0.16 makes for each object holds 16 entries, 800 bytes for an "{}" of
 * two. */
#define TABLE_ENTRIES 16

/* Its room for the first elements of an array; it doubles. */
#define ARRAY_ENTRIES 4

static int build_value(char **p, struct json_object **ret);

static char *skip_blanks(char *p)
{
    return p + strspn(p, " \t\n\r");
}

static unsigned hex4(const char *p)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        unit = unit * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        } else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* Decodes the escape at *@p, which moves behind it, to @out. */
static char *decode_escape(char **p, char *out)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    char c = (*p)[1];

    if (c != 'u') {
        const char *letter = strchr(letters, c);
        *out++ = letter ? meanings[letter - letters] : c;
        *p += 2;
        return out;
    }
    unsigned code = hex4(*p + 2);
    *p += 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(*p + 2) - 0xDC00);
        *p += 6;
    }
    return put_utf8(out, code);
}

/* Decodes the string at *@p in place and ends it with NUL. *@p moves behind it. */
static char *decode_string(char **p, size_t *ret_size)
{
    char *start = *p + 1, *in = start, *out = start;

    while (*in != '"') {
        size_t n = strcspn(in, "\"\\");
        if (out != in)
            memmove(out, in, n);
        out += n;
        in += n;
        if (*in == '\\')
            out = decode_escape(&in, out);
    }
    *out = '\0';
    *p = in + 1;
    *ret_size = out - start;
    return start;
}

static int build_string(char **p, struct json_object **ret)
{
    size_t size;
    const char *text = decode_string(p, &size);

    *ret = json_object_new_string_len(text, (int)size);
    return *ret ? 0 : -ENOMEM;
}

/* In the C locale, whatever the program has set. */
static struct json_object *new_double(const char *text)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return NULL;
    double value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return json_object_new_double_s(value, text);
}

static int build_number(char **p, struct json_object **ret)
{
    char *text = *p, *end = text + strspn(text, "-+.0123456789eE");
    char after = *end;

    *end = '\0';
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (strpbrk(text, ".eE") || errno == ERANGE)
        *ret = new_double(text);
    else
        *ret = json_object_new_int64(value);
    *end = after;
    *p = end;
    return *ret ? 0 : -ENOMEM;
}

static int build_word(char **p, struct json_object **ret)
{
    char c = **p;

    *p += c == 'f' ? 5 : 4;
    if (c == 'n') {
        *ret = NULL;
        return 0;
    }
    *ret = json_object_new_boolean(c == 't');
    return *ret ? 0 : -ENOMEM;
}

static int build_array(char **p, struct json_object **ret)
{
    cleanup_json struct json_object *array = json_object_new_array_ext(ARRAY_ENTRIES);
    if (!array)
        return -ENOMEM;

    *p = skip_blanks(*p + 1);
    while (**p != ']') {
        struct json_object *value = NULL;
        int r = build_value(p, &value);
        if (r >= 0)
            r = json_append(array, value);
        if (r < 0)
            return r;
        *p = skip_blanks(*p);
        if (**p == ',')
            *p = skip_blanks(*p + 1);
    }
    ++*p;
    json_object_array_shrink(array, 0); /* a failure leaves it larger than needed */
    *ret = TAKE_PTR(array);
    return 0;
}

/* Or a body of 8 MiB full of "{}" would take 2.5 GB. A failure leaves it larger than needed. */
static void shrink_object(struct json_object *object)
{
    int count = json_object_object_length(object);
    int entries = count + count / 2 + 2; /* it grows above 2/3 */

    if (entries < TABLE_ENTRIES)
        lh_table_resize(json_object_get_object(object), entries);
}

static int build_object(char **p, struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    if (!object)
        return -ENOMEM;

    *p = skip_blanks(*p + 1);
    while (**p != '}') {
        size_t size;
        struct json_object *value = NULL;
        const char *key = decode_string(p, &size);
        *p = skip_blanks(*p);
        assert(**p == ':');
        *p = skip_blanks(*p + 1);
        int r = build_value(p, &value);
        if (r >= 0)
            r = json_add(object, key, value);
        if (r < 0)
            return r;
        *p = skip_blanks(*p);
        if (**p == ',')
            *p = skip_blanks(*p + 1);
    }
    ++*p;
    shrink_object(object);
    *ret = TAKE_PTR(object);
    return 0;
}

/* Builds the value at *@p, which moves behind it. */
static int build_value(char **p, struct json_object **ret)
{
    switch (**p) {
    case '{':
        return build_object(p, ret);
    case '[':
        return build_array(p, ret);
    case '"':
        return build_string(p, ret);
    case 't':
    case 'f':
    case 'n':
        return build_word(p, ret);
    default:
        assert(**p == '-' || (**p >= '0' && **p <= '9'));
        return build_number(p, ret);
    }
}

int json_parse_strict(const char *text, size_t size, bool want_object, struct json_object **ret)
{
    struct json_scan_info info;
    enum json_scan scan = json_scan(text, size, LIMIT_JSON_DEPTH, want_object, &info);
    if (scan != JSON_SCAN_OK)
        return (int)scan;
    if (size > INT_MAX)
        return -ENOMEM; /* json-c counts in int */

    cleanup_free char *copy = malloc(size - info.start + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, text + info.start, size - info.start);
    copy[size - info.start] = '\0';

    char *p = skip_blanks(copy);
    struct json_object *tree = NULL;
    int r = build_value(&p, &tree);
    if (r < 0)
        return r;
    *ret = tree;
    return 0;
}
