/* What a process that serves gives up for good, whatever a peer makes of it: also when no service manager confines it. */
#pragma once

enum confine {
    CONFINE_RECEIVER, /* runs nothing, traces nobody, opens no network socket: its listeners are there */
    CONFINE_CLIENT, /* runs nothing, traces nobody, listens nowhere */
};

/* For all threads, with EPERM from then on; in a process with no new privileges (common/process.h). Returns 0, or a negative
 * errno: nothing was given up, e.g. since the kernel has no seccomp(2) filters. */
int confine(enum confine what);
