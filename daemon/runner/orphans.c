#include "runner/orphans.h"

#include "common/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Killing one may hand us its children in turn. */
#define ROUNDS 100

static bool kill_once(bool (*is_leader)(pid_t pid, void *userdata), void *userdata)
{
    cleanup_file FILE *children = fopen("/proc/thread-self/children", "re");
    char pid_text[24];
    bool any = false;

    while (children && fscanf(children, "%23s", pid_text) == 1) {
        pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
        siginfo_t info;

        if (pid <= 0 || is_leader(pid, userdata))
            continue;
        any = true;
        kill(pid, SIGKILL);
        while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
            ;
    }
    return any;
}

void orphans_kill(bool (*is_leader)(pid_t pid, void *userdata), void *userdata)
{
    for (int i = 0; i < ROUNDS && kill_once(is_leader, userdata); i++)
        ;
}
