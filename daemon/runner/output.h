/* The last bytes of what a hook printed. */
#pragma once

#include "common/limits.h"

#include <stddef.h>

struct output {
    char ring[LIMIT_HOOK_OUTPUT];
    size_t total; /* bytes that ever came */
};

void output_add(struct output *output, const char *data, size_t size);
/* Copies what is kept, oldest first; returns how much. */
size_t output_copy(const struct output *output, char ret[static LIMIT_HOOK_OUTPUT]);
