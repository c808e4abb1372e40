/* What a hook started and left behind in a session of its own becomes our child
 * (PR_SET_CHILD_SUBREAPER). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Kills and reaps every child of ours that @is_leader does not know. */
void orphans_kill(bool (*is_leader)(pid_t pid, void *userdata), void *userdata);
