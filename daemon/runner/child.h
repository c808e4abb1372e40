/* One running hook: its output, its time-out, its end. */
#pragma once

#include "config/config.h"
#include "model/wire.h"
#include "runner/output.h"

#include <sys/queue.h>
#include <systemd/sd-event.h>

struct child {
    LIST_ENTRY(child) link;
    int64_t id; /* of the job */
    pid_t pid;
    int output_fd;
    struct output output;
    int64_t started_at, started_boot_ms, kill_after_ms;
    bool timed_out, interrupted;
    bool lost; /* prontod counts it as interrupted already: its end is told to nobody */
    bool over; /* the leader has ended; sd-event reaps it after its callback */
    sd_event_source *exit_source, *output_source, *timer;
    void (*ended)(struct child *child, const struct hook_outcome *outcome, const char *output,
                  size_t size, void *userdata);
    void *userdata;
};

/* Watches a spawned program; takes @output_fd over. @ended is called once, from the loop; it frees
 * the child. Returns 0 or a negative errno (then the program was killed). */
int child_new(sd_event *loop, const struct hook_config *hook, int64_t id, pid_t pid, int output_fd,
              void (*ended)(struct child *child, const struct hook_outcome *outcome,
                            const char *output, size_t size, void *userdata),
              void *userdata, struct child **ret);

/* SIGTERM to its process group now, SIGKILL after kill_after. */
void child_stop(struct child *child);

/* SIGKILL to its process group. */
void child_kill(struct child *child);

/* Kills and reaps what still runs. */
void child_free(struct child *child);
