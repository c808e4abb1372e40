/* One INI file as a sequence of sections and values with their lines. Of this room only. */
#pragma once

#include <stddef.h>

/* Without the end of the line. Longer ones are a fault, never cut. */
#define CONFIG_LINE_MAX 8192

/* Each returns 0, or a negative errno that ends the reading. Texts are borrowed for the call. */
struct reader_events {
    int (*section)(void *userdata, unsigned line, const char *name); /* NULL: after its fault */
    int (*value)(void *userdata, unsigned line, const char *key, const char *value);
    int (*fault)(void *userdata, unsigned line, const char *message);
};

enum reader_result {
    READER_OK = 0,
    READER_UNREADABLE =
        1, /* not UTF-8, or control characters: told as one fault, nothing was read */
};

/* Reads @text. Returns READER_OK whatever the faults in its lines, READER_UNREADABLE, -ENOMEM, or
 * the errno of an event. */
int reader_run(const char *text, size_t size, const struct reader_events *events, void *userdata);
