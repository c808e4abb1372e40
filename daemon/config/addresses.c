/* Listeners, networks and URLs. A URL goes on to Pronto or to libcurl as it is, so that only the
 * characters of RFC 3986 pass, and nothing that a second parser could read in another way. */
#include "config/values.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define URL_MAX     2048
#define HOST_MAX    253
#define PROXIES_MAX 64

struct address {
    int family;
    unsigned char bytes[16];
};

static bool address_parse(const char *text, struct address *ret)
{
    ret->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(ret->family, text, ret->bytes) == 1;
}

static bool is_port(const char *text)
{
    int64_t port = 0;
    return parse_integer(text, 1, 65535, &port) == 0;
}

/* Cuts "HOST:PORT" or "[HOST6]:PORT" in place. *ret_port is NULL when there is none. */
static bool split_host_port(char *text, char **ret_host, char **ret_port)
{
    char *end;
    if (*text == '[') {
        *ret_host = text + 1;
        end = strchr(text, ']');
        if (!end)
            return false;
        *end++ = '\0';
        if (!strchr(*ret_host, ':'))
            return false;
    } else {
        *ret_host = text;
        end = text + strcspn(text, ":");
    }
    if (*end != '\0' && *end != ':')
        return false;
    *ret_port = *end == ':' ? end + 1 : NULL;
    *end = '\0';
    return true;
}

#define UNIX_PREFIX     "unix:"
#define SOCKET_PATH_MAX 107 /* a UNIX socket's address without its NUL (unix(7)) */

VALUE_PARSER(value_listen)
{
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        const char *path = text + strlen(UNIX_PREFIX);
        if (path[0] != '/' || path[strlen(path) - 1] == '/' || strlen(path) > SOCKET_PATH_MAX)
            return because(ret_why,
                           "after unix: must be the absolute path of a socket, of at most %d "
                           "bytes",
                           SOCKET_PATH_MAX);
        return replace_text(key_field(key, object), text);
    }
    cleanup_free char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    char *host = NULL, *port = NULL;
    struct address address;
    if (!split_host_port(copy, &host, &port) || !port || !is_port(port) ||
        !address_parse(host, &address))
        return because(ret_why, "must be ADDRESS:PORT or [ADDRESS6]:PORT, the address in numbers, "
                                "the port 1 to 65535; or unix:/PATH");
    return replace_text(key_field(key, object), text);
}

/* Whether all bits after the first @bits are zero. */
static bool network_is_clean(const struct address *address, int64_t bits)
{
    size_t size = address->family == AF_INET ? 4 : 16;
    for (size_t i = 0; i < size; i++) {
        int64_t inside = bits - (int64_t)i * 8;
        unsigned outside = inside >= 8 ? 0 : inside <= 0 ? 0xff : 0xffU >> inside;
        if (address->bytes[i] & outside)
            return false;
    }
    return true;
}

/* ADDRESS or ADDRESS/BITS. */
static bool is_network(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    struct address address;
    if (!address_parse(host, &address))
        return false;
    if (text[length] == '\0')
        return true;
    int64_t bits = 0, most = address.family == AF_INET ? 32 : 128;
    return isdigit((unsigned char)text[length + 1]) &&
           parse_integer(text + length + 1, 0, most, &bits) == 0 &&
           network_is_clean(&address, bits);
}

VALUE_PARSER(value_proxies)
{
    cleanup_strv char **words = NULL;
    int r = parse_words(text, &words);
    if (r == -ENOMEM)
        return r;
    size_t n = r < 0 ? 0 : strv_length(words);
    if (n > PROXIES_MAX)
        return because(ret_why, "must be at most %d addresses", PROXIES_MAX);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!is_network(words[i]))
            r = -EINVAL;
    if (r < 0)
        return because(ret_why, "must be addresses in numbers, or networks as ADDRESS/BITS "
                                "without bits after the prefix, separated by blanks");
    char ***field = key_field(key, object);
    strv_free(*field);
    *field = TAKE_PTR(words);
    return VALUE_OK;
}

static bool is_url_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '%') {
            if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]))
                return false;
        } else if ((unsigned char)*text >= 0x80 ||
                   (!isalnum((unsigned char)*text) && !strchr("-._~!$&'()*+,;=:@/[]?#", *text))) {
            return false;
        }
    }
    return true;
}

static bool is_host(const char *host, bool bracketed)
{
    struct address address;
    if (bracketed)
        return address_parse(host, &address); /* it has a colon, so it is IPv6 */
    size_t length = strlen(host);
    if (length == 0 || length > HOST_MAX || !isalnum((unsigned char)host[0]))
        return false;
    for (const char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
            return false;
    return true;
}

/* Names and addresses that cannot leave this machine. "127.1" and the like are not accepted. */
static bool is_loopback(const char *host)
{
    static const unsigned char loopback6[16] = {[15] = 1};
    struct address address;
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (!address_parse(host, &address))
        return false;
    return address.family == AF_INET ? address.bytes[0] == 127
                                     : memcmp(address.bytes, loopback6, sizeof loopback6) == 0;
}

struct url {
    bool https;
    bool loopback;
};

static int check_authority(char *authority, struct url *ret, struct why *ret_why)
{
    char *host = NULL, *port = NULL;
    bool bracketed = *authority == '[';
    if (!split_host_port(authority, &host, &port) || !is_host(host, bracketed))
        return because(ret_why, "has no valid host");
    if (port && !is_port(port))
        return because(ret_why, "its port must be 1 to 65535");
    ret->loopback = is_loopback(host);
    return VALUE_OK;
}

static int check_url(const char *text, struct url *ret, struct why *ret_why)
{
    if (strlen(text) > URL_MAX)
        return because(ret_why, "must have at most %d characters", URL_MAX);
    ret->https = strncmp(text, "https://", 8) == 0;
    if (!ret->https && strncmp(text, "http://", 7) != 0)
        return because(ret_why, "must begin with https:// or http://");
    if (!is_url_text(text))
        return because(ret_why, "has characters that a URL cannot have");
    const char *rest = text + (ret->https ? 8 : 7);
    if (strpbrk(rest, "?#"))
        return because(ret_why, "must have no query and no fragment");
    size_t length = strcspn(rest, "/");
    if (memchr(rest, '@', length))
        return because(ret_why, "must have no user name and no password");
    if (strpbrk(rest + length, "[]"))
        return because(ret_why, "has characters that a URL cannot have");
    cleanup_free char *authority = strndup(rest, length);
    if (!authority)
        return -ENOMEM;
    return check_authority(authority, ret, ret_why);
}

/* Without trailing slashes, for paths are appended. */
static int replace_url(const struct config_key *key, const char *text, void *object)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        length--;
    char *copy = strndup(text, length);
    if (!copy)
        return -ENOMEM;
    char **field = key_field(key, object);
    free(*field);
    *field = copy;
    return VALUE_OK;
}

VALUE_PARSER(value_public_url)
{
    struct url url;
    int r = check_url(text, &url, ret_why);
    return r == VALUE_OK ? replace_url(key, text, object) : r;
}

/* The API key travels in a header: in clear text only within this machine, for the simulator. */
VALUE_PARSER(value_api_url)
{
    struct url url;
    int r = check_url(text, &url, ret_why);
    if (r != VALUE_OK)
        return r;
    if (!url.https && !url.loopback)
        return because(ret_why, "must be https, for the API key is sent there; http only to "
                                "localhost, 127.x.x.x or [::1]");
    return replace_url(key, text, object);
}

VALUE_PARSER(value_store_url)
{
    static const char prefix[] = "sqlite:/";
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        return because(ret_why, "must be sqlite: and an absolute path");
    if (text[strlen(text) - 1] == '/')
        return because(ret_why, "must name a file, not a directory");
    if (strpbrk(text, "?#"))
        return because(ret_why, "takes no parameters");
    return replace_text(key_field(key, object), text);
}
