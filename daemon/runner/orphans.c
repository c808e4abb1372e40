#include "runner/orphans.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

/* A process that does not end by SIGKILL (it waits for a disk or a server) must not hold up the
 * others: how long the loop may stand still until the next of them ends, and in all. */
#define NEXT_END_MS 100
#define SWEEP_MS    2000

/* Looks at each child. Returns how many strangers there were, *ret_left of them without an end. */
static size_t visit(orphans_kin_fn kin, void *userdata, bool kill_strangers, size_t *ret_left)
{
    cleanup_file FILE *children = fopen("/proc/thread-self/children", "re");
    char text[24];
    size_t strangers = 0, left = 0;

    while (children && fscanf(children, "%23s", text) == 1) {
        pid_t pid = (pid_t)strtol(text, NULL, 10);
        enum kin what = pid > 0 ? kin(pid, userdata) : KIN_LEADER;

        if (what == KIN_LEADER)
            continue;
        if (what == KIN_STRANGER && kill_strangers)
            kill(pid, SIGKILL);
        strangers += what == KIN_STRANGER;
        left += waitpid(pid, NULL, WNOHANG) == 0 && what == KIN_STRANGER;
    }
    *ret_left = left;
    return strangers;
}

void orphans_reap(orphans_kin_fn kin, void *userdata)
{
    size_t left;

    visit(kin, userdata, false, &left);
}

static bool wait_for_an_end(void)
{
    const struct timespec longest = {.tv_nsec = NEXT_END_MS * 1000000L};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return sigtimedwait(&set, NULL, &longest) == SIGCHLD || errno == EINTR;
}

/* Whoever ended may have handed us children of its own, so the last look is one that finds nobody.
 */
bool orphans_sweep(orphans_kin_fn kin, void *userdata)
{
    int64_t until = time_boot_ms() + SWEEP_MS;
    size_t left;

    while (visit(kin, userdata, true, &left) > 0)
        if ((left > 0 && !wait_for_an_end()) || time_boot_ms() >= until)
            return false;
    return true;
}
