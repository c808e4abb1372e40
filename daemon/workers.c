#include "workers.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CHILD_FD 3

/* Beside our own executable (a build folder), else where `meson install` puts it. */
static int find_program(const char *program, char **ret)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    cleanup_free char *path = NULL;
    char *slash;

    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (slash && asprintf(&path, "%.*s/%s", (int)(slash - self), self, program) < 0)
            return -ENOMEM;
    }
    if (path && access(path, X_OK) == 0) {
        *ret = TAKE_PTR(path);
        return 0;
    }
    free(TAKE_PTR(path));
    if (asprintf(&path, "%s/%s", PRONTOD_LIBEXECDIR, program) < 0)
        return -ENOMEM;
    if (access(path, X_OK) < 0)
        return -errno;
    *ret = TAKE_PTR(path);
    return 0;
}

/* The environment of the worker: ours, with the link and without what was meant for us alone. An
 * allocation of pointers. */
static char **worker_environment(char *link_variable)
{
    static const char *const ours[] = {
        "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "PRONTOD_LINK_FD=", "LISTEN_"};
    size_t n = 0, out = 0;
    char **env;

    while (environ[n])
        n++;
    env = calloc(n + 2, sizeof(*env));
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        bool skip = false;

        for (size_t j = 0; j < ARRAY_SIZE(ours); j++)
            skip = skip || strncmp(environ[i], ours[j], strlen(ours[j])) == 0;
        if (!skip)
            env[out++] = environ[i];
    }
    env[out] = link_variable;
    return env;
}

static int spawn(const char *path, const char *config_path, int child_fd, pid_t *ret)
{
    static char link_variable[] = "PRONTOD_LINK_FD=3";
    char *argv[] = {(char *)path, (char *)"--config", (char *)config_path, NULL};
    cleanup_free char **env = worker_environment(link_variable);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int r;

    if (!env)
        return -ENOMEM;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, child_fd, CHILD_FD);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    r = posix_spawn(ret, path, &actions, &attributes, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -r;
}

int worker_start(const char *program, const char *config_path, struct worker_process *ret)
{
    cleanup_free char *path = NULL;
    cleanup_close int ours = -1, theirs = -1;
    int pair[2], r = find_program(program, &path);

    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    ours = pair[0];
    theirs = pair[1];
    r = spawn(path, config_path, theirs, &ret->pid);
    if (r < 0)
        return r;
    ret->fd = TAKE_FD(ours);
    return 0;
}

void worker_join(const struct worker_process *process, int timeout_ms)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};

    if (pidfd < 0 || poll(&ended, 1, timeout_ms) <= 0)
        kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
