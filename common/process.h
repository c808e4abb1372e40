/* What every program of prontod does first with its own process. */
#pragma once

/* No core dump and no ptrace by the same user (PR_SET_DUMPABLE 0), no new privileges, SIGPIPE and
 * SIGXFSZ ignored (a full pipe or a file limit is then an error that can be handled), umask 077.
 * Returns 0 or -errno. */
int process_harden(void);
