/* Starting the two workers, when no service manager does. Only before prontod serves: afterwards it
 * starts no program. */
#pragma once

#include <sys/types.h>

struct worker_process {
    pid_t pid;
    int fd; /* our end of the socket pair */
};

/* Starts @program ("prontod-egress"), which lies beside this program or in the libexec directory,
 * with --config @config_path and its end of a socket pair as $PRONTOD_LINK_FD; in a process group
 * of its own, so that a terminal's Ctrl-C reaches prontod alone, which stops in order. Returns 0,
 * or a negative errno (-ENOENT: the program was not found). */
int worker_start(const char *program, const char *config_path, struct worker_process *ret);

/* Waits at most @timeout_ms for a worker whose link was closed, then kills it. */
void worker_join(const struct worker_process *process, int timeout_ms);
