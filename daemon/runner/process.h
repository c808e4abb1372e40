/* The processes that hooks run as, each with all that it started, which ends with it: in its session
 * or out of it, and whether or not it is a child of ours by then (kin.h). */
#pragma once

#include "config/config.h"
#include "runner/program.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct process;
struct processes;

/* How it ended. */
struct process_end {
    int exit_code; /* -1: by a signal */
    int signal;    /* 0: none */
    int64_t started_at, duration_ms;
    int64_t cpu_ms, memory_bytes; /* -1: unknown */
    const char *limit; /* which limit of the hook ended it, in words; NULL: none. Static */
};

/* In words, of a process that was to answer first. */
void process_end_describe(const struct process_end *end, char *ret, size_t size);

/* Called once, from the loop: the process ended, and nothing is left of what it started. The callee
 * frees it. */
typedef void (*process_ended_fn)(struct process *process, const struct process_end *end,
                                 void *userdata);

/* Becomes the one that orphans of hooks are given to. Returns 0 or a negative errno. */
int processes_new(sd_event *loop, struct processes **ret);

/* When no process is left. */
void processes_free(struct processes *processes);

sd_event *processes_loop(struct processes *processes);

/* Whether each hook has a control group of its own. */
bool processes_have_cgroups(const struct processes *processes);

struct process_order {
    const struct hook_config *hook;
    struct json_object *env; /* of the job, or NULL */
    int in, out, err;        /* the program's; borrowed */
};

enum process_result {
    PROCESS_OK = 0,
    PROCESS_E_NOT_STARTED = 1, /* *ret_error says which file and why; nothing of it ran */
};

/* Starts the hook's program. Returns PROCESS_OK, PROCESS_E_NOT_STARTED, or a negative errno: what
 * the machine is short of, which is not the hook's fault. */
int process_start(struct processes *processes, const struct process_order *order,
                  process_ended_fn ended, void *userdata, struct process **ret,
                  char ret_error[static PROGRAM_ERROR_SIZE]);

/* SIGTERM to its process group now, SIGKILL to all of it after kill_after. Once. */
void process_terminate(struct process *process);

/* SIGKILL to all of it. */
void process_kill(struct process *process);

/* Kills and reaps it when it still runs. NULL is fine. */
void process_free(struct process *process);

/* Of processes: kills what nobody that runs has started. False when something does not end. */
bool processes_sweep(struct processes *processes);
