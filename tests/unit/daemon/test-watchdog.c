#include <criterion/criterion.h>

#include "watchdog.h"

static struct watchdog watchdog;
static uint64_t answered[WATCHDOG_THREADS_];
static enum watchdog_news news[WATCHDOG_THREADS_];

static void setup(void)
{
    watchdog = (struct watchdog){0};
    answered[WATCHDOG_STORE] = answered[WATCHDOG_HTTP] = 0;
}

TestSuite(watchdog, .init = setup);

static bool look(void)
{
    return watchdog_look(&watchdog, answered, news);
}

/* Everybody answers what was asked last. */
static void all_answer(void)
{
    answered[WATCHDOG_STORE] = answered[WATCHDOG_HTTP] = watchdog.knock;
}

static void expect_news(enum watchdog_news store, enum watchdog_news http)
{
    cr_expect_eq(news[WATCHDOG_STORE], store);
    cr_expect_eq(news[WATCHDOG_HTTP], http);
}

Test(watchdog, nothing_is_missed_before_the_first_question)
{
    cr_expect(look());
    expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
    cr_expect_eq(watchdog.knock, 1);
}

Test(watchdog, who_answers_is_well)
{
    look();
    for (int i = 0; i < 100; i++) {
        all_answer();
        cr_expect(look());
        expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
    }
}

Test(watchdog, one_missing_answer_withholds_the_ping)
{
    look();
    all_answer();
    look();
    answered[WATCHDOG_HTTP] = watchdog.knock;
    cr_expect_not(look());
    expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
    all_answer();
    cr_expect(look());
    expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
}

Test(watchdog, who_is_stuck_is_said_once_and_so_is_its_return)
{
    look();
    all_answer();
    look();
    for (int i = 1; i <= 10; i++) {
        answered[WATCHDOG_HTTP] = watchdog.knock;
        cr_expect_not(look());
        expect_news(i == WATCHDOG_MISSES ? WATCHDOG_STUCK : WATCHDOG_SAME, WATCHDOG_SAME);
    }
    all_answer();
    cr_expect(look());
    expect_news(WATCHDOG_MOVES, WATCHDOG_SAME);
    all_answer();
    cr_expect(look());
    expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
}

Test(watchdog, a_turn_that_takes_longer_than_a_look_is_progress)
{
    look();
    all_answer();
    look();
    for (int i = 0; i < 20; i++) {
        /* It answers every second look, with what was asked when its turn began. */
        uint64_t asked = watchdog.knock;

        answered[WATCHDOG_HTTP] = watchdog.knock;
        cr_expect_not(look());
        expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
        answered[WATCHDOG_HTTP] = watchdog.knock;
        answered[WATCHDOG_STORE] = asked;
        cr_expect(look());
        expect_news(WATCHDOG_SAME, WATCHDOG_SAME);
    }
}

Test(watchdog, one_that_never_answered_is_stuck_too)
{
    look();
    for (int i = 1; i <= WATCHDOG_MISSES; i++) {
        answered[WATCHDOG_STORE] = watchdog.knock;
        cr_expect_not(look());
    }
    expect_news(WATCHDOG_SAME, WATCHDOG_STUCK);
}

Test(watchdog, several_looks_fit_in_the_time_that_the_service_manager_waits)
{
    cr_expect_eq(watchdog_period_ms(60000), 10000);
    cr_expect_eq(watchdog_period_ms(600000), 10000, "what hangs is said soon");
    cr_expect_eq(watchdog_period_ms(0), 10000, "also when nobody waits");
    cr_expect_eq(watchdog_period_ms(3000), 500);
    cr_expect_gt(watchdog_period_ms(1), 0);
    cr_expect_lt((WATCHDOG_MISSES + 1) * watchdog_period_ms(3000), 3000,
                 "what hangs is said before it is ended");
}

Test(watchdog, names)
{
    cr_expect_str_eq(watchdog_thread_name(WATCHDOG_STORE), "store");
    cr_expect_str_eq(watchdog_thread_name(WATCHDOG_HTTP), "http");
}
