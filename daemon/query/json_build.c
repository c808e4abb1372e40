#include "query/json_build.h"

#include "model/text.h"

#include <stdlib.h>
#include <string.h>

struct builder build_begin(void)
{
    return (struct builder){json_object_new_object()};
}

struct json_object *build_end(struct builder *builder)
{
    return TAKE_PTR(builder->object);
}

static void check(struct builder *builder, int r)
{
    if (r >= 0)
        return;
    json_object_put(builder->object);
    builder->object = NULL;
}

void build_string(struct builder *builder, const char *key, const char *text)
{
    check(builder, json_add_string(builder->object, key, text));
}

void build_id(struct builder *builder, const char *key, const char *text)
{
    build_string(builder, key, *text ? text : NULL);
}

void build_int(struct builder *builder, const char *key, int64_t value)
{
    check(builder, json_add_int64(builder->object, key, value));
}

void build_bool(struct builder *builder, const char *key, bool value)
{
    check(builder, json_add_bool(builder->object, key, value));
}

void build_time(struct builder *builder, const char *key, int64_t at)
{
    check(builder, json_add_time(builder->object, key, at));
}

void build_shared(struct builder *builder, const char *key, struct json_object *value)
{
    check(builder, json_add(builder->object, key, json_object_get(value)));
}

void build_value(struct builder *builder, const char *key, struct json_object *value)
{
    if (value) {
        check(builder, json_add(builder->object, key, value));
    } else {
        json_object_put(builder->object);
        builder->object = NULL;
    }
}

bool bytes_are_utf8(const char *bytes, size_t size)
{
    while (size > 0) {
        size_t length = text_utf8_length(bytes, size);

        if (length == 0)
            return false;
        bytes += length;
        size -= length;
    }
    return true;
}

void build_bytes(struct builder *builder, const char *key, const char *bytes, size_t size)
{
    static const char replacement[] = "\xef\xbf\xbd";
    cleanup_free char *text = size > 0 ? reallocarray(NULL, size, 3) : NULL;
    size_t used = 0;

    if (size == 0) {
        build_string(builder, key, "");
        return;
    }
    if (!text) {
        build_value(builder, key, NULL);
        return;
    }
    while (size > 0) {
        size_t length = text_utf8_length(bytes, size), step = length ? length : 1;

        memcpy(text + used, length ? bytes : replacement, length ? length : 3);
        used += length ? length : 3;
        bytes += step;
        size -= step;
    }
    check(builder, json_add_string_len(builder->object, key, text, used));
}

char *bytes_base64(const char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = (const unsigned char *)bytes;
    char *text = malloc(size / 3 * 4 + 5), *to = text;

    if (!text)
        return NULL;
    for (; size > 0; from += 3) {
        unsigned three = (unsigned)from[0] << 16 | (size > 1 ? (unsigned)from[1] << 8 : 0) |
                         (size > 2 ? from[2] : 0);

        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = size > 1 ? digits[three >> 6 & 63] : '=';
        *to++ = size > 2 ? digits[three & 63] : '=';
        size -= size > 3 ? 3 : size;
    }
    *to = '\0';
    return text;
}

struct json_object *build_array(const void *items, size_t n, size_t size,
                                struct json_object *(*make)(const void *item, void *userdata),
                                void *userdata)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < n; i++) {
        struct json_object *item = make((const char *)items + i * size, userdata);

        if (!item || json_append(array, item) < 0) {
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}
