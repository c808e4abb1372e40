/* Version 8 (RFC 9562, 5.8) of the store, from the highest bit:
 *
 *     48 bits  the key of the row, so that ids sort by age
 *      4 bits  version: 8
 *     12 bits  the kind of row
 *      2 bits  variant: 10
 *     62 bits  the low bits of the database's random number
 */
#include "common/uuid.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#define KEY_BITS      48
#define KIND_MAX      0xFFF
#define DATABASE_MASK ((UINT64_C(1) << 62) - 1)
#define VERSION       (UINT64_C(8) << 12)
#define VARIANT       (UINT64_C(2) << 62)

int uuid_random(struct uuid *ret)
{
    sd_id128_t id;
    int r = sd_id128_randomize(&id);
    if (r < 0)
        return r;
    memcpy(ret->bytes, id.bytes, sizeof(ret->bytes));
    return 0;
}

/* A '-' stands before these bytes. */
static bool dash_before(size_t i)
{
    return i == 4 || i == 6 || i == 8 || i == 10;
}

void uuid_format(const struct uuid *id, char ret[static UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        if (dash_before(i))
            *ret++ = '-';
        *ret++ = digits[id->bytes[i] >> 4];
        *ret++ = digits[id->bytes[i] & 0xF];
    }
    *ret = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int uuid_parse(const char *text, struct uuid *ret)
{
    struct uuid id;

    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (dash_before(i) && *text++ != '-')
            return -EINVAL;
        int high = hex_digit(text[0]);
        if (high < 0)
            return -EINVAL;
        int low = hex_digit(text[1]);
        if (low < 0)
            return -EINVAL;
        id.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text)
        return -EINVAL;
    *ret = id;
    return 0;
}

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return value;
}

void uuid_from_key(int64_t key, unsigned kind, uint64_t database, struct uuid *ret)
{
    assert(key >= 1 && key < INT64_C(1) << KEY_BITS);
    assert(kind <= KIND_MAX);

    put_u64(ret->bytes, (uint64_t)key << 16 | VERSION | kind);
    put_u64(ret->bytes + 8, VARIANT | (database & DATABASE_MASK));
}

bool uuid_to_key(const struct uuid *id, unsigned kind, uint64_t database, int64_t *ret_key)
{
    uint64_t high = get_u64(id->bytes), low = get_u64(id->bytes + 8);

    if ((high & 0xFFFF) != (VERSION | kind) || low != (VARIANT | (database & DATABASE_MASK)))
        return false;
    int64_t key = (int64_t)(high >> 16);
    if (key == 0)
        return false;
    *ret_key = key;
    return true;
}
