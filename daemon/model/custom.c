/* Custom values: their digest, their scalars as text, and the keys under which lists find them. */
#include "model/contact.h"

#include <string.h>

bool custom_is_absent(struct json_object *custom)
{
    return custom == NULL || (json_object_is_type(custom, json_type_object) &&
                              json_object_object_length(custom) == 0);
}

int custom_digest(struct json_object *custom, struct digest *ret)
{
    cleanup_free char *text = NULL;
    struct digest_part part = {0};
    int r = json_canonical(custom_is_absent(custom) ? NULL : custom, &text, &part.size);

    if (r < 0)
        return r;
    part.data = text;
    digest_compute(NULL, &part, 1, ret);
    return 0;
}

bool custom_scalar_read(struct json_object *value, struct custom_scalar *ret)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        ret->text = json_object_get_string(value);
        ret->size = (size_t)json_object_get_string_len(value);
        return true;
    case json_type_boolean:
        ret->text = json_object_get_boolean(value) ? "true" : "false";
        ret->size = strlen(ret->text);
        return true;
    case json_type_int:
    case json_type_double:
        ret->text = json_number_text(value, ret->digits);
        ret->size = strlen(ret->text);
        return true;
    case json_type_null:
    case json_type_object:
    case json_type_array:
    default:
        return false;
    }
}

int64_t custom_index_key(const char *key, size_t key_size, const char *value, size_t value_size)
{
    const struct digest_part parts[] = {{key, key_size}, {value, value_size}};
    struct digest digest;
    uint64_t index_key = 0;

    digest_compute(NULL, parts, ARRAY_SIZE(parts), &digest);
    for (size_t i = 0; i < sizeof(index_key); i++) /* bytewise: databases may change machines */
        index_key = index_key << 8 | digest.bytes[i];
    return (int64_t)index_key;
}

int custom_index(struct json_object *custom, int (*each)(int64_t index_key, void *userdata),
                 void *userdata)
{
    if (!json_object_is_type(custom, json_type_object))
        return 0;
    json_object_object_foreach(custom, key, value)
    {
        struct custom_scalar scalar;
        int r = 0;

        if (custom_scalar_read(value, &scalar))
            r = each(custom_index_key(key, strlen(key), scalar.text, scalar.size), userdata);
        if (r != 0)
            return r;
    }
    return 0;
}

bool custom_has(struct json_object *custom, const char *key, const char *value)
{
    struct custom_scalar scalar;

    return custom_scalar_read(json_get(custom, key), &scalar) && scalar.size == strlen(value) &&
           memcmp(scalar.text, value, scalar.size) == 0;
}
