#include "model/schedule.h"

#include "cases.h"

#define DAY_MS ((int64_t)86400000)

static const uint32_t randoms[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

Test(schedule, waits_double_up_to_the_longest)
{
    static const struct {
        int64_t first, longest;
        unsigned failures;
        int64_t wait;
    } cases[] = {
        {10000, 3600000, 0, 10000},
        {10000, 3600000, 1, 10000},
        {10000, 3600000, 2, 20000},
        {10000, 3600000, 3, 40000},
        {10000, 3600000, 9, 2560000},
        {10000, 3600000, 10, 3600000},
        {10000, 3600000, 4000000000U, 3600000},
        {10000, 5000, 1, 5000},
        {1, 1, 1, 1},
        {0, 10, 1, 1},
        {-5, 10, 3, 4},
        {10, 0, 1, 1},
        {10, -1, 7, 1},
        {1, INT64_MAX, 63, (int64_t)1 << 62},
        {1, INT64_MAX, 64, INT64_MAX},
        {INT64_MAX, INT64_MAX, 2, INT64_MAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t k = 0; k < ARRAY_SIZE(randoms); k++) {
            int64_t wait = cases[i].wait;
            int64_t equal = backoff_equal_jitter(cases[i].first, cases[i].longest,
                                                 cases[i].failures, randoms[k]);
            int64_t full = backoff_full_jitter(cases[i].first, cases[i].longest, cases[i].failures,
                                               randoms[k]);

            cr_expect(equal > 0 && equal >= wait / 2 && equal <= wait, "case %zu: %lld", i,
                      (long long)equal);
            cr_expect(full > 0 && full <= wait, "case %zu: %lld", i, (long long)full);
        }
}

Test(schedule, jitter_reaches_both_ends)
{
    cr_expect_eq(backoff_equal_jitter(10000, 60000, 1, 0), 5000);
    cr_expect_eq(backoff_equal_jitter(10000, 60000, 1, 0x7fffffff), 7500);
    cr_expect_eq(backoff_equal_jitter(10000, 60000, 1, 0xffffffff), 10000);
    cr_expect_eq(backoff_equal_jitter(3, 3, 1, 0), 2);
    cr_expect_eq(backoff_full_jitter(10000, 60000, 1, 0), 1);
    cr_expect_eq(backoff_full_jitter(10000, 60000, 1, 0x7fffffff), 5000);
    cr_expect_eq(backoff_full_jitter(10000, 60000, 1, 0xffffffff), 10000);
}

Test(schedule, the_time_since_doubles)
{
    static const struct {
        int64_t since, first, deadline, now, least, most;
    } cases[] = {
        {0, 600, 0, 0, 300, 600},         /* the first wait */
        {0, 600, 0, 500, 800, 1100},      /* less than the first has passed */
        {0, 600, 0, 601, 902, 1202},      /* rounded up */
        {0, 600, 0, 4000, 6000, 8000},    /* more has */
        {0, 600, 5000, 4000, 5000, 5000}, /* not beyond the deadline */
        {0, 600, 7000, 4000, 6000, 7000},
        {0, 600, 8000, 4000, 6000, 8000},
        {0, 600, 3999, 4000, 6000, 8000}, /* but for one that is over */
        {0, 600, 4000, 4000, 6000, 8000},
        {9000, 600, 0, 4000, 4300, 4600}, /* a clock that was set back */
        {0, 0, 0, 0, 1, 1},
        {0, -5, 0, 0, 1, 1},
        {100, 1, 0, 101, 102, 102},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(randoms); k++) {
            int64_t next = poll_next(cases[i].since, cases[i].first, cases[i].deadline,
                                     cases[i].now, randoms[k]);

            cr_expect(next >= cases[i].least && next <= cases[i].most, "case %zu: %lld", i,
                      (long long)next);
            cr_expect_gt(next, cases[i].now);
        }
        cr_expect_eq(
            poll_next(cases[i].since, cases[i].first, cases[i].deadline, cases[i].now, UINT32_MAX),
            cases[i].most, "case %zu", i);
        cr_expect_eq(poll_next(cases[i].since, cases[i].first, cases[i].deadline, cases[i].now, 0),
                     cases[i].least, "case %zu", i);
    }
}

Test(schedule, a_day_of_polls_is_few)
{
    int64_t now = 0, least = 600000, deadline = DAY_MS;
    int n = 0;

    while (now < deadline) {
        now = poll_next(0, least, deadline, now, 0);
        n++;
    }
    cr_expect_eq(now, deadline, "the last one is at the deadline");
    cr_expect_leq(n, 16);
}

/* An end as a case writes it; the rest is zero. */
#define EXIT(code)                                                                                 \
    {                                                                                              \
        .exit_code = (code)                                                                        \
    }
#define SIGNAL(s)                                                                                  \
    {                                                                                              \
        .exit_code = -1, .signal = (s)                                                             \
    }
#define TIMEOUT(s)                                                                                 \
    {                                                                                              \
        .exit_code = -1, .signal = (s), .timed_out = true                                          \
    }
#define INTERRUPTED                                                                                \
    {                                                                                              \
        .exit_code = -1, .interrupted = true                                                       \
    }

Test(schedule, an_attempt_is_judged)
{
    static const struct {
        const char *what;
        struct attempt_end end;
        int64_t attempts, interruptions, age_ms, max_attempts, give_up_ms;
        enum attempt_outcome outcome;
    } cases[] = {
        {"success", EXIT(0), 0, 0, 0, 0, DAY_MS, ATTEMPT_SUCCEEDED},
        {"success at the very end", EXIT(0), 9, 0, 2 * DAY_MS, 1, DAY_MS, ATTEMPT_SUCCEEDED},
        {"permanent", EXIT(65), 0, 0, 0, 0, DAY_MS, ATTEMPT_DEAD},
        {"failure", EXIT(1), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"temporary failure", EXIT(75), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"not executable, says a shell", EXIT(126), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"a neighbour of 65", EXIT(64), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"signal", SIGNAL(9), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"signal with the code of success",
         {.exit_code = 0, .signal = 9},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_RETRY},
        {"timeout", TIMEOUT(15), 0, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"exit 0 upon our SIGTERM",
         {.exit_code = 0, .timed_out = true},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_RETRY},
        {"exit 65 upon our SIGTERM",
         {.exit_code = 65, .timed_out = true},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_RETRY},
        {"many attempts, no limit", EXIT(1), 1000000, 0, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"one left after this", EXIT(1), 1, 0, 0, 3, DAY_MS, ATTEMPT_RETRY},
        {"the last one", EXIT(1), 2, 0, 0, 3, DAY_MS, ATTEMPT_DEAD},
        {"the only one", EXIT(1), 0, 0, 0, 1, DAY_MS, ATTEMPT_DEAD},
        {"beyond a limit that was lowered", EXIT(1), 7, 0, 0, 3, DAY_MS, ATTEMPT_DEAD},
        {"one moment before giving up", EXIT(1), 0, 0, DAY_MS - 1, 0, DAY_MS, ATTEMPT_RETRY},
        {"too old", EXIT(1), 0, 0, DAY_MS, 0, DAY_MS, ATTEMPT_DEAD},
        {"a clock that was set back", EXIT(1), 0, 0, -DAY_MS, 0, DAY_MS, ATTEMPT_RETRY},
        {"timeout when too old", TIMEOUT(9), 0, 0, DAY_MS, 0, DAY_MS, ATTEMPT_DEAD},
        {"timeout of the last one", TIMEOUT(9), 2, 0, 0, 3, DAY_MS, ATTEMPT_DEAD},
        {"interrupted", INTERRUPTED, 0, 0, 0, 0, DAY_MS, ATTEMPT_AGAIN},
        {"interrupted twice", INTERRUPTED, 0, 1, 0, 0, DAY_MS, ATTEMPT_AGAIN},
        {"interrupted three times", INTERRUPTED, 0, 2, 0, 0, DAY_MS, ATTEMPT_RETRY},
        {"interrupted the last one", INTERRUPTED, 2, 0, 0, 3, DAY_MS, ATTEMPT_AGAIN},
        {"interrupted when too old", INTERRUPTED, 0, 0, DAY_MS, 0, DAY_MS, ATTEMPT_AGAIN},
        {"three times, the last one", INTERRUPTED, 2, 2, 0, 3, DAY_MS, ATTEMPT_DEAD},
        {"three times, too old", INTERRUPTED, 0, 2, DAY_MS, 0, DAY_MS, ATTEMPT_DEAD},
        {"exit 0 upon our stop",
         {.exit_code = 0, .interrupted = true},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_AGAIN},
        {"exit 65 upon our stop",
         {.exit_code = 65, .interrupted = true},
         0,
         2,
         0,
         0,
         DAY_MS,
         ATTEMPT_RETRY},
        {"interrupted and timed out",
         {.exit_code = -1, .timed_out = true, .interrupted = true},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_AGAIN},
        {"not started",
         {.exit_code = -1, .not_started = true},
         0,
         0,
         0,
         0,
         DAY_MS,
         ATTEMPT_HOOK_BROKEN},
        {"not started the last one",
         {.exit_code = -1, .not_started = true},
         2,
         2,
         DAY_MS,
         3,
         DAY_MS,
         ATTEMPT_HOOK_BROKEN},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(attempt_judge(&cases[i].end, cases[i].attempts, cases[i].interruptions,
                                   cases[i].age_ms, cases[i].max_attempts, cases[i].give_up_ms),
                     cases[i].outcome, "%s", cases[i].what);
}
