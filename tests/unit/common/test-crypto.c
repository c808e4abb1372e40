#include "common/crypto.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void setup(void)
{
    cr_assert_eq(crypto_init(), 0);
}
TestSuite(crypto, .init = setup);

Test(crypto, init_again)
{
    cr_expect_eq(crypto_init(), 0);
}

Test(crypto, token_text)
{
    struct token token, back;
    char text[TOKEN_TEXT_SIZE];

    for (int i = 0; i < TOKEN_BYTES; i++)
        token.bytes[i] = (uint8_t)(0xff - i);
    token_format(&token, text);
    cr_expect_str_eq(text, "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA");
    cr_expect_eq(token_parse(text, strlen(text), &back), 0);
    cr_expect_eq(memcmp(&token, &back, sizeof(token)), 0);
}

Test(crypto, token_parse_refuses)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"", 0},
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4e", 42},
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=", 44},
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eAA", 44},
        {"//79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA", 43}, /* base64, not base64url */
        {"__79+Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA", 43},
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4e=", 43},
        {" _79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA", 43},
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eB", 43}, /* a second spelling of ...A */
        {"__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4\0A", 43},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct token token = {{42}};
        cr_expect_eq(token_parse(cases[i].text, cases[i].size, &token), -EINVAL, "case %zu", i);
        cr_expect_eq(token.bytes[0], 42);
    }
}

Test(crypto, a_sealed_token_carries_its_key)
{
    static const uint8_t secret[TOKEN_SECRET_BYTES] = {1}, other[TOKEN_SECRET_BYTES] = {2};
    static const uint8_t nonce[TOKEN_NONCE_BYTES] = {3}, another[TOKEN_NONCE_BYTES] = {4};
    static const int64_t keys[] = {0, 1, 255, 256, INT64_C(0x123456789abc), (INT64_C(1) << 48) - 1};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct token token, again;
        int64_t key = -1;

        token_seal(secret, keys[i], nonce, &token);
        token_seal(secret, keys[i], nonce, &again);
        cr_expect_eq(memcmp(&token, &again, sizeof(token)), 0);
        cr_expect(token_open(secret, &token, &key));
        cr_expect_eq(key, keys[i]);
        cr_expect_not(token_open(other, &token, &key));
        token_seal(secret, keys[i], another, &again);
        /* Nothing of the key or of the nonce shows, so all of it differs. */
        cr_expect_neq(memcmp(token.bytes, again.bytes, 8), 0);
        cr_expect_neq(memcmp(token.bytes + 16, again.bytes + 16, 6), 0);
        cr_expect_neq(memcmp(token.bytes + 24, again.bytes + 24, 8), 0);
    }
}

Test(crypto, a_token_with_any_other_bit_is_none)
{
    static const uint8_t secret[TOKEN_SECRET_BYTES] = {1}, nonce[TOKEN_NONCE_BYTES] = {3};
    struct token token;
    int64_t key = -1;

    token_seal(secret, 77, nonce, &token);
    for (size_t bit = 0; bit < 8 * sizeof(token.bytes); bit++) {
        struct token bent = token;

        bent.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_not(token_open(secret, &bent, &key), "bit %zu", bit);
    }
    cr_expect_eq(key, -1);
}

Test(crypto, randomness)
{
    uint8_t x[64] = {0}, y[64] = {0};
    uint32_t seen = 0;

    random_fill(x, sizeof(x));
    cr_expect_neq(memcmp(x, y, sizeof(x)), 0);
    cr_expect_eq(random_uniform(0), 0);
    cr_expect_eq(random_uniform(1), 0);
    for (int i = 0; i < 2000; i++) {
        uint32_t n = random_uniform(10);
        cr_assert_lt(n, 10);
        seen |= 1u << n;
    }
    cr_expect_eq(seen, 0x3ff);
}

static void hex(const struct digest *digest, char ret[static 2 * DIGEST_BYTES + 1])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        sprintf(ret + 2 * i, "%02x", digest->bytes[i]);
}

/* The values are Python's: hashlib.blake2b(struct.pack('<Q', len(p)) + p ..., digest_size=16,
 * key=...). */
Test(crypto, digests)
{
    static const struct digest_part abc[] = {{"abc", 3}}, ab_c[] = {{"ab", 2}, {"c", 1}};
    static const struct digest_part empty[] = {{NULL, 0}};
    uint8_t key[DIGEST_KEY_BYTES];
    for (int i = 0; i < DIGEST_KEY_BYTES; i++)
        key[i] = (uint8_t)i;
    const struct {
        const uint8_t *key;
        const struct digest_part *parts;
        size_t n;
        const char *expected;
    } cases[] = {
        {NULL, NULL, 0, "cae66941d9efbd404e4d88758ea67670"},
        {NULL, empty, 1, "c804ce198ec337e3dc762bdd1a09aece"},
        {NULL, abc, 1, "10366aba46518e2b9d040dde242bbc5a"},
        {NULL, ab_c, 2, "4826ed043ab3cdec576d8541fa5d5a80"},
        {key, abc, 1, "e66ff3421a8e899ea521cf234e7c5905"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct digest digest;
        char text[2 * DIGEST_BYTES + 1];
        digest_compute(cases[i].key, cases[i].parts, cases[i].n, &digest);
        hex(&digest, text);
        cr_expect_str_eq(text, cases[i].expected, "case %zu: %s", i, text);
    }
}

Test(crypto, comparing)
{
    struct digest a = {{1}}, b = {{1}};

    cr_expect(digest_equal(&a, &b));
    b.bytes[DIGEST_BYTES - 1] = 1;
    cr_expect_not(digest_equal(&a, &b));
    cr_expect(secret_equal("abc", 3, "abc", 3));
    cr_expect(secret_equal(NULL, 0, "", 0));
    cr_expect_not(secret_equal("abc", 3, "abd", 3));
    cr_expect_not(secret_equal("abc", 3, "abc", 2));
    cr_expect_not(secret_equal("", 0, "a", 1));
}

Test(crypto, wiping)
{
    char secret[] = "secret";

    secret_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        cr_expect_eq(secret[i], 0);
    secret_wipe(NULL, 0);
}
