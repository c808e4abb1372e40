/* One INI file as a sequence of sections and values with their lines. Of this room only. */
#pragma once

#include <stddef.h>

/* Without the end of the line. Longer ones are a fault, never cut. */
#define CONFIG_LINE_MAX 8192

/* Each returns 0, or a negative errno that ends the reading. Texts are borrowed for the call. */
struct reader_events {
    int (*section)(void *userdata, unsigned line, const char *name);
    int (*value)(void *userdata, unsigned line, const char *key, const char *value);
    int (*fault)(void *userdata, unsigned line, const char *message);
};

/* Reads @text. A text that is not UTF-8 or has control characters is one fault and nothing else.
 * Returns 0, -ENOMEM, or what an event returned. */
int reader_run(const char *text, size_t size, const struct reader_events *events, void *userdata);
