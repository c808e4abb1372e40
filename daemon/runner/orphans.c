#include "runner/orphans.h"

#include "common/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Killing one may hand us its children in turn. */
#define ROUNDS        100
#define DEATH_WAIT_MS 50

/* Returns false for one that does not end although it was killed (it waits for a device): it is looked at again when the next hook ends. */
static bool end(pid_t pid)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    siginfo_t info = {0};

    kill(pid, SIGKILL);
    if (pidfd >= 0)
        poll(&ended, 1, DEATH_WAIT_MS);
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid;
}

static bool kill_once(bool (*is_leader)(pid_t pid, void *userdata), void *userdata)
{
    cleanup_file FILE *children = fopen("/proc/thread-self/children", "re");
    char pid_text[24];
    bool any = false;

    while (children && fscanf(children, "%23s", pid_text) == 1) {
        pid_t pid = (pid_t)strtol(pid_text, NULL, 10);

        if (pid <= 0 || is_leader(pid, userdata))
            continue;
        any = end(pid) || any;
    }
    return any;
}

void orphans_kill(bool (*is_leader)(pid_t pid, void *userdata), void *userdata)
{
    for (int i = 0; i < ROUNDS && kill_once(is_leader, userdata); i++)
        ;
}
