/* What a stream hook prints: lines, and the answers among them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A longer line is no answer. */
#define STREAM_LINE_MAX ((size_t)64 * 1024)

#define STREAM_ID_MAX    64
#define STREAM_ERROR_MAX 1024

struct stream_lines {
    size_t size;
    bool skipping; /* the rest of a line that was too long */
    char data[STREAM_LINE_MAX];
};

/* @line has no newline; NULL for one that was too long. Borrowed. */
typedef void (*stream_line_fn)(const char *line, size_t size, void *userdata);

/* Calls @fn for each line that @data ends, and keeps the beginning of the next one. */
void stream_lines_add(struct stream_lines *lines, const char *data, size_t size, stream_line_fn fn,
                      void *userdata);

/* The end of all: a last line without newline counts as well. */
void stream_lines_end(struct stream_lines *lines, stream_line_fn fn, void *userdata);

struct stream_answer {
    char delivery_id[STREAM_ID_MAX + 1];
    bool ok, permanent;
    char error[STREAM_ERROR_MAX + 1]; /* one clean line; may be empty */
};

/* {"delivery_id": "...", "ok": true}, or with "ok": false, "error": "...", "permanent": false, of
 * which the last two may be absent. Returns 0, -ENOMEM, or 1 when it is no answer. */
int stream_answer_read(const char *line, size_t size, struct stream_answer *ret);
