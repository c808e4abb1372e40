/* Processes with all that descends from them, found in /proc. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct relative {
    pid_t pid, parent;
};

struct family {
    struct relative *v; /* allocated */
    size_t n, room;
};

/* A child of ours, to begin with. What cannot be remembered for lack of memory is not there. */
void family_add_child(struct family *family, pid_t pid);

/* Stops them, so that none starts another while it is ended, and kills them. What was being started
 * in that moment becomes a child of ours when its parent ended. */
void family_kill(struct family *family);

void family_clear(struct family *family);
