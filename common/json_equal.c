/* Structural comparing: no text of a whole tree is made, only of two numbers at a time. Recursion
 * is bounded as in json_write.c. */
#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static int texts_equal(const char *a, size_t a_size, const char *b, size_t b_size)
{
    cleanup_free char *x = malloc(a_size + JSON_NUMBER_GROWTH);
    cleanup_free char *y = malloc(b_size + JSON_NUMBER_GROWTH);
    if (!x || !y)
        return -ENOMEM;
    size_t x_size = json_number_canonical(a, a_size, x);
    size_t y_size = json_number_canonical(b, b_size, y);
    return x_size == y_size && memcmp(x, y, x_size) == 0;
}

static int numbers_equal(struct json_object *a, struct json_object *b)
{
    char a_buffer[JSON_NUMBER_TEXT_SIZE], b_buffer[JSON_NUMBER_TEXT_SIZE];
    const char *x = json_number_text(a, a_buffer), *y = json_number_text(b, b_buffer);

    return texts_equal(x, strlen(x), y, strlen(y));
}

static int number_equals_string(struct json_object *number, struct json_object *string)
{
    const char *text = json_object_get_string(string);
    size_t size = json_object_get_string_len(string);
    if (!json_number_valid(text, size))
        return 0;

    char buffer[JSON_NUMBER_TEXT_SIZE];
    const char *x = json_number_text(number, buffer);
    return texts_equal(x, strlen(x), text, size);
}

static bool strings_equal(struct json_object *a, struct json_object *b)
{
    size_t size = json_object_get_string_len(a);

    return size == (size_t)json_object_get_string_len(b) &&
           memcmp(json_object_get_string(a), json_object_get_string(b), size) == 0;
}

static int arrays_equal(struct json_object *a, struct json_object *b, bool lenient)
{
    size_t n = json_object_array_length(a);
    int r = n == json_object_array_length(b);

    for (size_t i = 0; r == 1 && i < n; i++)
        r = json_equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i), lenient);
    return r;
}

/* Keys are unique in both, so the same number of members and each of @a in @b is enough. */
static int objects_equal(struct json_object *a, struct json_object *b, bool lenient)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return 0;

    json_object_object_foreach(a, key, value)
    {
        struct json_object *other;
        if (!json_object_object_get_ex(b, key, &other))
            return 0;
        int r = json_equal(value, other, lenient);
        if (r != 1)
            return r;
    }
    return 1;
}

int json_equal(struct json_object *a, struct json_object *b, bool lenient)
{
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (lenient && is_number(a) && json_object_is_type(b, json_type_string))
        return number_equals_string(a, b);
    if (lenient && is_number(b) && json_object_is_type(a, json_type_string))
        return number_equals_string(b, a);
    if (json_object_get_type(a) != json_object_get_type(b))
        return 0;

    switch (json_object_get_type(a)) {
    case json_type_boolean:
        return !json_object_get_boolean(a) == !json_object_get_boolean(b);
    case json_type_string:
        return strings_equal(a, b);
    case json_type_array:
        return arrays_equal(a, b, lenient);
    case json_type_object:
        return objects_equal(a, b, lenient);
    case json_type_null:
    case json_type_int:
    case json_type_double:
        break;
    }
    return 1; /* null; numbers were compared above */
}
