#include "rates.h"

#include <criterion/criterion.h>

static void look(struct rates *rates, int64_t second, int64_t total)
{
    const int64_t totals[RATE_MAX_] = {total, 2 * total, 0};

    rates_look(rates, second * 1000, totals);
}

Test(rates, nothing_yet)
{
    struct rates rates = {0};

    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 0);
    look(&rates, 100, 7);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 0,
                 "what was before is not of this minute");
}

Test(rates, the_last_minute_alone)
{
    struct rates rates = {0};

    for (int64_t second = 0; second <= 200; second++) /* one a second */
        look(&rates, second, second);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 60);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLS), 120);
    cr_expect_eq(rates_last_minute(&rates, RATE_HOOK_RUNS), 0);
    for (int64_t second = 201; second <= 300; second++) /* nothing more */
        look(&rates, second, 200);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 0);
}

Test(rates, shorter_than_a_minute)
{
    struct rates rates = {0};

    look(&rates, 10, 5);
    look(&rates, 12, 100);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 0, "too soon for another look");
    look(&rates, 15, 25);
    cr_expect_eq(rates_last_minute(&rates, RATE_CALLBACKS), 20);
}
