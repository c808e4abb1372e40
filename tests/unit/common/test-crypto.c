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

Test(crypto, randomness)
{
    struct token a, b;
    uint8_t x[64] = {0}, y[64] = {0};
    uint32_t seen = 0;

    token_random(&a);
    token_random(&b);
    cr_expect_neq(memcmp(&a, &b, sizeof(a)), 0);
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
