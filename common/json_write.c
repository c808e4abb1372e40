/* Texts from trees. json-c's own serializer ignores failing allocations and writes to the nodes it
 * reads; this one does neither. Recursion is bounded by the depth of the tree: LIMIT_JSON_DEPTH for
 * one that was parsed, else what our own code builds. */
#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_number.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *data;
    size_t size, capacity;
    bool canonical;
};

#define FIRST_CAPACITY 256

struct member {
    const char *key;
    struct json_object *value;
};

static int write_value(struct text *t, struct json_object *value);

/* Room for @size bytes more and a NUL. */
static int reserve(struct text *t, size_t size)
{
    if (t->capacity - t->size > size)
        return 0;
    size_t capacity = t->capacity ? t->capacity : FIRST_CAPACITY;
    while (capacity - t->size <= size) {
        if (capacity > SIZE_MAX / 2)
            return -ENOMEM;
        capacity *= 2;
    }
    char *data = realloc(t->data, capacity);
    if (!data)
        return -ENOMEM;
    t->data = data;
    t->capacity = capacity;
    return 0;
}

static int write_bytes(struct text *t, const char *data, size_t size)
{
    int r = reserve(t, size);
    if (r < 0)
        return r;
    memcpy(t->data + t->size, data, size);
    t->size += size;
    return 0;
}

static int write_text(struct text *t, const char *text)
{
    return write_bytes(t, text, strlen(text));
}

/* The shortest escapes (RFC 8259, 7); '/' stays. */
static int write_escape(struct text *t, unsigned char c)
{
    static const char letters[] = "btnvfr"; /* from 8 to 13; JSON has no \v */
    char escape[8];

    if (c == '"' || c == '\\')
        snprintf(escape, sizeof(escape), "\\%c", c);
    else if (c >= '\b' && c <= '\r' && c != '\v')
        snprintf(escape, sizeof(escape), "\\%c", letters[c - '\b']);
    else
        snprintf(escape, sizeof(escape), "\\u%04x", c);
    return write_text(t, escape);
}

static int write_string(struct text *t, const char *text, size_t size)
{
    const char *end = text + size;
    int r = write_text(t, "\"");

    while (r >= 0 && text < end) {
        const char *p = text;
        while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        r = write_bytes(t, text, p - text);
        if (r >= 0 && p < end)
            r = write_escape(t, (unsigned char)*p++);
        text = p;
    }
    return r < 0 ? r : write_text(t, "\"");
}

static int write_number(struct text *t, struct json_object *number)
{
    char buffer[JSON_NUMBER_TEXT_SIZE];
    const char *text = json_number_text(number, buffer);
    size_t size = strlen(text);

    if (!t->canonical)
        return write_bytes(t, text, size);
    int r = reserve(t, size + JSON_NUMBER_GROWTH);
    if (r < 0)
        return r;
    t->size += json_number_canonical(text, size, t->data + t->size);
    return 0;
}

static int write_array(struct text *t, struct json_object *array)
{
    size_t n = json_object_array_length(array);
    int r = write_text(t, "[");

    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (i > 0)
            r = write_text(t, ",");
        if (r >= 0)
            r = write_value(t, json_object_array_get_idx(array, i));
    }
    return r < 0 ? r : write_text(t, "]");
}

static int write_member(struct text *t, const struct member *member, bool first)
{
    int r = first ? 0 : write_text(t, ",");

    if (r >= 0)
        r = write_string(t, member->key, strlen(member->key));
    if (r >= 0)
        r = write_text(t, ":");
    return r < 0 ? r : write_value(t, member->value);
}

/* Keys hold no NUL: the scanner refuses them, and json-c could not keep them. strcmp() compares
 * bytes as unsigned. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static int write_sorted(struct text *t, struct json_object *object)
{
    size_t n = 0;
    cleanup_free struct member *members =
        malloc((json_object_object_length(object) + 1) * sizeof(*members));
    if (!members)
        return -ENOMEM;

    json_object_object_foreach(object, key, value) members[n++] = (struct member){key, value};
    qsort(members, n, sizeof(*members), compare_members);

    int r = 0;
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = write_member(t, &members[i], i == 0);
    return r;
}

static int write_unsorted(struct text *t, struct json_object *object)
{
    bool first = true;

    json_object_object_foreach(object, key, value)
    {
        int r = write_member(t, &(struct member){key, value}, first);
        if (r < 0)
            return r;
        first = false;
    }
    return 0;
}

static int write_object(struct text *t, struct json_object *object)
{
    int r = write_text(t, "{");

    if (r >= 0)
        r = t->canonical ? write_sorted(t, object) : write_unsorted(t, object);
    return r < 0 ? r : write_text(t, "}");
}

static int write_value(struct text *t, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return write_text(t, "null");
    case json_type_boolean:
        return write_text(t, json_object_get_boolean(value) ? "true" : "false");
    case json_type_int:
    case json_type_double:
        return write_number(t, value);
    case json_type_string:
        return write_string(t, json_object_get_string(value), json_object_get_string_len(value));
    case json_type_array:
        return write_array(t, value);
    case json_type_object:
        return write_object(t, value);
    }
    return -EINVAL;
}

static int to_text(struct json_object *object, bool canonical, char **ret, size_t *ret_size)
{
    struct text t = {.canonical = canonical};
    int r = write_value(&t, object);

    if (r < 0) {
        free(t.data);
        return r;
    }
    t.data[t.size] = '\0'; /* reserve() keeps a byte for it */
    *ret = t.data;
    if (ret_size)
        *ret_size = t.size;
    return 0;
}

int json_serialize(struct json_object *object, char **ret, size_t *ret_size)
{
    return to_text(object, false, ret, ret_size);
}

int json_canonical(struct json_object *object, char **ret, size_t *ret_size)
{
    return to_text(object, true, ret, ret_size);
}
