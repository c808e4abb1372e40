#include "common/uuid.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define DATABASE UINT64_C(0x0123456789abcdef)
#define KEY_LAST ((INT64_C(1) << 48) - 1)

Test(uuid, text)
{
    static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
    struct uuid id;
    char back[UUID_TEXT_SIZE];

    cr_expect_eq(uuid_parse(text, &id), 0);
    for (int i = 0; i < 16; i++)
        cr_expect_eq(id.bytes[i], i * 0x11);
    uuid_format(&id, back);
    cr_expect_str_eq(back, text);
    cr_expect_eq(uuid_parse("00112233-4455-6677-8899-AaBbCcDdEeFf", &id), 0);
    uuid_format(&id, back);
    cr_expect_str_eq(back, text);
}

Test(uuid, parse_refuses)
{
    static const char *const cases[] = {
        "",
        "0",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233-4455-6677-8899-aabbccddeeff ",
        " 0112233-4455-6677-8899-aabbccddeeff",
        "00112233445566778899aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
        "0011223-34455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "00112233-4455-6677-8899-aabbccddee-f",
        "00112233_4455-6677-8899-aabbccddeeff",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct uuid id = {{42}};
        cr_expect_eq(uuid_parse(cases[i], &id), -EINVAL, "%s", cases[i]);
        cr_expect_eq(id.bytes[0], 42);
    }
}

Test(uuid, random)
{
    struct uuid a, b;

    cr_expect_eq(uuid_random(&a), 0);
    cr_expect_eq(uuid_random(&b), 0);
    cr_expect_neq(memcmp(&a, &b, sizeof(a)), 0);
    cr_expect_eq(a.bytes[6] >> 4, 4);
    cr_expect_eq(a.bytes[8] >> 6, 2);
}

Test(uuid, of_a_key)
{
    static const struct {
        int64_t key;
        unsigned kind;
        uint64_t database;
        const char *text;
    } cases[] = {
        {1, 0, 0, "00000000-0001-8000-8000-000000000000"},
        {1, 2, DATABASE, "00000000-0001-8002-8123-456789abcdef"},
        {0x123456789abc, 0xfff, UINT64_MAX, "12345678-9abc-8fff-bfff-ffffffffffff"},
        {KEY_LAST, 0xabc, 0, "ffffffff-ffff-8abc-8000-000000000000"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct uuid id;
        char text[UUID_TEXT_SIZE];
        int64_t key = 0;
        uuid_from_key(cases[i].key, cases[i].kind, cases[i].database, &id);
        uuid_format(&id, text);
        cr_expect_str_eq(text, cases[i].text);
        cr_expect(uuid_to_key(&id, cases[i].kind, cases[i].database, &key));
        cr_expect_eq(key, cases[i].key);
    }
}

/* Only 62 bits of the database's number are in an id. */
Test(uuid, only_its_own_keys)
{
    struct uuid id, other;
    int64_t key = -77;

    uuid_from_key(5, 2, DATABASE, &id);
    cr_expect_not(uuid_to_key(&id, 3, DATABASE, &key));
    cr_expect_not(uuid_to_key(&id, 2, DATABASE + 1, &key));
    cr_expect(uuid_to_key(&id, 2, DATABASE | UINT64_C(3) << 62, &key));
    cr_expect_eq(key, 5);

    key = -77;
    other = id;
    other.bytes[6] = (uint8_t)((other.bytes[6] & 0x0F) | 0x40); /* version 4 */
    cr_expect_not(uuid_to_key(&other, 2, DATABASE, &key));
    other = id;
    other.bytes[8] ^= 0x40; /* variant */
    cr_expect_not(uuid_to_key(&other, 2, DATABASE, &key));
    other = id;
    memset(other.bytes, 0, 6); /* key 0 */
    cr_expect_not(uuid_to_key(&other, 2, DATABASE, &key));
    cr_expect_eq(key, -77);
}

Test(uuid, sorts_by_age)
{
    struct uuid last, id;

    uuid_from_key(1, 7, DATABASE, &last);
    for (int64_t key = 2; key < KEY_LAST / 3; key = key * 3 + 1) {
        uuid_from_key(key, 0, DATABASE, &id);
        cr_expect_gt(memcmp(&id, &last, sizeof(id)), 0);
        last = id;
    }
}
