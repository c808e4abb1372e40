/* What a hook started and left behind becomes our child (PR_SET_CHILD_SUBREAPER), also when it went
 * into a session of its own. Found in /proc; on a kernel that does not list children there,
 * nothing is. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum kin {
    KIN_STRANGER, /* left behind: killed and reaped */
    KIN_MEMBER,   /* belongs to a hook that runs: reaped when it ended, else left alone */
    KIN_LEADER,   /* a hook itself: watched elsewhere */
};

typedef enum kin (*orphans_kin_fn)(pid_t pid, void *userdata);

/* Reaps what ended. */
void orphans_reap(orphans_kin_fn kin, void *userdata);

/* Kills every stranger, and what it leaves behind in turn, and waits for their ends, though not for
 * long. SIGCHLD must be blocked. Returns false when some are still there. */
bool orphans_sweep(orphans_kin_fn kin, void *userdata);
