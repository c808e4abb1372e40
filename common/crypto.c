#include "common/crypto.h"

#include <errno.h>
#include <sodium.h>

int crypto_init(void)
{
    return sodium_init() < 0 ? -EIO : 0; /* 1: it was done before */
}

void token_random(struct token *ret)
{
    randombytes_buf(ret->bytes, sizeof(ret->bytes));
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
