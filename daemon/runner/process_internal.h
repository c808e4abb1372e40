/* What process.c and kin.c share. */
#pragma once

#include "runner/cgroup.h"
#include "runner/orphans.h"
#include "runner/process.h"

#include <sys/queue.h>
#include <sys/types.h>

#define MARK_SIZE 128

struct process {
    LIST_ENTRY(process) link;
    struct processes *owner;
    pid_t pid; /* leader of its own session and process group */
    bool over; /* the leader ended */
    bool terminating;
    char mark[MARK_SIZE];          /* the variable that its descendants inherit; or empty */
    char cgroup[CGROUP_NAME_SIZE]; /* or empty */
    int64_t started_at, started_boot_ms, kill_after_ms;
    int64_t cpu_limit_ms;
    bool refuses_memory; /* by RLIMIT_AS */
    sd_event_source *exit_source, *timer;
    process_ended_fn ended;
    void *userdata;
};

LIST_HEAD(process_list, process);

struct processes {
    sd_event *loop;
    sd_event_source *any_end; /* SIGCHLD */
    struct process_list list;
    struct cgroups *cgroups; /* or NULL */
    bool unswept;            /* something that a hook left behind does not end */
};

/* kin.c: an orphans_kin_fn; @userdata is the struct processes. */
enum kin kin_of(pid_t pid, void *userdata);

/* The variable that says whose a process is, of its environment @env: "PRONTO_DELIVERY_ID=..." of a
 * program that is run for each document, else "PRONTO_HOOK=..."; empty: none. @ret has MARK_SIZE
 * bytes. */
void kin_mark(const char *env, size_t size, char ret[static MARK_SIZE]);
