/* Getting and adding members. json-c's functions are called with what they need to be true: the
 * type is checked, the key is there. */
#include "common/json.h"

#include "common/timestamp.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct json_object *json_get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, key, &value))
        return NULL;
    return value;
}

const char *json_get_string(struct json_object *object, const char *key)
{
    struct json_object *value = json_get(object, key);

    if (!value || !json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value))
        return NULL;
    return text;
}

bool json_get_int64(struct json_object *object, const char *key, int64_t *ret)
{
    struct json_object *value = json_get(object, key);

    if (!value || !json_object_is_type(value, json_type_int))
        return false;
    int64_t number = json_object_get_int64(value);
    if (number == INT64_MAX && json_object_get_uint64(value) > INT64_MAX)
        return false; /* json-c clamps */
    *ret = number;
    return true;
}

bool json_get_bool(struct json_object *object, const char *key, bool *ret)
{
    struct json_object *value = json_get(object, key);

    if (!value || !json_object_is_type(value, json_type_boolean))
        return false;
    *ret = json_object_get_boolean(value);
    return true;
}

int json_add(struct json_object *object, const char *key, struct json_object *value)
{
    if (!object || json_object_object_add(object, key, value) < 0) {
        json_object_put(value);
        return -ENOMEM;
    }
    return 0;
}

/* Adds a @value that was just made: NULL is a failure here, not JSON null. */
static int add_new(struct json_object *object, const char *key, struct json_object *value)
{
    return value ? json_add(object, key, value) : -ENOMEM;
}

int json_add_string(struct json_object *object, const char *key, const char *text)
{
    if (!text)
        return json_add(object, key, NULL);
    return json_add_string_len(object, key, text, strlen(text));
}

int json_add_string_len(struct json_object *object, const char *key, const char *text, size_t size)
{
    if (size > INT_MAX)
        return -ENOMEM; /* json-c counts in int */
    return add_new(object, key, json_object_new_string_len(text, (int)size));
}

int json_add_int64(struct json_object *object, const char *key, int64_t value)
{
    return add_new(object, key, json_object_new_int64(value));
}

int json_add_bool(struct json_object *object, const char *key, bool value)
{
    return add_new(object, key, json_object_new_boolean(value));
}

int json_add_time(struct json_object *object, const char *key, int64_t at)
{
    char text[TIME_RFC3339_SIZE];

    if (at == 0)
        return json_add(object, key, NULL);
    time_format_rfc3339(at, text);
    return json_add_string(object, key, text);
}

int json_append(struct json_object *array, struct json_object *value)
{
    if (!array || json_object_array_add(array, value) < 0) {
        json_object_put(value);
        return -ENOMEM;
    }
    return 0;
}
