/* posix_spawn(3) and not fork(2): it reports why execve(2) failed, so that nobody has to guess from
 * an exit status of 126 or 127, which a hook may have as its own. */
#include "runner/spawn.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/parse.h"
#include "runner/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The document in memory, opened for reading alone. A descriptor or a negative errno. */
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

static int set_actions(posix_spawn_file_actions_t *actions, int in, int out)
{
    int r = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, out, STDERR_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(actions, "/");
    return r;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    int r;

    sigfillset(&all);
    sigemptyset(&none);
    r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                 POSIX_SPAWN_SETSIGMASK);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attributes, &all);
    if (r == 0)
        r = posix_spawnattr_setsigmask(attributes, &none);
    return r;
}

/* 0 or a positive errno. */
static int run(const struct hook_config *hook, char **env, int in, int out, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r;

    posix_spawn_file_actions_init(&actions); /* these two cannot fail */
    posix_spawnattr_init(&attributes);
    r = set_actions(&actions, in, out);
    if (r == 0)
        r = set_attributes(&attributes);
    if (r == 0)
        r = posix_spawn(ret, hook->command[0], &actions, &attributes, hook->command, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return r;
}

static int open_output(int *ret_read, int *ret_write)
{
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) < 0)
        return errno;
    *ret_read = pair[0];
    *ret_write = pair[1];
    return fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
}

enum spawn_result hook_spawn(const struct hook_config *hook, struct json_object *env,
                             const char *document, size_t size, struct spawned *ret,
                             char ret_error[static PROGRAM_ERROR_SIZE])
{
    cleanup_strv char **environment = NULL;
    cleanup_close int in = -1, out = -1, output = -1;
    int r;

    if (program_check(hook->command[0], ret_error) != PROGRAM_OK)
        return SPAWN_E_NOT_STARTED;
    environment = hook_environment(env);
    in = environment ? document_fd(document, size) : -ENOMEM;
    r = in < 0 ? -in : open_output(&output, &out);
    if (r == 0)
        r = run(hook, environment, in, out, &ret->pid);
    if (r != 0) {
        program_explain(hook->command[0], r, ret_error);
        return SPAWN_E_NOT_STARTED;
    }
    ret->output_fd = TAKE_FD(output);
    return SPAWN_OK;
}
