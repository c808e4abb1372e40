/* The API key: where it comes from, why it is missing, and keeping it out of what leaves this
 * process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LIMIT_API_KEY 512

struct api_key {
    char *text;   /* NULL: there is none */
    char *detail; /* when there is none: the file, what is wrong with it, and the remedy */
};

/* The credential "pronto-api-key", else @file (may be NULL). Returns 0, also without a key, or
 * -ENOMEM. */
int api_key_load(const char *file, struct api_key *ret);

/* Wipes and empties. */
void api_key_done(struct api_key *key);

/* Replaces the key in @body by "***", as it is and as JSON or a URL would escape it. *ret is an
 * allocation, NUL-terminated beyond *ret_size. Returns 0 or -ENOMEM. */
int api_key_mask(const char *key, const char *body, size_t size, char **ret, size_t *ret_size);
