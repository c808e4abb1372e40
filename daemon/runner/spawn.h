/* Starting a hook program: everything it gets is chosen here, nothing is inherited by accident. */
#pragma once

#include "common/json.h"
#include "config/config.h"

#include <sys/types.h>

struct spawned {
    pid_t pid;     /* leader of its own session and process group */
    int output_fd; /* what it prints; non-blocking */
};

enum spawn_result {
    SPAWN_OK = 0,
    SPAWN_E_NOT_STARTED = 1, /* a fault of the hook; *ret_error says which file and why */
};

/* @env: the job's array of "NAME=value", of which only PRONTO_* names are let through. The document
 * is on the program's standard input from memory, so that a program that never reads cannot block
 * anybody. Returns SPAWN_OK, SPAWN_E_NOT_STARTED with *ret_error (an allocation), or a negative
 * errno of ours (out of memory, descriptors or processes): try again later. */
int hook_spawn(const struct hook_config *hook, struct json_object *env, const char *document,
               size_t size, struct spawned *ret, char **ret_error);
