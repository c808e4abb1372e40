#include "common/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

int crypto_init(void)
{
    return sodium_init() < 0 ? -EIO : 0; /* 1: it was done before */
}

void token_format(const struct token *token, char ret[static TOKEN_TEXT_SIZE])
{
    sodium_bin2base64(ret, TOKEN_TEXT_SIZE, token->bytes, sizeof(token->bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int token_parse(const char *text, size_t length, struct token *ret)
{
    struct token token;
    size_t size;
    const char *end;

    if (length != TOKEN_TEXT_SIZE - 1)
        return -EINVAL;
    /* It refuses unused bits that are not zero too, so a token has one spelling only. */
    if (sodium_base642bin(token.bytes, sizeof(token.bytes), text, length, NULL, &size, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size != sizeof(token.bytes) || end != text + length)
        return -EINVAL;
    *ret = token;
    return 0;
}

static void hash_length(crypto_generichash_state *state, uint64_t length)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++, length >>= 8)
        bytes[i] = (uint8_t)length; /* little-endian on every machine */
    crypto_generichash_update(state, bytes, sizeof(bytes));
}

void digest_compute(const uint8_t *key, const struct digest_part *parts, size_t n,
                    struct digest *ret)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, key, key ? DIGEST_KEY_BYTES : 0, DIGEST_BYTES);
    for (size_t i = 0; i < n; i++) {
        hash_length(&state, parts[i].size);
        if (parts[i].size > 0)
            crypto_generichash_update(&state, parts[i].data, parts[i].size);
    }
    crypto_generichash_final(&state, ret->bytes, sizeof(ret->bytes));
    sodium_memzero(&state, sizeof(state)); /* the key is in it */
}

/* Authenticated encryption of 16 bytes, key and nonce, with a synthetic initialisation vector (as RFC
 * 5297 has it, on BLAKE2b): the first half of a token is a keyed digest of them, and the second half
 * they themselves, under a stream that the first half and the secret make. */
#define PLAIN_BYTES (TOKEN_BYTES - DIGEST_BYTES)
#define KEY_BYTES   (PLAIN_BYTES - TOKEN_NONCE_BYTES)

static void keyed(const uint8_t *secret, const char *what, const uint8_t *data, struct digest *ret)
{
    const struct digest_part parts[] = {{what, strlen(what)}, {data, PLAIN_BYTES}};

    static_assert(PLAIN_BYTES == DIGEST_BYTES && KEY_BYTES == 6, "a token is two digests long");
    digest_compute(secret, parts, 2, ret);
}

static void mix(const struct digest *stream, const uint8_t *from, uint8_t *to)
{
    for (size_t i = 0; i < PLAIN_BYTES; i++)
        to[i] = from[i] ^ stream->bytes[i];
}

void token_seal(const uint8_t secret[static TOKEN_SECRET_BYTES], int64_t key,
                const uint8_t nonce[static TOKEN_NONCE_BYTES], struct token *ret)
{
    uint8_t plain[PLAIN_BYTES];
    struct digest tag, stream;

    for (size_t i = 0; i < KEY_BYTES; i++)
        plain[i] = (uint8_t)((uint64_t)key >> (8 * i));
    memcpy(plain + KEY_BYTES, nonce, TOKEN_NONCE_BYTES);
    keyed(secret, "token", plain, &tag);
    keyed(secret, "token stream", tag.bytes, &stream);
    memcpy(ret->bytes, tag.bytes, DIGEST_BYTES);
    mix(&stream, plain, ret->bytes + DIGEST_BYTES);
}

bool token_open(const uint8_t secret[static TOKEN_SECRET_BYTES], const struct token *token,
                int64_t *ret_key)
{
    uint8_t plain[PLAIN_BYTES];
    struct digest tag, stream;
    uint64_t key = 0;

    keyed(secret, "token stream", token->bytes, &stream);
    mix(&stream, token->bytes + DIGEST_BYTES, plain);
    keyed(secret, "token", plain, &tag);
    if (sodium_memcmp(tag.bytes, token->bytes, DIGEST_BYTES) != 0)
        return false;
    for (size_t i = 0; i < KEY_BYTES; i++)
        key |= (uint64_t)plain[i] << (8 * i);
    *ret_key = (int64_t)key;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void random_fill(void *data, size_t size)
{
    randombytes_buf(data, size);
}

uint32_t random_uniform(uint32_t bound)
{
    return randombytes_uniform(bound);
}

bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
    if (a_size != b_size)
        return false;
    return a_size == 0 || sodium_memcmp(a, b, a_size) == 0;
}

void secret_wipe(void *data, size_t size)
{
    if (data)
        sodium_memzero(data, size);
}
