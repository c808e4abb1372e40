/* How fast a hook may go: its rate, and the circuit breaker that stops one that fails again and
 * again. Pure: time and randomness are arguments. Times are milliseconds of one clock that does not
 * jump. A zeroed one of each is as new. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A token bucket that holds one second's worth of runs. @rate: runs a second; 0: no limit. */
struct bucket {
    int64_t spent; /* thousandths of a run that have not come back yet */
    int64_t at;    /* as of then */
};

/* How many runs may start now; SIZE_MAX: any number. */
size_t bucket_free(struct bucket *bucket, int64_t rate, int64_t now);
/* One starts. */
void bucket_take(struct bucket *bucket);
/* Until the next one may start; 0: it may now. As of the last bucket_free(). */
int64_t bucket_wait(const struct bucket *bucket, int64_t rate);

#define BREAKER_LONGEST_MS (5 * 60 * 1000)

/* closed --(trip_after failures in a row)--> tripped --(a success)--> closed. While it is tripped,
 * one run at a time may probe, each after a longer wait than the one before. */
struct breaker {
    int64_t failures; /* in a row */
    unsigned probes;  /* that failed since it tripped, and one */
    bool tripped;
    int64_t probe_at;
};

struct breaker_settings {
    int64_t trip_after; /* 0: never */
    int64_t first_ms;   /* the first wait */
};

/* An attempt failed. @probe: it was started while the breaker was tripped; others that were under way
 * then change nothing. @random: any 32-bit random number. True when the breaker trips now. */
bool breaker_failed(struct breaker *breaker, const struct breaker_settings *settings, bool probe,
                    int64_t now, uint32_t random);
/* True when it was tripped until now. */
bool breaker_succeeded(struct breaker *breaker);
/* Until the next probe; 0: now, or none is needed. */
int64_t breaker_wait(const struct breaker *breaker, int64_t now);
/* New settings: the next probe may come now. */
void breaker_reconsider(struct breaker *breaker, const struct breaker_settings *settings,
                        int64_t now);
