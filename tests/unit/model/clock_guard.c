#include "model/clock_guard.h"

#include "cases.h"

#define HOUR (INT64_C(60) * 60 * 1000)
#define DAY  (24 * HOUR)

static const int64_t newest = INT64_C(1800000000000), retention = 90 * DAY;

Test(clock_guard, what_goes_on_is_believed)
{
    struct clock_guard guard = clock_guard_begin(newest, newest, 1000);

    cr_expect_eq(clock_guard_look(&guard, retention, newest, 1000), CLOCK_BELIEVED);
    cr_expect_eq(clock_guard_look(&guard, retention, newest + 300 * DAY, 1000 + 300 * DAY),
                 CLOCK_BELIEVED, "it was up all the time");
    cr_expect_eq(clock_guard_look(&guard, retention, newest, 1000 + 300 * DAY), CLOCK_BELIEVED,
                 "a clock that is behind erases nothing");
}

Test(clock_guard, an_empty_store_believes)
{
    struct clock_guard guard = clock_guard_begin(0, newest, 0);

    cr_expect_eq(clock_guard_look(&guard, retention, newest, 0), CLOCK_BELIEVED);
    cr_expect_eq(clock_guard_look(&guard, retention, newest + 10 * DAY, 0), CLOCK_DOUBTED);
}

Test(clock_guard, a_tenth_of_the_retention_or_a_day_is_allowed)
{
    static const struct {
        int64_t retention, ahead;
        enum clock_verdict verdict;
    } cases[] = {
        {90 * DAY, 9 * DAY, CLOCK_BELIEVED},
        {90 * DAY, 9 * DAY + 1, CLOCK_DOUBTED},
        {HOUR, DAY, CLOCK_BELIEVED},
        {HOUR, DAY + 1, CLOCK_DOUBTED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct clock_guard guard = clock_guard_begin(newest, newest + cases[i].ahead, 5);

        cr_expect_eq(clock_guard_look(&guard, cases[i].retention, newest + cases[i].ahead, 5),
                     cases[i].verdict, "%zu", i);
    }
}

Test(clock_guard, a_jump_is_held_back_for_an_hour)
{
    int64_t wall = newest + 1000 * DAY;
    struct clock_guard guard = clock_guard_begin(newest, wall, 0);

    cr_expect_eq(clock_guard_look(&guard, retention, wall, 0), CLOCK_DOUBTED);
    cr_expect_eq(clock_guard_look(&guard, retention, wall + HOUR - 1, HOUR - 1), CLOCK_HELD);
    cr_expect_eq(clock_guard_look(&guard, retention, wall + HOUR, HOUR), CLOCK_BELIEVED);
    cr_expect_eq(clock_guard_look(&guard, retention, wall + 2 * HOUR, 2 * HOUR), CLOCK_BELIEVED);
}

Test(clock_guard, one_that_is_put_right_is_believed_and_may_be_doubted_again)
{
    int64_t wall = newest + 1000 * DAY;
    struct clock_guard guard = clock_guard_begin(newest, newest, 0);

    cr_expect_eq(clock_guard_look(&guard, retention, wall, HOUR), CLOCK_DOUBTED);
    cr_expect_eq(clock_guard_look(&guard, retention, newest + HOUR, HOUR), CLOCK_BELIEVED);
    cr_expect_eq(clock_guard_look(&guard, retention, wall, 2 * HOUR), CLOCK_DOUBTED);
    cr_expect_eq(clock_guard_look(&guard, retention, wall, 2 * HOUR + 1), CLOCK_HELD);
}
