#include "query/peer.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#define ENTRY_FIRST 4096 /* bytes of an entry of passwd or group */
#define ENTRY_MAX   1048576
#define GROUPS_MAX  65536 /* NGROUPS_MAX of Linux */

enum peer_right peer_judge(const struct peer_facts *facts)
{
    if (facts->uid == PEER_NOBODY)
        return PEER_NONE;
    if (facts->uid == 0 || facts->uid == facts->own_uid || facts->in_admin_group)
        return PEER_ADMIN;
    return facts->in_read_group ? PEER_READ : PEER_NONE;
}

/* False when there is no such group, or it cannot be found out. */
static bool find_group(const char *name, gid_t *ret)
{
    for (size_t size = ENTRY_FIRST; size <= ENTRY_MAX; size *= 4) {
        cleanup_free char *buffer = malloc(size);
        struct group entry, *found;
        int r;

        if (!buffer)
            return false;
        r = getgrnam_r(name, &entry, buffer, size, &found);
        if (r == 0 && found)
            *ret = found->gr_gid;
        if (r != ERANGE)
            return r == 0 && found;
    }
    return false;
}

static bool list_has(const gid_t *groups, int n, gid_t group)
{
    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static bool user_is_member(const char *user, gid_t primary, gid_t group)
{
    int n = 64;

    while (n <= GROUPS_MAX) {
        cleanup_free gid_t *groups = reallocarray(NULL, (size_t)n, sizeof(gid_t));
        int room = n;

        if (!groups)
            return false;
        if (getgrouplist(user, primary, groups, &n) >= 0)
            return list_has(groups, n, group);
        n = n > room ? n : room * 2;
    }
    return false;
}

static bool is_member(const struct ucred *peer, const char *name)
{
    gid_t group;

    if (!name || !*name || !find_group(name, &group))
        return false;
    if (peer->gid == group)
        return true;
    for (size_t size = ENTRY_FIRST; size <= ENTRY_MAX; size *= 4) {
        cleanup_free char *buffer = malloc(size);
        struct passwd entry, *found;
        int r;

        if (!buffer)
            return false;
        r = getpwuid_r(peer->uid, &entry, buffer, size, &found);
        if (r != ERANGE)
            return r == 0 && found && user_is_member(found->pw_name, found->pw_gid, group);
    }
    return false;
}

static enum peer_right look_up(const struct ucred *peer, const struct config *config)
{
    struct peer_facts facts = {.uid = peer->uid, .own_uid = geteuid()};

    if (peer->uid == PEER_NOBODY || peer->uid == 0 || peer->uid == facts.own_uid)
        return peer_judge(&facts); /* whatever the groups */
    facts.in_admin_group = is_member(peer, config->query.admin_group);
    facts.in_read_group = !facts.in_admin_group && is_member(peer, config->query.read_group);
    return peer_judge(&facts);
}

enum peer_right peers_look(struct peers *peers, const struct config *config, int fd)
{
    int64_t now = time_boot_ms();
    struct peer_cached *cached;
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
        return PEER_NONE;
    for (size_t i = 0; i < PEER_CACHE_SIZE; i++) {
        cached = &peers->cache[i];
        if (cached->until_boot_ms > now && cached->uid == peer.uid && cached->gid == peer.gid)
            return cached->right;
    }
    cached = &peers->cache[peers->next++ % PEER_CACHE_SIZE];
    *cached = (struct peer_cached){.uid = peer.uid,
                                   .gid = peer.gid,
                                   .right = look_up(&peer, config),
                                   .until_boot_ms = now + PEER_CACHE_MS};
    return cached->right;
}

void peers_forget(struct peers *peers)
{
    *peers = (struct peers){.next = 0};
}
