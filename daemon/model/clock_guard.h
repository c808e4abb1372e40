/* Whether the wall clock can be believed before something is erased for its age. Pure: both clocks
 * are arguments.
 *
 * The wall clock should have moved as far as the boot clock has since the newest time that is known.
 * One that is further ahead was set, or prontod was off for long: nobody can tell which, so it is
 * held back for a while in which an operator, or the time service, can put it right. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_GUARD_HOLD_MS (INT64_C(60) * 60 * 1000)

struct clock_guard {
    int64_t wall, boot; /* both at the moment of the newest known time */
    int64_t held_since; /* boot; -1: not held */
};

enum clock_verdict {
    CLOCK_BELIEVED,
    CLOCK_DOUBTED, /* held back from now on */
    CLOCK_HELD,    /* still */
};

/* @newest: the latest known time; 0: none, the wall clock is believed. All in milliseconds. */
struct clock_guard clock_guard_begin(int64_t newest, int64_t wall, int64_t boot);

/* How far ahead is believed: a tenth of the retention, at least a day. */
enum clock_verdict clock_guard_look(struct clock_guard *guard, int64_t retention_ms, int64_t wall,
                                    int64_t boot);
