/* The environment of a hook. */
#pragma once

#include "common/json.h"
#include "config/config.h"
#include "runner/program.h"

/* PATH, HOME (@home, or ours when that is NULL) and LANG; what the keys environment and
 * environment_file of @hook say; and of @env, the job's array of "NAME=value", what has a name
 * PRONTO_[A-Z0-9_]+. @env may be NULL. Returns 0 with a vector for environment_free(), -ENOMEM, or
 * PROGRAM_REFUSED with *ret_error (environment_file cannot be used). */
int hook_environment(const struct hook_config *hook, const char *home, struct json_object *env,
                     char ***ret, char ret_error[static PROGRAM_ERROR_SIZE]);

/* Wipes and frees; NULL is fine. */
void environment_free(char **env);
static inline void environment_free_p(char ***env)
{
    environment_free(*env);
}
#define cleanup_environment __attribute__((cleanup(environment_free_p)))

/* The value of that name, or NULL. Borrowed. */
const char *environment_get(char *const *env, const char *name);
