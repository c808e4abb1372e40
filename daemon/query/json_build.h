/* Building an object member by member without looking at each step: after a failure nothing more is
 * added, and build_end() tells. Not for strings that may be other than UTF-8, but for
 * build_bytes(). */
#pragma once

#include "common/json.h"

struct builder {
    struct json_object *object; /* NULL after a failure */
};

struct builder build_begin(void);
/* The object, or NULL: out of memory. */
struct json_object *build_end(struct builder *builder);

void build_string(struct builder *builder, const char *key, const char *text); /* NULL: null */
void build_id(struct builder *builder, const char *key, const char *text);     /* "": null */
void build_int(struct builder *builder, const char *key, int64_t value);
void build_bool(struct builder *builder, const char *key, bool value);
void build_time(struct builder *builder, const char *key, int64_t at); /* 0: null */
/* Borrowed, shared; NULL: null. */
void build_shared(struct builder *builder, const char *key, struct json_object *value);
/* A new value; consumed; NULL is a failure. */
void build_value(struct builder *builder, const char *key, struct json_object *value);
/* Any bytes as text: what is not UTF-8 becomes U+FFFD. */
void build_bytes(struct builder *builder, const char *key, const char *bytes, size_t size);

/* Whether the whole of @bytes is UTF-8. */
bool bytes_are_utf8(const char *bytes, size_t size);
/* RFC 4648, 4, as an allocation; NULL: out of memory. */
char *bytes_base64(const char *bytes, size_t size);
/* A new array of n items that @make makes of &items[i * size]; NULL: out of memory. */
struct json_object *build_array(const void *items, size_t n, size_t size,
                                struct json_object *(*make)(const void *item, void *userdata),
                                void *userdata);
