/* UUIDs (RFC 9562) as 16 bytes and as text. Pure but for uuid_random(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uuid {
    uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37 /* 36 characters and NUL */

/* Version 4 from the system's random source (sd-id128). Returns 0 or a negative errno. */
int uuid_random(struct uuid *ret);

/* Lower-case text. */
void uuid_format(const struct uuid *id, char ret[static UUID_TEXT_SIZE]);

/* Exactly 36 characters, any case. Returns 0 or -EINVAL. */
int uuid_parse(const char *text, struct uuid *ret);

/* Version 8 identifiers of the store: the row key and the kind of row inside the identifier, beside
 * a random number of the database. So an id needs no index of its own, and ids sort by age. @key
 * is 1..2^48-1, @kind 0..4095. */
void uuid_from_key(int64_t key, unsigned kind, uint64_t database, struct uuid *ret);

/* The reverse; false when @id was not made by uuid_from_key() for this database and kind. */
bool uuid_to_key(const struct uuid *id, unsigned kind, uint64_t database, int64_t *ret_key);
