/* Tokens, digests and comparing secrets: the only user of libsodium. Thread-safe after
 * crypto_init(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To be called once before anything else here. Returns 0 or -EIO when the system gives no
 * randomness. */
int crypto_init(void);

#define TOKEN_BYTES     32
#define TOKEN_TEXT_SIZE 44 /* 43 characters of base64url and NUL */

struct token {
    uint8_t bytes[TOKEN_BYTES];
};

/* A token that carries @key (0 .. 2^48 - 1) and @nonce, sealed with @secret: whoever has no secret can
 * neither tell it from 32 random bytes nor make one. The same arguments make the same token. */
#define TOKEN_SECRET_BYTES 32
#define TOKEN_NONCE_BYTES  10
void token_seal(const uint8_t secret[static TOKEN_SECRET_BYTES], int64_t key,
                const uint8_t nonce[static TOKEN_NONCE_BYTES], struct token *ret);
/* False when it was not sealed with @secret, which takes the same time for any token. */
bool token_open(const uint8_t secret[static TOKEN_SECRET_BYTES], const struct token *token,
                int64_t *ret_key);

/* base64url without padding (RFC 4648, 5). */
void token_format(const struct token *token, char ret[static TOKEN_TEXT_SIZE]);

/* Exactly @length == 43 characters of base64url. Returns 0 or -EINVAL. */
int token_parse(const char *text, size_t length, struct token *ret);

#define DIGEST_BYTES 16
struct digest {
    uint8_t bytes[DIGEST_BYTES];
};
#define DIGEST_KEY_BYTES 32

/* BLAKE2b-128 over @n parts, each preceded by its length, so that parts cannot run into each other.
 * @key is DIGEST_KEY_BYTES long, or NULL for an unkeyed digest. */
struct digest_part {
    const void *data;
    size_t size;
};
void digest_compute(const uint8_t *key, const struct digest_part *parts, size_t n,
                    struct digest *ret);

bool digest_equal(const struct digest *a, const struct digest *b);

/* Fills @size bytes with randomness. */
void random_fill(void *data, size_t size);

/* Uniform in [0, bound); 0 for bound 0. For jitter. */
uint32_t random_uniform(uint32_t bound);

/* Compares two byte strings in a time that depends on their lengths only. */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);

/* Overwrites memory that held a secret; not optimised away. */
void secret_wipe(void *data, size_t size);
