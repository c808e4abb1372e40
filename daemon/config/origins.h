/* Where each key of a snapshot was given. Of this room only. */
#pragma once

#include "config/keys.h"

/* File 0: nowhere, it has its default. */
struct origin {
    unsigned file; /* index into files, plus 1 */
    unsigned line;
};

struct key_origins {
    struct origin section; /* of a hook: where it was named first */
    struct origin keys[KEYS_MAX];
};

struct config_origins {
    char **files; /* [0] is the main file; NULL-terminated */
    size_t n_files;
    struct key_origins global;
    struct key_origins hooks[LIMIT_HOOKS];
};

/* Adds a file; it is the current one, with the number n_files. Returns 0 or -ENOMEM. */
int origins_add_file(struct config_origins *origins, const char *path);

/* The name of the origin's file; of the main file when it has none. */
const char *origins_file(const struct config_origins *origins, const struct origin *origin);

void origins_free(struct config_origins *origins);
