#include "simulator/dice.h"

/* FNV-1a; the terminating NUL is hashed too, so that two texts cannot run into each other. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    } while (*text++ != '\0');
    return hash;
}

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

uint64_t dice_text(uint64_t seed, const char *purpose, const char *subject)
{
    return mix(hash_text(hash_text(mix(seed), purpose), subject));
}

uint64_t dice_number(uint64_t seed, const char *purpose, uint64_t number)
{
    return mix(hash_text(mix(seed), purpose) ^ mix(number));
}

bool dice_share(uint64_t seed, const char *purpose, uint64_t number, double share)
{
    double drawn = (double)(dice_number(seed, purpose, number) >> 11) * 0x1p-53; /* in [0, 1) */
    return drawn < share;
}

int64_t dice_between(uint64_t seed, const char *purpose, uint64_t number, int64_t min, int64_t max)
{
    if (max <= min)
        return min;
    return min + (int64_t)(dice_number(seed, purpose, number) % (uint64_t)(max - min + 1));
}

void dice_uuid(uint64_t seed, const char *purpose, uint64_t number, struct uuid *ret)
{
    uint64_t halves[2] = {dice_number(seed, purpose, number), 0};

    halves[1] = mix(halves[0] ^ mix(~number));
    for (unsigned i = 0; i < sizeof(ret->bytes); i++)
        ret->bytes[i] = (uint8_t)(halves[i / 8] >> (8 * (i % 8)));
    ret->bytes[6] = (uint8_t)((ret->bytes[6] & 0x0f) | 0x40);
    ret->bytes[8] = (uint8_t)((ret->bytes[8] & 0x3f) | 0x80);
}
