#include "runner/process_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

bool processes_sweep(struct processes *processes)
{
    bool swept = orphans_sweep(kin_of, processes);

    if (processes->cgroups)
        cgroups_tidy(processes->cgroups);
    return swept;
}

/* The end of a child: of one that a hook left behind, or of a hook, which its process hears of by
 * itself. */
static int on_any_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct processes *processes = userdata;

    (void)source;
    (void)info;
    if (processes->unswept)
        processes->unswept = !processes_sweep(processes);
    else
        orphans_reap(kin_of, processes);
    return 0;
}

int processes_new(sd_event *loop, struct processes **ret)
{
    struct processes *processes = calloc(1, sizeof(*processes));
    int r;

    if (!processes)
        return -ENOMEM;
    LIST_INIT(&processes->list);
    processes->loop = loop;
    r = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0
            ? -errno
            : sd_event_add_signal(loop, &processes->any_end, SIGCHLD, on_any_end, processes);
    if (r < 0) {
        free(processes);
        return r;
    }
    processes->cgroups = cgroups_open();
    *ret = processes;
    return 0;
}

void processes_free(struct processes *processes)
{
    if (!processes)
        return;
    sd_event_source_disable_unref(processes->any_end);
    processes_sweep(processes);
    cgroups_free(processes->cgroups);
    free(processes);
}

sd_event *processes_loop(struct processes *processes)
{
    return processes->loop;
}

bool processes_have_cgroups(const struct processes *processes)
{
    return processes->cgroups != NULL;
}
