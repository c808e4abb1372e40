/* Starting a hook program: everything it gets is chosen here, nothing is inherited by accident. */
#pragma once

#include "common/json.h"
#include "config/config.h"
#include "runner/program.h"

#include <sys/types.h>

struct spawned {
    pid_t pid;     /* leader of its own session and process group */
    int output_fd; /* what it prints; non-blocking */
};

enum spawn_result {
    SPAWN_OK = 0,
    SPAWN_E_NOT_STARTED = 1, /* @ret_error says which file and why */
};

/* @env: the job's array of "NAME=value", see environment.h. The document is on the program's
 * standard input from memory, so that a program that never reads cannot block anybody. Nothing of
 * the program ran when the result is not SPAWN_OK. */
enum spawn_result hook_spawn(const struct hook_config *hook, struct json_object *env,
                             const char *document, size_t size, struct spawned *ret,
                             char ret_error[static PROGRAM_ERROR_SIZE]);
