#include "ingress/ingress_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address as 16 bytes, IPv4 mapped into IPv6. */
static bool parse(const char *text, unsigned char ret[16], bool *ret_v4)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

    *ret_v4 = inet_pton(AF_INET, text, ret + 12) == 1;
    if (*ret_v4) {
        memcpy(ret, prefix, sizeof(prefix));
        return true;
    }
    if (inet_pton(AF_INET6, text, ret) != 1)
        return false;
    *ret_v4 = memcmp(ret, prefix, sizeof(prefix)) == 0;
    return true;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    unsigned char mask = (unsigned char)(0xff00U >> rest);

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] & mask) == (b[whole] & mask));
}

static bool matches(const unsigned char address[16], const char *entry)
{
    char text[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(entry, '/');
    size_t length = slash ? (size_t)(slash - entry) : strlen(entry);
    unsigned char network[16];
    unsigned bits = 128;
    bool v4;

    if (length >= sizeof(text))
        return false;
    memcpy(text, entry, length);
    text[length] = '\0';
    if (!parse(text, network, &v4))
        return false;
    if (slash)
        bits = (unsigned)strtoul(slash + 1, NULL, 10) + (v4 ? 96 : 0);
    return bits <= 128 && same_prefix(address, network, bits);
}

bool address_is_listed(const char *address, char *const *list)
{
    unsigned char bytes[16];
    bool v4;

    if (!parse(address, bytes, &v4))
        return false;
    for (; list && *list; list++)
        if (matches(bytes, *list))
            return true;
    return false;
}

/* The last element of a comma-separated list that ends at *@end, without blanks, brackets and port;
 * moves *@end before it. */
static bool last_element(const char *list, size_t *end, char *ret, size_t size)
{
    size_t stop = *end, start, length;

    while (stop > 0 && strchr(" \t", list[stop - 1]))
        stop--;
    start = stop;
    while (start > 0 && list[start - 1] != ',')
        start--;
    *end = start > 0 ? start - 1 : 0;
    while (start < stop && strchr(" \t", list[start]))
        start++;
    if (start < stop && list[start] == '[') {
        const char *close = memchr(list + start, ']', stop - start);

        start++;
        stop = close ? (size_t)(close - list) : start;
    }
    length = stop - start;
    if (length == 0 || length >= size)
        return false;
    memcpy(ret, list + start, length);
    ret[length] = '\0';
    return true;
}

void client_address(const char *peer, const char *forwarded, char *const *trusted, char *ret,
                    size_t size)
{
    char current[INET6_ADDRSTRLEN + 1], next[INET6_ADDRSTRLEN + 1];
    unsigned char bytes[16];
    size_t end = forwarded ? strlen(forwarded) : 0;
    bool v4;

    snprintf(current, sizeof(current), "%s", peer);
    while (end > 0 && (current[0] == '\0' || address_is_listed(current, trusted))) {
        if (!last_element(forwarded, &end, next, sizeof(next)) || !parse(next, bytes, &v4))
            break; /* what a trusted proxy did not write itself cannot be believed any further */
        memcpy(current, next, sizeof(current));
    }
    snprintf(ret, size, "%s", current);
}
