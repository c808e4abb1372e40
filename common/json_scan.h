/* A strict scanner for RFC 8259 texts. json-c accepts NaN, single quotes, raw control characters,
 * overlong UTF-8 and keys cut at NUL even in its strict mode; so everything from outside is scanned
 * first. No recursion, no allocation. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum json_scan {
    JSON_SCAN_OK = 0,
    /* Not an RFC 8259 text; an empty body; a NUL in a key; anything after the value. */
    JSON_SCAN_NOT_JSON,
    /* A whole JSON text, but not an object. */
    JSON_SCAN_NOT_OBJECT,
    /* Nested deeper than @max_depth; the outermost value is level 1 if it is an object or array. */
    JSON_SCAN_TOO_DEEP,
    /* Overlong, surrogate, over U+10FFFF or cut; or an escaped lone surrogate. */
    JSON_SCAN_NOT_UTF8,
};

/* The largest @max_depth. */
#define JSON_SCAN_MAX_DEPTH 1024

struct json_scan_info {
    size_t start;       /* after a byte order mark, which is skipped */
    bool has_long_int;  /* an integer of more than 18 digits, which json-c would clamp */
    size_t n_long_ints; /* how many of those */
};

/* Scans the whole of @text. When several faults are present, the first one in the text decides, but
 * NOT_OBJECT only of a text that is otherwise valid. @want_object false: any JSON value will do.
 * @ret_info may be NULL. */
enum json_scan json_scan(const char *text, size_t size, unsigned max_depth, bool want_object,
                         struct json_scan_info *ret_info);
