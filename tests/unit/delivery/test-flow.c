#include "delivery/flow.h"

#include <criterion/criterion.h>

#define MOST UINT32_MAX /* the longest wait that jitter makes */

Test(flow, no_rate_is_no_limit)
{
    struct bucket bucket = {0};

    for (int i = 0; i < 100000; i++)
        bucket_take(&bucket);
    cr_expect_eq(bucket_free(&bucket, 0, 5), SIZE_MAX);
    cr_expect_eq(bucket_wait(&bucket, 0), 0);
}

/* How many run from @from on for @ms, when each turn takes what it can get. */
static int64_t run_for(struct bucket *bucket, int64_t rate, int64_t from, int64_t ms)
{
    int64_t n = 0;

    for (int64_t now = from; now < from + ms; now++)
        for (size_t free = bucket_free(bucket, rate, now); free > 0; free--, n++)
            bucket_take(bucket);
    return n;
}

Test(flow, a_second_of_burst_then_the_rate)
{
    static const int64_t rates[] = {1, 2, 3, 7, 1000, 10000};

    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        struct bucket bucket = {0};
        int64_t n;

        cr_expect_eq(bucket_free(&bucket, rates[i], 5000), (size_t)rates[i]);
        cr_expect_eq(run_for(&bucket, rates[i], 5000, 1), rates[i]);
        n = run_for(&bucket, rates[i], 5001, 10000);
        cr_expect_eq(n, rates[i] * 10, "%lld in ten seconds", (long long)n);
    }
}

Test(flow, what_is_not_used_is_not_saved_beyond_a_second)
{
    struct bucket bucket = {0};

    cr_expect_eq(run_for(&bucket, 5, 1000, 1), 5);
    cr_expect_eq(run_for(&bucket, 5, 1000000, 1), 5);
}

Test(flow, the_wait_is_until_the_next_run)
{
    struct bucket bucket = {0};
    int64_t wait;

    run_for(&bucket, 3, 1000, 1);
    cr_expect_eq(bucket_free(&bucket, 3, 1000), 0);
    wait = bucket_wait(&bucket, 3);
    cr_expect_eq(wait, 334);
    cr_expect_eq(bucket_free(&bucket, 3, 1000 + wait - 1), 0);
    cr_expect_eq(bucket_free(&bucket, 3, 1000 + wait), 1);
    cr_expect_eq(bucket_wait(&bucket, 3), 0);
}

Test(flow, a_lower_rate_counts_at_once)
{
    struct bucket bucket = {0};

    run_for(&bucket, 1000, 1000, 1);
    cr_expect_eq(bucket_free(&bucket, 1, 1000), 0);
    cr_expect_eq(bucket_wait(&bucket, 1), 1000);
}

static const struct breaker_settings settings = {.trip_after = 3, .first_ms = 1000};

static bool fail(struct breaker *breaker, bool probe, int64_t now)
{
    return breaker_failed(breaker, &settings, probe, now, MOST);
}

Test(flow, trips_after_so_many_failures_in_a_row)
{
    struct breaker breaker = {0};

    cr_expect(!fail(&breaker, false, 10));
    cr_expect(!fail(&breaker, false, 10));
    cr_expect(!breaker_succeeded(&breaker));
    cr_expect(!fail(&breaker, false, 10));
    cr_expect(!fail(&breaker, false, 10));
    cr_expect_eq(breaker_wait(&breaker, 10), 0);
    cr_expect(fail(&breaker, false, 10));
    cr_expect(breaker.tripped);
    cr_expect_eq(breaker_wait(&breaker, 10), 1000);
    cr_expect_eq(breaker_wait(&breaker, 1009), 1);
    cr_expect_eq(breaker_wait(&breaker, 1010), 0);
}

static void trip(struct breaker *breaker, int64_t now)
{
    while (!fail(breaker, false, now))
        ;
}

Test(flow, what_was_under_way_changes_nothing)
{
    struct breaker breaker = {0};

    trip(&breaker, 0);
    cr_expect(!fail(&breaker, false, 900));
    cr_expect_eq(breaker_wait(&breaker, 900), 100);
}

Test(flow, the_wait_for_a_probe_grows_up_to_five_minutes)
{
    struct breaker breaker = {0};
    int64_t now = 0, wait = 1000;

    trip(&breaker, now);
    for (int i = 0; i < 20; i++) {
        cr_expect_eq(breaker_wait(&breaker, now), wait, "%d", i);
        now += wait;
        cr_expect(!fail(&breaker, true, now), "it trips once");
        wait = wait * 2 < BREAKER_LONGEST_MS ? wait * 2 : BREAKER_LONGEST_MS;
    }
}

Test(flow, at_least_half_of_the_wait_is_waited)
{
    struct breaker breaker = {0};

    for (int i = 0; i < 3; i++)
        breaker_failed(&breaker, &settings, false, 0, 0);
    cr_expect_eq(breaker_wait(&breaker, 0), 500);
}

Test(flow, a_success_closes_it_and_all_begins_anew)
{
    struct breaker breaker = {0};

    trip(&breaker, 0);
    fail(&breaker, true, 0);
    cr_expect(breaker_succeeded(&breaker));
    cr_expect(!breaker.tripped);
    cr_expect(!fail(&breaker, false, 0));
    trip(&breaker, 0);
    cr_expect_eq(breaker_wait(&breaker, 0), 1000);
}

Test(flow, zero_never_trips)
{
    static const struct breaker_settings never = {.first_ms = 1000};
    struct breaker breaker = {0};

    for (int i = 0; i < 1000; i++)
        cr_expect(!breaker_failed(&breaker, &never, false, 0, MOST));
    cr_expect(!breaker.tripped);
}

Test(flow, at_a_reload_the_probe_comes_at_once)
{
    static const struct breaker_settings never = {.first_ms = 1000};
    struct breaker breaker = {0};

    trip(&breaker, 0);
    breaker_reconsider(&breaker, &settings, 5);
    cr_expect(breaker.tripped);
    cr_expect_eq(breaker_wait(&breaker, 5), 0);
    fail(&breaker, true, 5);
    cr_expect_eq(breaker_wait(&breaker, 5), 2000, "but waits go on growing");
    breaker_reconsider(&breaker, &never, 5);
    cr_expect(!breaker.tripped);
}
