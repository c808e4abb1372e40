/* Strict parsing into json-c, and getters that do not lie. The parser of json-c 0.16 reports out of
 * memory as a parse error, crashes, or cuts a text silently, and its serializer cuts too; so trees
 * are built and written here, and json-c only holds them.
 *
 * Numbers that are a json-c double keep their text: write them with json_serialize(), not with
 * json_object_get_double(). A tree that no one changes may be read by several threads, as long as
 * none of them calls json_object_to_json_string(). */
#pragma once

#include "common/cleanup.h"
#include "common/json_scan.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void json_put_p(struct json_object **object)
{
    json_object_put(*object);
}
#define cleanup_json __attribute__((cleanup(json_put_p)))

/* Scans with json_scan() to LIMIT_JSON_DEPTH, then builds the tree. Integers too long for 64 bits
 * keep their value: they become a json-c double with its text kept, like any number with a fraction
 * or an exponent (json_object_get_string() gives that text). Of duplicate keys the last one counts.
 * Returns 0 with a tree for json_object_put(), a positive enum json_scan, or -ENOMEM. */
int json_parse_strict(const char *text, size_t size, bool want_object, struct json_object **ret);

/* Member of an object, or NULL when absent, null, or @object is not an object. Borrowed. */
struct json_object *json_get(struct json_object *object, const char *key);

/* A string member without NUL in it, or NULL when absent or of another type. Borrowed. */
const char *json_get_string(struct json_object *object, const char *key);

/* An integer member that fits; false when absent or of another type. */
bool json_get_int64(struct json_object *object, const char *key, int64_t *ret);
bool json_get_bool(struct json_object *object, const char *key, bool *ret);

/* Adds to an object; the value is consumed, also on failure. A NULL @value adds JSON null, so a new
 * value is to be checked before, or added with one of the functions below. A NULL @object (one that
 * could not be made) is -ENOMEM. Returns 0 or -ENOMEM. */
int json_add(struct json_object *object, const char *key, struct json_object *value);
int json_add_string(struct json_object *object, const char *key, const char *text); /* NULL: null */
int json_add_string_len(struct json_object *object, const char *key, const char *text, size_t size);
int json_add_int64(struct json_object *object, const char *key, int64_t value);
int json_add_bool(struct json_object *object, const char *key, bool value);
/* RFC 3339; 0 gives null. */
int json_add_time(struct json_object *object, const char *key, int64_t at);

/* Appends to an array; as json_add(). */
int json_append(struct json_object *array, struct json_object *value);

/* The text of a tree, without blanks and without escaped slashes, as its own allocation. Returns 0
 * or -ENOMEM. */
int json_serialize(struct json_object *object, char **ret, size_t *ret_size);

/* Exact comparing. Canonical text: keys sorted bytewise, no blanks, shortest escapes, each number
 * as its exact decimal value ("1.50", "15e-1" and 1.5 are one; -0 is 0; at most 18 zeros are
 * written out, a larger exponent is kept as one). Equal values have equal texts and only they. NULL
 * gives "null". Returns 0 or -ENOMEM. */
int json_canonical(struct json_object *object, char **ret, size_t *ret_size);

/* Equal as JSON. @lenient: a number also equals a string that is the JSON text of the same number.
 * No allocation failure can make unequal things equal: returns 1 equal, 0 not, -ENOMEM. */
int json_equal(struct json_object *a, struct json_object *b, bool lenient);
