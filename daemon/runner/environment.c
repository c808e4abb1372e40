/* Arbitrary names would be arbitrary code: BASH_ENV, LD_PRELOAD, PYTHONSTARTUP. prontod makes only
 * good ones; here it does not matter what it makes. */
#include "runner/environment.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "PRONTO_"
#define N_OWN  3

static const char path_variable[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool may_pass(const char *text)
{
    const char *name = text + strlen(PREFIX);

    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
        return false;
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return size > 0 && name[size] == '=';
}

/* A variable of our own environment, or what stands for it. */
static char *own_variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    char *text;

    return asprintf(&text, "%s=%s", name, value && *value ? value : otherwise) < 0 ? NULL : text;
}

char **hook_environment(struct json_object *env)
{
    size_t n = json_object_array_length(env), out = 0;
    cleanup_strv char **v = calloc(N_OWN + n + 1, sizeof(*v));

    if (!v || !(v[out++] = strdup(path_variable)) || !(v[out++] = own_variable("HOME", "/")) ||
        !(v[out++] = own_variable("LANG", "C.UTF-8")))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(env, i));

        if (text && may_pass(text) && !(v[out++] = strdup(text)))
            return NULL;
    }
    return TAKE_PTR(v);
}
