/* One program into a new process: what posix_spawn(3) does, and besides the limits, the user and the
 * control group, which it cannot set. */
#pragma once

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define LAUNCH_LIMITS_MAX 4

struct launch_limit {
    int resource; /* RLIMIT_... */
    rlim_t soft, hard;
};

/* Who the program runs as. */
struct identity {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* allocated */
    int n_groups;
    char *home; /* allocated */
};

struct launch {
    char *const *argv, *const *env;
    int in, out, err; /* its standard descriptors, the only ones it gets; borrowed */
    const char *directory;
    struct launch_limit limits[LAUNCH_LIMITS_MAX];
    size_t n_limits;
    const struct identity *identity; /* NULL: as we are */
    int cgroup_fd;                   /* directory of its control group; -1: ours */
};

/* What was under way when it failed. */
enum launch_step {
    LAUNCH_PROCESS, /* making the process */
    LAUNCH_FILES,   /* its descriptors */
    LAUNCH_LIMITS,
    LAUNCH_USER,
    LAUNCH_DIRECTORY,
    LAUNCH_PROGRAM, /* execve(2) */
};

/* Starts it as leader of a session of its own, with signals as usual. Returns 0, or a positive errno
 * with the step; then nothing of the program ran, and nothing is left. */
int launch_program(const struct launch *launch, pid_t *ret, enum launch_step *ret_step);

/* Whether processes can be started in the control group. */
int launch_probe(int cgroup_fd); /* 0 or a positive errno */
