#include "runner/orphans.h"

#include "common/cleanup.h"
#include "common/timestamp.h"
#include "runner/family.h"

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

/* Reaps what ended of each child. Returns how many strangers there were; those without an end are
 * added to @left. */
static size_t visit(orphans_kin_fn kin, void *userdata, struct family *left)
{
    cleanup_file FILE *children = fopen("/proc/thread-self/children", "re");
    char text[24];
    size_t strangers = 0;

    while (children && fscanf(children, "%23s", text) == 1) {
        pid_t pid = (pid_t)strtol(text, NULL, 10);
        enum kin what = pid > 0 ? kin(pid, userdata) : KIN_LEADER;

        if (what == KIN_LEADER)
            continue;
        strangers += what == KIN_STRANGER;
        if (waitpid(pid, NULL, WNOHANG) == 0 && what == KIN_STRANGER)
            family_add_child(left, pid);
    }
    return strangers;
}

void orphans_reap(orphans_kin_fn kin, void *userdata)
{
    struct family left = {0};

    visit(kin, userdata, &left);
    family_clear(&left);
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
    struct family left = {0};
    bool swept = false, waits = true;

    while (waits && !(swept = visit(kin, userdata, &left) == 0) && time_boot_ms() < until) {
        bool any = left.n > 0;

        family_kill(&left);
        family_clear(&left);
        waits = !any || wait_for_an_end();
    }
    family_clear(&left);
    return swept;
}
