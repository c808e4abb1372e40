#include "ingress/ingress_internal.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>

static char loopback[] = "127.0.0.1", loopback6[] = "::1", private_net[] = "10.0.0.0/8",
            net6[] = "2001:db8::/33";
static char *proxies[] = {loopback, loopback6, private_net, net6, NULL};

Test(client_address, believes_only_what_trusted_proxies_wrote)
{
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        {"192.0.2.1", NULL, "192.0.2.1"},
        {"192.0.2.1", "198.51.100.7",
         "192.0.2.1"}, /* not a proxy of ours: what it says is ignored */
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "", "127.0.0.1"},
        {"127.0.0.1", "198.51.100.7", "198.51.100.7"},
        {"127.0.0.1", "6.6.6.6, 198.51.100.7",
         "198.51.100.7"}, /* the sender wrote the first itself */
        {"127.0.0.1", "6.6.6.6, 198.51.100.7, 10.1.2.3", "198.51.100.7"},
        {"127.0.0.1", "10.1.2.3", "10.1.2.3"}, /* all are proxies: the farthest */
        {"127.0.0.1", "198.51.100.7 , 10.1.2.3 ", "198.51.100.7"},
        {"127.0.0.1", "nonsense", "127.0.0.1"},
        {"127.0.0.1", "198.51.100.7, nonsense, 10.1.2.3", "10.1.2.3"},
        {"::1", "2001:db8::7", "2001:db8::7"},
        {"::1", "[2001:db8:8000::7]:4711", "2001:db8:8000::7"},
        {"::1", "198.51.100.7, 2001:db8:7fff::1", "198.51.100.7"},     /* inside /33 */
        {"::1", "198.51.100.7, 2001:db8:8000::1", "2001:db8:8000::1"}, /* outside */
        {"::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"},
        {"", "198.51.100.7", "198.51.100.7"}, /* a UNIX socket is the proxy */
        {"127.0.0.1", ",,,", "127.0.0.1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char client[64];

        client_address(cases[i].peer, cases[i].forwarded, proxies, client, sizeof(client));
        cr_expect_str_eq(client, cases[i].client, "case %zu: %s", i, client);
    }
}

Test(client_address, lists)
{
    cr_expect(address_is_listed("10.255.0.1", proxies));
    cr_expect_not(address_is_listed("11.0.0.1", proxies));
    cr_expect_not(address_is_listed("not an address", proxies));
    cr_expect_not(address_is_listed("127.0.0.1", NULL));
}
