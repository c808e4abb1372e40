#include "runner/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUPS_MAX 65536 /* NGROUPS_MAX of the kernel */

static int find_groups(const char *user, struct identity *identity)
{
    int n = 16;

    for (;;) {
        gid_t *groups = reallocarray(identity->groups, (size_t)n, sizeof(*groups));
        int room = n;

        if (!groups)
            return -ENOMEM;
        identity->groups = groups;
        if (getgrouplist(user, identity->gid, groups, &n) >= 0) {
            identity->n_groups = n;
            return 0;
        }
        if (room >= GROUPS_MAX)
            return -E2BIG;
        n = n > room ? n : room * 2;
    }
}

int identity_find(const char *user, struct identity *ret, char ret_error[static PROGRAM_ERROR_SIZE])
{
    const struct passwd *entry;
    int r = 0;

    errno = 0;
    entry = getpwnam(user);
    if (!entry) {
        snprintf(ret_error, PROGRAM_ERROR_SIZE, "user: %.64s cannot be found: %s", user,
                 errno ? strerrordesc_np(errno) : "there is no such user; add it with useradd(8)");
        return PROGRAM_REFUSED;
    }
    *ret = (struct identity){.uid = entry->pw_uid, .gid = entry->pw_gid};
    ret->home = strdup(entry->pw_dir && *entry->pw_dir ? entry->pw_dir : "/");
    r = ret->home ? find_groups(user, ret) : -ENOMEM;
    if (r < 0) {
        identity_clear(ret);
        snprintf(ret_error, PROGRAM_ERROR_SIZE, "user: the groups of %.64s cannot be found: %s",
                 user, strerrordesc_np(-r));
        return PROGRAM_REFUSED;
    }
    return 0;
}

bool identity_is_ours(const struct identity *identity)
{
    return identity->uid == getuid() && identity->uid == geteuid() && identity->gid == getegid();
}

void identity_clear(struct identity *identity)
{
    free(identity->groups);
    free(identity->home);
    *identity = (struct identity){0};
}
