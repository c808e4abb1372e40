/* How much there was in the last minute, from totals that are looked at now and then. Pure. */
#pragma once

#include <stdint.h>

enum rate {
    RATE_CALLBACKS = 0, /* answered after they were read */
    RATE_CALLS,         /* to Pronto */
    RATE_HOOK_RUNS,
    RATE_MAX_,
};

#define RATES_STEP_MS 5000
#define RATES_SAMPLES 13 /* a minute between the oldest and the newest */

struct rates {
    struct {
        int64_t boot_ms;
        int64_t totals[RATE_MAX_];
    } samples[RATES_SAMPLES];
    int n, newest;
};

/* Takes a sample when the last one is RATES_STEP_MS old, or there is none. */
void rates_look(struct rates *rates, int64_t now_boot_ms, const int64_t totals[RATE_MAX_]);

/* In the minute before the newest sample, or since the first one when that is shorter ago. */
int64_t rates_last_minute(const struct rates *rates, enum rate which);
