/* Who may do what on the query socket: decided by the credentials that the kernel vouches for. */
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum peer_right {
    PEER_NONE = 0,
    PEER_READ,  /* GET and HEAD */
    PEER_ADMIN, /* all */
};

struct peer_facts {
    uid_t uid, own_uid;
    bool in_admin_group, in_read_group;
};

/* The overflow uid: whoever has no uid here, e.g. of another user namespace. It has no right,
 * whatever groups it is in. */
#define PEER_NOBODY 65534

/* Pure. */
enum peer_right peer_judge(const struct peer_facts *facts);

/* Looking groups up may ask a server, and a client may make a connection for each of its calls: so
 * what was found is believed for a few seconds. */
#define PEER_CACHE_SIZE 16
#define PEER_CACHE_MS   5000

struct peers {
    struct peer_cached {
        uid_t uid;
        gid_t gid;
        enum peer_right right;
        int64_t until_boot_ms; /* 0: empty */
    } cache[PEER_CACHE_SIZE];
    size_t next;
};

/* What the peer of the UNIX socket @fd may do. */
enum peer_right peers_look(struct peers *peers, const struct config *config, int fd);
/* Forgets what was found: after a reload. */
void peers_forget(struct peers *peers);
