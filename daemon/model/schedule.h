/* When is something tried again? Pure: time and randomness are arguments. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Equal jitter: half of the wait fixed, half random. @failures is 1 after the first failed attempt;
 * the wait doubles from @first_ms to at most @longest_ms. @random is any 32-bit random number.
 * Returns milliseconds > 0. */
int64_t backoff_equal_jitter(int64_t first_ms, int64_t longest_ms, unsigned failures,
                             uint32_t random);

/* Full jitter, for calls to Pronto: random in (0, wait]. */
int64_t backoff_full_jitter(int64_t first_ms, int64_t longest_ms, unsigned failures,
                            uint32_t random);

/* When is a result asked for again that was not there at @now? The time since @since doubles, at
 * least @first_ms more, with equal jitter. So it is asked for often at first and rarely later, and
 * nobody has to count. Never beyond @deadline_at while that is still ahead, so that it is asked for
 * once more when its time is over. Returns a time after @now. */
int64_t poll_next(int64_t since, int64_t first_ms, int64_t deadline_at, int64_t now,
                  uint32_t random);

/* What an attempt of a hook ended with. */
struct attempt_end {
    int exit_code; /* -1: none */
    int signal;    /* 0: none */
    bool timed_out;
    bool interrupted; /* by our own stop or crash, or the runner's */
    bool
        not_started; /* the program could not be started: a fault of the hook, uses up no attempt */
};

enum attempt_outcome {
    ATTEMPT_SUCCEEDED, /* exit 0 */
    ATTEMPT_DEAD,      /* exit 65, EX_DATAERR, or nothing is left of max_attempts or give_up */
    ATTEMPT_RETRY,     /* later, and one attempt used up */
    ATTEMPT_AGAIN, /* at once with the same count: interrupted, fewer than INTERRUPTIONS_MAX times
                      in a row */
    ATTEMPT_HOOK_BROKEN, /* the delivery waits with its hook */
};

#define INTERRUPTIONS_MAX                                                                          \
    3 /* the third interruption in a row uses up an attempt: the hook may be what kills us */
#define EXIT_PERMANENT 65 /* EX_DATAERR of sysexits.h */

/* @attempts: used up so far, this one not counted. @interruptions: in a row, this one not counted.
 * @age_ms: now - created. @max_attempts 0: no limit. */
enum attempt_outcome attempt_judge(const struct attempt_end *end, int64_t attempts,
                                   int64_t interruptions, int64_t age_ms, int64_t max_attempts,
                                   int64_t give_up_ms);
