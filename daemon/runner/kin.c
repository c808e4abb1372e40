/* Whose is a process that was left to us? Its control group says so, where there are any; so does
 * its session. Otherwise the environment it was given does: a helper that leaves the session mostly
 * keeps that. One that wiped its environment as well, and so can be told from no other's, lives on as
 * long as a hook runs that may have started it: one that is older than itself. It is never wrong to
 * let it live for a while, and may be wrong to kill it. */
#include "runner/process_internal.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest environment of a hook (model/document.h), with room for the rest of it. */
#define ENVIRON_MAX ((size_t)1024 * 1024)

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

/* When it started, in ticks since boot; 0 when that cannot be known. */
static unsigned long long started(pid_t pid)
{
    size_t size;
    cleanup_free char *text = read_file(pid, "stat", 4096, &size);
    const char *rest = text ? strrchr(text, ')') : NULL;

    /* proc(5): starttime is field 22; the name, field 2, may have anything in it. */
    for (int field = 2; rest && field < 22; field++)
        rest = strchr(rest + 1, ' ');
    return rest ? strtoull(rest, NULL, 10) : 0;
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

static enum kin by_environment(const struct processes *processes, pid_t pid)
{
    char mark[MARK_SIZE] = "";
    size_t size = 0;
    cleanup_free char *env = read_file(pid, "environ", ENVIRON_MAX, &size);
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
