#include "query/peer.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

Test(peer, rights)
{
    static const struct {
        struct peer_facts facts;
        enum peer_right right;
    } cases[] = {
        {{.uid = 0, .own_uid = 990}, PEER_ADMIN},
        {{.uid = 990, .own_uid = 990}, PEER_ADMIN},
        {{.uid = 1000, .own_uid = 990}, PEER_NONE},
        {{.uid = 1000, .own_uid = 990, .in_admin_group = true}, PEER_ADMIN},
        {{.uid = 1000, .own_uid = 990, .in_read_group = true}, PEER_READ},
        {{.uid = 1000, .own_uid = 990, .in_admin_group = true, .in_read_group = true}, PEER_ADMIN},
        {{.uid = 1000, .own_uid = 0}, PEER_NONE},
        /* nobody is nobody, whatever else is true of it */
        {{.uid = 65534, .own_uid = 990, .in_admin_group = true}, PEER_NONE},
        {{.uid = 65534, .own_uid = 990, .in_read_group = true}, PEER_NONE},
        {{.uid = 65534, .own_uid = 65534}, PEER_NONE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(peer_judge(&cases[i].facts), cases[i].right, "case %zu", i);
}

static enum peer_right look(uid_t uid, gid_t gid, const struct config *config)
{
    struct peers peers = {.next = 0};
    enum peer_right right;
    int fds[2];

    cr_assert_eq(setresgid(-1, gid, 0), 0);
    cr_assert_eq(setresuid(-1, uid, 0), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_eq(setresuid(-1, 0, 0), 0);
    cr_assert_eq(setresgid(-1, 0, 0), 0);
    right = peers_look(&peers, config, fds[0]);
    cr_assert_eq(peers_look(&peers, config, fds[0]), right);
    cr_assert_eq(peers.next, 1, "the second time it is known");
    peers_forget(&peers);
    cr_assert_eq(peers_look(&peers, config, fds[0]), right);
    cr_assert_eq(peers.next, 1, "it was looked up again");
    close(fds[0]);
    close(fds[1]);
    return right;
}

/* Users and groups of any Debian: bin and games have groups of their own. */
Test(peer, groups)
{
    static const struct config config = {
        .query = {.admin_group = (char *)"bin", .read_group = (char *)"games"}};
    static const struct config none = {.query = {.read_group = (char *)"no-such-group-here"}};

    if (geteuid() != 0)
        cr_skip_test("only root may be others");
    cr_assert_eq(look(0, 0, &config), PEER_ADMIN);
    cr_assert_eq(look(2, 2, &config), PEER_ADMIN);
    cr_assert_eq(look(2, 3, &config), PEER_ADMIN, "by the list of groups");
    cr_assert_eq(look(5, 60, &config), PEER_READ);
    cr_assert_eq(look(3, 3, &config), PEER_NONE);
    cr_assert_eq(look(3, 60, &config), PEER_READ, "by the group it runs as");
    cr_assert_eq(look(54321, 54321, &config), PEER_NONE, "a uid without a name");
    cr_assert_eq(look(65534, 2, &config), PEER_NONE);
    cr_assert_eq(look(2, 2, &none), PEER_NONE);
}

Test(peer, not_a_socket)
{
    static const struct config config = {0};
    struct peers peers = {.next = 0};

    cr_assert_eq(peers_look(&peers, &config, -1), PEER_NONE);
}
