/* The command line. */
#pragma once

#include "simulator/behaviour.h"

#include <stdbool.h>
#include <stdint.h>

#define LISTEN_DEFAULT "127.0.0.1:8481"

struct options {
    const char *listen;
    const char *api_key; /* NULL: any */
    bool has_seed;
    uint64_t seed;
    struct behaviours behaviours;
};

enum options_result {
    OPTIONS_RUN = 0,
    OPTIONS_DONE,  /* help or version was printed */
    OPTIONS_WRONG, /* a complaint was printed */
};

/* Returns a value of enum options_result. @ret borrows from @argv. */
int options_parse(int argc, char **argv, struct options *ret);

/* A listening socket for ADDR:PORT or [ADDR]:PORT, and the text of the address it has. Returns 0,
 * -EINVAL when @text is none, or a negative errno. */
#define LISTEN_TEXT_SIZE 64
int options_listen(const char *text, int *ret_fd, char ret_text[static LISTEN_TEXT_SIZE]);
