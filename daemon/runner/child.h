/* One run of a hook with mode = exec: its output, its time-out, its end. */
#pragma once

#include "config/config.h"
#include "model/wire.h"
#include "runner/capture.h"
#include "runner/process.h"

#include <sys/queue.h>

struct child;

/* Called once, from the loop: the hook's own process ended, and nothing is left of what it started.
 * Frees the child. */
typedef void (*child_ended_fn)(struct child *child, const struct hook_outcome *outcome,
                               const char *output, size_t size, void *userdata);

struct child {
    LIST_ENTRY(child) link; /* the owner's */
    bool lost;              /* the owner's: nobody waits for the outcome any more */
    int64_t id;             /* of the job */
    struct process *process;
    struct capture output;
    bool timed_out, interrupted;
    sd_event_source *timer;
    child_ended_fn ended;
    void *userdata;
};

/* Starts the program. The document is on its standard input from memory, so that one that never
 * reads cannot block anybody. Returns as process_start(). */
int child_start(struct processes *processes, const struct hook_config *hook,
                const struct hook_job *job, const char *document, size_t size, child_ended_fn ended,
                void *userdata, struct child **ret, char ret_error[static PROGRAM_ERROR_SIZE]);

/* SIGTERM to its process group now, SIGKILL after kill_after. */
void child_stop(struct child *child);

/* SIGKILL to all of it. */
void child_kill(struct child *child);

/* Kills and reaps what still runs. */
void child_free(struct child *child);
