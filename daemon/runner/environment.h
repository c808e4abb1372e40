/* The environment of a hook. */
#pragma once

#include "common/json.h"

/* PATH, HOME and LANG, and of @env, the job's array of "NAME=value", what has a name
 * PRONTO_[A-Z0-9_]+. A vector for strv_free(), or NULL when out of memory. */
char **hook_environment(struct json_object *env);
