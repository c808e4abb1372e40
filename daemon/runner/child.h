/* One running hook: its output, its time-out, its end. */
#pragma once

#include "config/config.h"
#include "model/wire.h"
#include "runner/output.h"

#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct child;

/* Called once, from the loop: the hook's own process ended, and what was left of its process group
 * was killed. Frees the child. */
typedef void (*child_ended_fn)(struct child *child, const struct hook_outcome *outcome,
                               const char *output, size_t size, void *userdata);

struct child {
    LIST_ENTRY(child) link; /* the owner's */
    bool lost;              /* the owner's: nobody waits for the outcome any more */
    int64_t id;             /* of the job */
    pid_t pid;              /* leader of its own session and process group */
    bool over;              /* the leader ended */
    bool timed_out, interrupted;
    int output_fd;
    struct output output;
    int64_t started_at, started_boot_ms, kill_after_ms;
    sd_event_source *exit_source, *output_source, *timer;
    child_ended_fn ended;
    void *userdata;
};

/* Watches a program that hook_spawn() started; takes @output_fd over. Returns 0 or a negative errno
 * (then the program was killed). */
int child_new(sd_event *loop, const struct hook_config *hook, int64_t id, pid_t pid, int output_fd,
              child_ended_fn ended, void *userdata, struct child **ret);

/* SIGTERM to its process group now, SIGKILL after kill_after. */
void child_stop(struct child *child);

/* SIGKILL to its process group. */
void child_kill(struct child *child);

/* Kills and reaps what still runs. */
void child_free(struct child *child);
