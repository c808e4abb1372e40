#include "runner/spawn.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char path_variable[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static int not_started(char **ret_error, const char *path, const char *why)
{
    return asprintf(ret_error, "%s: %s", path, why) < 0 ? -ENOMEM : SPAWN_E_NOT_STARTED;
}

static bool is_ours(const struct stat *st)
{
    return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

/* A program that somebody else may change would be that somebody's way to the result. */
static int check_program(const char *path, char **ret_error)
{
    cleanup_free char *directory = strdup(path);
    struct stat st;

    if (!directory)
        return -ENOMEM;
    if (stat(path, &st) < 0)
        return not_started(ret_error, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return not_started(ret_error, path, "not a regular file");
    if (!is_ours(&st))
        return not_started(ret_error, path,
                           "others than root and the runner's user own it or may write it");
    *(strrchr(directory, '/') + 1) = '\0';
    if (stat(directory, &st) < 0)
        return not_started(ret_error, path, strerror(errno));
    if (!(st.st_mode & S_ISVTX) && !is_ours(&st))
        return not_started(ret_error, path,
                           "others than root and the runner's user may write its directory");
    return 0;
}

static bool is_variable(const char *text)
{
    if (strncmp(text, "PRONTO_", 7) != 0 || text[7] == '=')
        return false;
    for (text += 7; *text && *text != '='; text++)
        if (!(*text >= 'A' && *text <= 'Z') && !(*text >= '0' && *text <= '9') && *text != '_')
            return false;
    return *text == '=';
}

/* "NAME=value" of our own environment, or of a default. An allocation. */
static char *own_variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    char *text;

    return asprintf(&text, "%s=%s", name, value && *value ? value : otherwise) < 0 ? NULL : text;
}

static char **make_environment(struct json_object *env)
{
    size_t n = env ? json_object_array_length(env) : 0, out = 0;
    char **v = calloc(n + 4, sizeof(*v));
    bool ok = v != NULL;

    if (!v)
        return NULL;
    ok = (v[out++] = strdup(path_variable)) != NULL;
    ok = ok && (v[out++] = own_variable("HOME", "/")) != NULL;
    ok = ok && (v[out++] = own_variable("LANG", "C.UTF-8")) != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        struct json_object *item = json_object_array_get_idx(env, i);
        const char *text =
            json_object_is_type(item, json_type_string) ? json_object_get_string(item) : NULL;

        if (text && is_variable(text))
            ok = (v[out++] = strdup(text)) != NULL;
    }
    if (ok)
        return v;
    strv_free(v);
    return NULL;
}

/* The document in memory, opened for reading alone. */
static int document_fd(const char *document, size_t size)
{
    cleanup_close int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char path[64];
    int r;

    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, document, size);
    if (r < 0)
        return r;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = open(path, O_RDONLY | O_CLOEXEC);
    if (r >= 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0) /* without /proc: the descriptor itself, which is sealed */
        return -errno;
    return TAKE_FD(fd);
}

static int run(const struct hook_config *hook, char **env, int in, int out, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    int r;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    r = posix_spawn(ret, hook->command[0], &actions, &attributes, hook->command, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return r;
}

int hook_spawn(const struct hook_config *hook, struct json_object *env, const char *document,
               size_t size, struct spawned *ret, char **ret_error)
{
    cleanup_strv char **environment = NULL;
    cleanup_close int in = -1, out = -1, output = -1;
    int pair[2], r = check_program(hook->command[0], ret_error);

    if (r != 0)
        return r;
    environment = make_environment(env);
    if (!environment)
        return -ENOMEM;
    in = document_fd(document, size);
    if (in < 0)
        return in;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    output = pair[0];
    out = pair[1];
    if (fcntl(output, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    r = run(hook, environment, in, out, &ret->pid);
    if (r == EAGAIN || r == ENOMEM)
        return -r; /* ours, not the hook's */
    if (r != 0)
        return not_started(ret_error, hook->command[0], strerror(r));
    ret->output_fd = TAKE_FD(output);
    return SPAWN_OK;
}
