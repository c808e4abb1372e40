/* Whose is a process that was left to us? Its control group says so, where there are any; so does
 * its session. Otherwise the environment it was given does: a helper that leaves the session mostly
 * keeps that. One that wiped its environment as well, and so can be told from no other's, lives on as
 * long as a hook runs that may have started it: one that is older than itself. It is never wrong to
 * let it live for a while, and may be wrong to kill it. */
#include "runner/process_internal.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The largest environment of a hook (model/document.h), with room for the rest of it. */
#define ENVIRON_MAX ((size_t)1024 * 1024)

/* How often, a millisecond apart, one is looked at that executes a program just now. */
#define EXECUTES_LOOKS 100

static char *read_file(pid_t pid, const char *name, size_t max, size_t *ret_size)
{
    char path[64];
    cleanup_close int fd = -1;
    cleanup_free char *text = NULL;
    size_t size = 0, room = 4096;
    ssize_t n = 1;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n > 0 && size < max) {
        char *more = size + 1 < room && text ? text : realloc(text, room *= 2);

        if (!more)
            return NULL;
        text = more;
        n = read(fd, text + size, room - size - 1);
        size += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || n < 0)
        return NULL;
    text[size] = '\0';
    *ret_size = size;
    return TAKE_PTR(text);
}

static bool has_name(const char *text, size_t length, const char *name)
{
    return length > strlen(name) && strncmp(text, name, strlen(name)) == 0;
}

void kin_mark(const char *env, size_t size, char ret[static MARK_SIZE])
{
    ret[0] = '\0';
    for (size_t at = 0, length; at < size; at += length + 1) {
        length = strnlen(env + at, size - at);
        bool is_delivery = has_name(env + at, length, "PRONTO_DELIVERY_ID=");

        if ((is_delivery || has_name(env + at, length, "PRONTO_HOOK=")) && length < MARK_SIZE) {
            memcpy(ret, env + at, length);
            ret[length] = '\0';
        }
        if (is_delivery)
            return;
    }
}

/* Fields of /proc/PID/stat, as proc(5) counts them. The name, field 2, may have anything in it. */
enum {
    STAT_STARTED = 22, /* ticks since boot */
    STAT_ENV_START = 50,
    STAT_ENV_END = 51,
    STAT_FIELDS
};

/* False when they cannot be known. */
static bool read_stat(pid_t pid, unsigned long long ret[static STAT_FIELDS])
{
    size_t size;
    cleanup_free char *text = read_file(pid, "stat", 4096, &size);
    char *rest = text ? strrchr(text, ')') : NULL;
    char *end = rest ? rest + strlen(") S") : NULL; /* field 3 is a letter */

    for (int i = 4; i < STAT_FIELDS; i++) {
        char *number = end;

        if (!number)
            return false;
        ret[i] = strtoull(number, &end, 10);
        if (end == number)
            return false;
    }
    return end != NULL;
}

/* 0 when that cannot be known. */
static unsigned long long started(pid_t pid)
{
    unsigned long long stat[STAT_FIELDS];

    return read_stat(pid, stat) ? stat[STAT_STARTED] : 0;
}

static bool has_started_after_a_hook(const struct processes *processes, pid_t pid)
{
    unsigned long long its = started(pid);
    const struct process *process;

    LIST_FOREACH(process, &processes->list, link)
    if (!process->over && started(process->pid) <= its)
        return true;
    return false;
}

/* Whether one that runs has the mark. */
static bool is_marked(const struct processes *processes, const char *mark)
{
    const struct process *process;

    LIST_FOREACH(process, &processes->list, link)
    if (!process->over && strcmp(process->mark, mark) == 0)
        return true;
    return false;
}

/* In the midst of execve(2) it has no environment yet. One that ended has none any more. */
static bool executes(pid_t pid)
{
    unsigned long long stat[STAT_FIELDS];
    siginfo_t end = {0};
    bool over =
        waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == pid;

    return !over && read_stat(pid, stat) &&
           (stat[STAT_ENV_END] == 0 || stat[STAT_ENV_START] < stat[STAT_ENV_END]);
}

static char *read_environment(pid_t pid, size_t *ret_size)
{
    static const struct timespec moment = {.tv_nsec = 1000000};
    char *env = NULL;

    for (int i = 0; i < EXECUTES_LOOKS; i++) {
        bool is_known;

        free(env);
        errno = 0;
        env = read_file(pid, "environ", ENVIRON_MAX, ret_size);
        is_known = env ? *ret_size > 0 : errno != EIO; /* that: it was replaced meanwhile */
        if (is_known || !executes(pid))
            break;
        nanosleep(&moment, NULL);
    }
    return env;
}

static enum kin by_environment(const struct processes *processes, pid_t pid)
{
    char mark[MARK_SIZE] = "";
    size_t size = 0;
    cleanup_free char *env = read_environment(pid, &size);
    bool ours;

    if (env)
        kin_mark(env, size, mark);
    ours = mark[0] ? is_marked(processes, mark) : has_started_after_a_hook(processes, pid);
    return ours ? KIN_MEMBER : KIN_STRANGER;
}

static bool by_cgroup(const struct processes *processes, pid_t pid, enum kin *ret)
{
    char name[CGROUP_NAME_SIZE];
    const struct process *process;

    if (!processes->cgroups || !cgroup_of(processes->cgroups, pid, name))
        return false;
    *ret = KIN_STRANGER;
    LIST_FOREACH(process, &processes->list, link)
    if (!process->over && strcmp(process->cgroup, name) == 0)
        *ret = KIN_MEMBER;
    return true;
}

enum kin kin_of(pid_t pid, void *userdata)
{
    const struct processes *processes = userdata;
    const struct process *process;
    pid_t session;
    enum kin kin;

    LIST_FOREACH(process, &processes->list, link)
    if (process->pid == pid)
        return KIN_LEADER;
    if (by_cgroup(processes, pid, &kin))
        return kin;
    session = getsid(pid);
    LIST_FOREACH(process, &processes->list, link)
    if (process->pid == session)
        return process->over ? KIN_STRANGER : KIN_MEMBER;
    return by_environment(processes, pid);
}
