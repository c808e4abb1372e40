/* Control groups (cgroups(7), version 2), where prontod-runner has been given one of its own: each
 * hook runs in a child of it, so that it is known for sure what it started, and its limits hold for
 * all of that together. */
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_NAME_SIZE 32

struct cgroups;

/* The group that we are in, when it is delegated to us (Delegate= of systemd.resource-control(5)):
 * moves ourselves to a child of it. NULL when there is none, or it cannot be used. */
struct cgroups *cgroups_open(void);

/* As above, with the group in @directory, without asking whose it is. */
struct cgroups *cgroups_open_at(const char *directory);
void cgroups_free(struct cgroups *cgroups);

/* Whether the limit is kept by the group. */
bool cgroups_limit_memory(const struct cgroups *cgroups);
bool cgroups_limit_processes(const struct cgroups *cgroups);

/* Makes a group with the hook's limits. Returns a descriptor of its directory, or a negative errno. */
int cgroup_make(struct cgroups *cgroups, const struct hook_config *hook,
                char ret_name[static CGROUP_NAME_SIZE]);

/* SIGKILL to all in it. */
void cgroup_kill(struct cgroups *cgroups, const char *name);

/* Peak of the memory of all in it together; -1: unknown. */
int64_t cgroup_memory_peak(struct cgroups *cgroups, const char *name);
/* Whether something in it was killed since it needed more memory than it may have. */
bool cgroup_was_short_of_memory(struct cgroups *cgroups, const char *name);

/* Removes all groups that are empty. */
void cgroups_tidy(struct cgroups *cgroups);

/* The name of the group of ours that the process is in; false: in none. */
bool cgroup_of(struct cgroups *cgroups, pid_t pid, char ret_name[static CGROUP_NAME_SIZE]);
