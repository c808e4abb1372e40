/* Arbitrary names from a job would be arbitrary code: BASH_ENV, LD_PRELOAD, PYTHONSTARTUP. prontod
 * makes only good ones; here it does not matter what it makes. The configuration may give any. */
#include "runner/environment.h"

#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/io.h"
#include "common/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "PRONTO_"

static const char path_variable[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct builder {
    char **v; /* NULL-terminated */
    size_t n, room;
};

void environment_free(char **env)
{
    for (char **p = env; p && *p; p++) {
        secret_wipe(*p, strlen(*p));
        free(*p);
    }
    free(env);
}

static int add_taken(struct builder *builder, char *text)
{
    if (!text)
        return -ENOMEM;
    if (builder->n + 1 >= builder->room) {
        size_t room = builder->room ? builder->room * 2 : 64;
        char **v = reallocarray(builder->v, room, sizeof(*v));

        if (!v) {
            free(text);
            return -ENOMEM;
        }
        builder->v = v;
        builder->room = room;
    }
    builder->v[builder->n++] = text;
    builder->v[builder->n] = NULL;
    return 0;
}

/* In the place of one with that name. */
static int replace(struct builder *builder, const char *text, size_t size)
{
    size_t name = (size_t)((const char *)memchr(text, '=', size) - text) + 1;
    char *copy = strndup(text, size);

    for (size_t i = 0; copy && i < builder->n; i++)
        if (strncmp(builder->v[i], text, name) == 0) {
            secret_wipe(builder->v[i], strlen(builder->v[i]));
            free(builder->v[i]);
            builder->v[i] = copy;
            return 0;
        }
    return add_taken(builder, copy);
}

/* NAME=value, or what stands for it. */
static int add_variable(struct builder *builder, const char *name, const char *value,
                        const char *otherwise)
{
    char *text;

    if (asprintf(&text, "%s=%s", name, value && *value ? value : otherwise) < 0)
        return -ENOMEM;
    return add_taken(builder, text);
}

static int add_own(struct builder *builder, const char *home)
{
    int r = add_taken(builder, strdup(path_variable));

    if (r == 0)
        r = add_variable(builder, "HOME", home ? home : getenv("HOME"), "/");
    return r < 0 ? r : add_variable(builder, "LANG", getenv("LANG"), "C.UTF-8");
}

static int add_configured(struct builder *builder, char *const *variables)
{
    int r = 0;

    for (size_t i = 0; r == 0 && variables && variables[i]; i++)
        r = replace(builder, variables[i], strlen(variables[i]));
    return r;
}

__attribute__((format(printf, 3, 4))) static int refuse(char *ret_error, const char *path,
                                                        const char *format, ...)
{
    char why[256];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    snprintf(ret_error, PROGRAM_ERROR_SIZE, "environment_file: %.200s %s", path, why);
    return PROGRAM_REFUSED;
}

static int explain_unreadable(const char *path, int error, char *ret_error)
{
    if (error == EPERM)
        return refuse(ret_error, path,
                      "must belong to root or to the user of prontod-runner, and nobody else may "
                      "read or write it; chmod 600 it");
    return refuse(ret_error, path, "cannot be read: %s", strerrordesc_np(error));
}

static int add_lines(struct builder *builder, const char *path, const char *text, size_t size,
                     char *ret_error)
{
    unsigned number = 0;
    int r = 0;

    for (size_t at = 0; at < size && r == 0;) {
        const char *line = text + at, *newline = memchr(line, '\n', size - at);
        size_t length = newline ? (size_t)(newline - line) : size - at;

        at += length + 1;
        number++;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (strspn(line, " \t") >= length || line[strspn(line, " \t")] == '#')
            continue;
        if (!config_is_variable(line, length) || config_is_own_variable(line))
            return refuse(ret_error, path,
                          "has a wrong line %u: it must be NAME=value, and names that begin with "
                          "PRONTO_ are prontod's own",
                          number);
        r = replace(builder, line, length);
    }
    return r;
}

/* Where the file is: the key may name a credential. */
static int find_file(const char *name, char **ret)
{
    if (*name == '/')
        return (*ret = strdup(name)) ? 0 : -ENOMEM;
    return secret_path(name, NULL, ret);
}

static int add_file(struct builder *builder, const char *name, char *ret_error)
{
    cleanup_free char *path = NULL, *text = NULL;
    size_t size = 0;
    int r = find_file(name, &path);

    if (r < 0)
        return r;
    if (!path)
        return refuse(ret_error, name,
                      "is no credential of prontod-runner; give it with LoadCredential= in its "
                      "unit, or name a file by its absolute path");
    r = secret_read(path, &text, &size);
    if (r < 0)
        return r == -ENOMEM ? r : explain_unreadable(path, -r, ret_error);
    r = add_lines(builder, path, text, size, ret_error);
    secret_wipe(text, size);
    return r;
}

static bool may_pass(const char *text)
{
    const char *name = text + strlen(PREFIX);

    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
        return false;
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return size > 0 && name[size] == '=';
}

static int add_job(struct builder *builder, struct json_object *env)
{
    size_t n = env ? json_object_array_length(env) : 0;
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(env, i));

        if (text && may_pass(text))
            r = add_taken(builder, strdup(text));
    }
    return r;
}

int hook_environment(const struct hook_config *hook, const char *home, struct json_object *env,
                     char ***ret, char ret_error[static PROGRAM_ERROR_SIZE])
{
    struct builder builder = {0};
    int r = add_own(&builder, home);

    if (r == 0)
        r = add_configured(&builder, hook->environment);
    if (r == 0 && hook->environment_file)
        r = add_file(&builder, hook->environment_file, ret_error);
    if (r == 0)
        r = add_job(&builder, env);
    if (r != 0) {
        environment_free(builder.v);
        return r;
    }
    *ret = builder.v;
    return 0;
}

const char *environment_get(char *const *env, const char *name)
{
    size_t size = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, size) == 0 && (*env)[size] == '=')
            return *env + size + 1;
    return NULL;
}
