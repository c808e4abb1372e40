#include "runner/stream_lines.h"

#include "common/json.h"
#include "model/text.h"

#include <string.h>

static void keep(struct stream_lines *lines, const char *data, size_t size, stream_line_fn fn,
                 void *userdata)
{
    if (lines->skipping)
        return;
    if (size > STREAM_LINE_MAX - lines->size) {
        lines->skipping = true;
        lines->size = 0;
        fn(NULL, 0, userdata);
        return;
    }
    memcpy(lines->data + lines->size, data, size);
    lines->size += size;
}

/* @data ends a line; @size without the newline. */
static void end_line(struct stream_lines *lines, const char *data, size_t size, stream_line_fn fn,
                     void *userdata)
{
    if (!lines->skipping && lines->size == 0 && size <= STREAM_LINE_MAX) {
        fn(data, size, userdata);
        return;
    }
    keep(lines, data, size, fn, userdata);
    if (!lines->skipping)
        fn(lines->data, lines->size, userdata);
    lines->skipping = false;
    lines->size = 0;
}

void stream_lines_add(struct stream_lines *lines, const char *data, size_t size, stream_line_fn fn,
                      void *userdata)
{
    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) : size;

        if (!newline) {
            keep(lines, data, size, fn, userdata);
            return;
        }
        end_line(lines, data, length, fn, userdata);
        data += length + 1;
        size -= length + 1;
    }
}

void stream_lines_end(struct stream_lines *lines, stream_line_fn fn, void *userdata)
{
    if (!lines->skipping && lines->size > 0)
        fn(lines->data, lines->size, userdata);
    lines->skipping = false;
    lines->size = 0;
}

/* A member that may be absent or null; false when it is of another type. */
static bool get_optional_bool(struct json_object *object, const char *key, bool *ret)
{
    *ret = false;
    return !json_get(object, key) || json_get_bool(object, key, ret);
}

static bool read_error(struct json_object *object, char ret[static STREAM_ERROR_MAX + 1])
{
    struct json_object *error = json_get(object, "error");
    struct text_line line = {.limit = STREAM_ERROR_MAX};

    if (error && !json_object_is_type(error, json_type_string))
        return false;
    if (error)
        text_line_add_foreign(&line, json_object_get_string(error),
                              (size_t)json_object_get_string_len(error), STREAM_ERROR_MAX, NULL);
    memcpy(ret, line.text, line.size + 1);
    return true;
}

int stream_answer_read(const char *line, size_t size, struct stream_answer *ret)
{
    cleanup_json struct json_object *object = NULL;
    int r = json_parse_strict(line, size, true, &object);
    const char *id = r == 0 ? json_get_string(object, "delivery_id") : NULL;

    if (r < 0)
        return r;
    if (!id || *id == '\0' || strlen(id) > STREAM_ID_MAX ||
        !json_get_bool(object, "ok", &ret->ok) ||
        !get_optional_bool(object, "permanent", &ret->permanent) || !read_error(object, ret->error))
        return 1;
    memcpy(ret->delivery_id, id, strlen(id) + 1);
    return 0;
}
