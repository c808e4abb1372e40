#include "cases.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

TestSuite(addresses, .init = box_open, .fini = box_close);

static void expect(const char *section, const char *key, const char *value, const char *message)
{
    char text[8192], expected[1024] = "";
    const char *before = strcmp(key, "public_url") == 0 ? "\n\n" : COMPLETE;
    snprintf(text, sizeof text, "%s[%s]\n%s = %s\n", before, section, key, value);
    if (message)
        snprintf(expected, sizeof expected, "c.conf:4: %s: %s\n", key, message);
    expect_faults(text, expected);
}

Test(addresses, listen)
{
    static const char *const good[] = {
        "0.0.0.0:1",        "192.0.2.1:65535",       "[::]:8480",
        "[2001:db8::1]:80", "[::ffff:127.0.0.1]:80", "unix:/run/prontod/callback.sock"};
    static const char *const bad[] = {"127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:x",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:+1",
                                      "127.0.0.1: 80",
                                      "127.0.0:80",
                                      "127.1:80",
                                      "localhost:80",
                                      "*:80",
                                      ":80",
                                      "8480",
                                      "::1:80",
                                      "[::1]",
                                      "[::1]:",
                                      "[::1:80",
                                      "[::1]80",
                                      "[127.0.0.1]:80",
                                      "[fe80::1%lo]:80",
                                      "UNIX:/run/x.sock",
                                      "/run/x.sock",
                                      "127.0.0.1:80 [::1]:80"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect("ingress", "listen", good[i], NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect("ingress", "listen", bad[i],
               "must be ADDRESS:PORT or [ADDRESS6]:PORT, the address in numbers, the port 1 to "
               "65535; or unix:/PATH");
}

Test(addresses, listen_on_a_unix_socket)
{
    static const char *const bad[] = {
        "unix:", "unix:run/x.sock", "unix:/run/",
        ("unix:/345678901234567890123456789012345678901234567890"
         "12345678901234567890123456789012345678901234567890abcdefghijklmnopq")};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect("ingress", "listen", bad[i],
               "after unix: must be the absolute path of a socket, of at most 107 bytes");
}

Test(addresses, trusted_proxies)
{
    static const char *const good[] = {"",
                                       "127.0.0.1",
                                       "0.0.0.0/0",
                                       "::/0",
                                       "192.0.2.128/25 2001:db8::/32 ::1/128 10.1.2.3/32",
                                       "10.1.2.2/31"};
    static const char *const bad[] = {
        "localhost",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "0.0.0.0/-0",
        "10.0.0.0/x",
        "10.0.0/8",
        "10.0.0.1/8",
        "192.0.2.129/25",
        "2001:db8::1/32",
        "10.0.0.0/255.0.0.0",
        "127.0.0.1,::1",
        "127.0.0.1:80",
        "[::1]",
        "\"127.0.0.1",
        "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect("ingress", "trusted_proxies", good[i], NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect("ingress", "trusted_proxies", bad[i],
               "must be addresses in numbers, or networks as ADDRESS/BITS without bits after the "
               "prefix, separated by blanks");
    char many[65 * 4 + 1] = "";
    for (int i = 0; i < 65; i++)
        strcat(many, "::1 ");
    expect("ingress", "trusted_proxies", many, "must be at most 64 addresses");
}

#define NO_HOST  "has no valid host"
#define BAD_PORT "its port must be 1 to 65535"
#define BAD_TEXT "has characters that a URL cannot have"
#define NO_QUERY "must have no query and no fragment"
#define NO_USER  "must have no user name and no password"
#define SCHEME   "must begin with https:// or http://"

Test(addresses, urls)
{
    static const struct {
        const char *url, *message;
    } cases[] = {
        {"https://h.example", NULL},
        {"https://h.example/", NULL},
        {"https://H.example:443/a/b%20c/~d;e=f,g/", NULL},
        {"HTTPS://h.example", SCHEME},
        {"https://192.0.2.1:8443/x", NULL},
        {"https://[2001:db8::1]:8443/x@y", NULL},
        {"h.example", SCHEME},
        {"ftp://h.example", SCHEME},
        {"https:/h", SCHEME},
        {"https://", NO_HOST},
        {"https:///x", NO_HOST},
        {"https://:80", NO_HOST},
        {"https://-h/", NO_HOST},
        {"https://h~x/", NO_HOST},
        {"https://[h]/", NO_HOST},
        {"https://[::1/", NO_HOST},
        {"https://[::1]x/", NO_HOST},
        {"https://[127.0.0.1]/", NO_HOST},
        {"https://[::g]/", NO_HOST},
        {"https://h:/x", BAD_PORT},
        {"https://h:0/x", BAD_PORT},
        {"https://h:65536/x", BAD_PORT},
        {"https://h:8x/x", BAD_PORT},
        {"https://h/x?y", NO_QUERY},
        {"https://h?y", NO_QUERY},
        {"https://h/x#y", NO_QUERY},
        {"https://u:p@h/x", NO_USER},
        {"https://u@h", NO_USER},
        {"https://h/a b", BAD_TEXT},
        {"https://h/a\\b", BAD_TEXT},
        {"https://h\\@i/", BAD_TEXT},
        {"https://h/<x>", BAD_TEXT},
        {"https://h/{token}", BAD_TEXT},
        {"https://h/%4", BAD_TEXT},
        {"https://h/%zz", BAD_TEXT},
        {"https://h/[x]", BAD_TEXT},
        {"https://h\xc3\xa9.example/", BAD_TEXT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        expect("ingress", "public_url", cases[i].url, cases[i].message);
        expect("pronto", "api_url", cases[i].url, cases[i].message);
    }
    char text[2200] = "https://h/";
    memset(text + 10, 'a', 2038);
    expect("ingress", "public_url", text, NULL);
    text[2048] = 'a';
    expect("ingress", "public_url", text, "must have at most 2048 characters");
    memset(text + 8, 'h', 254);
    text[262] = '\0';
    expect("ingress", "public_url", text, NO_HOST);
}

/* The API key goes to api_url: in clear text only within this machine. */
Test(addresses, http_for_the_api_only_to_loopback)
{
    static const char *const good[] = {"http://localhost", "http://LOCALHOST:8481/api/v2",
                                       "http://127.0.0.1:1", "http://127.255.1.2/x",
                                       "http://[::1]:8481/"};
    static const char *const bad[] = {"http://app.prontohq.com/api/v2",
                                      "http://localhost.example.com/",
                                      "http://127.example.com",
                                      "http://127.0.0.1.example.com/",
                                      "http://127.1/",
                                      "http://128.0.0.1/",
                                      "http://0.0.0.0/",
                                      "http://[::]/",
                                      "http://[::2]/",
                                      "http://[::ffff:127.0.0.1]/",
                                      "http://2130706433/",
                                      "http://localhost./"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect("pronto", "api_url", good[i], NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect("pronto", "api_url", bad[i],
               "must be https, for the API key is sent there; http only to localhost, 127.x.x.x or "
               "[::1]");
        expect("ingress", "public_url", bad[i], NULL);
    }
}
