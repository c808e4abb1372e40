/* Chance that can be repeated: every decision is a function of the seed, what it is about and a
 * number, never of the order in which threads happen to ask. Pure. */
#pragma once

#include "common/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/* 64 well mixed bits from the seed and two texts. */
uint64_t dice_text(uint64_t seed, const char *purpose, const char *subject);

/* 64 well mixed bits from the seed, a text and a number. */
uint64_t dice_number(uint64_t seed, const char *purpose, uint64_t number);

/* Whether @number is among the @share (0..1) of numbers that something happens to. */
bool dice_share(uint64_t seed, const char *purpose, uint64_t number, double share);

/* Uniform in @min..@max. */
int64_t dice_between(uint64_t seed, const char *purpose, uint64_t number, int64_t min, int64_t max);

/* A UUID of version 4 in form. */
void dice_uuid(uint64_t seed, const char *purpose, uint64_t number, struct uuid *ret);
