#include "submission/gate.h"

#include <criterion/criterion.h>

#define T0       ((int64_t)1000000) /* when a test begins */
#define MINUTE   ((int64_t)60000)
#define SHORTEST 0U          /* randoms: equal jitter is half the wait, full jitter 1 ms */
#define LONGEST  0xffffffffU /* both are the whole wait */
#define NONE     (-1)

static const struct gate_limits wide = {100, 1000};

/* A gate through which calls may go at T0. */
static struct gate *open_gate(int64_t concurrency, int64_t rate)
{
    struct gate *gate = gate_new(&(struct gate_limits){concurrency, rate}, T0);

    cr_assert_not_null(gate);
    gate_link(gate, true, T0);
    return gate;
}

/* One call that begins and ends at once. */
static void call(struct gate *gate, enum gate_call kind, enum gate_verdict verdict, int64_t now)
{
    gate_end(gate, gate_begin(gate, kind, now), verdict, NONE, now, LONGEST);
}

static void expect(const struct gate *gate, int64_t now, enum gate_state state, size_t submits,
                   size_t asks, const char *what)
{
    cr_expect_eq(gate_status(gate, now).state, state, "%s: state %d", what,
                 (int)gate_status(gate, now).state);
    cr_expect_eq(gate_room(gate, GATE_SUBMIT, now), submits, "%s: room for %zu submits", what,
                 gate_room(gate, GATE_SUBMIT, now));
    cr_expect_eq(gate_room(gate, GATE_ASK, now), asks, "%s: room for %zu asks", what,
                 gate_room(gate, GATE_ASK, now));
}

/* Nothing of @kind may begin before @at, and the gate says so. */
static void expect_wait(const struct gate *gate, enum gate_call kind, int64_t now, int64_t at,
                        const char *what)
{
    cr_expect_eq(gate_wait_ms(gate, kind, now), at - now, "%s: waits %lld", what,
                 (long long)gate_wait_ms(gate, kind, now));
    cr_expect_eq(gate_room(gate, kind, at - 1), 0, "%s: room too early", what);
    cr_expect_gt(gate_room(gate, kind, at), 0, "%s: no room", what);
    cr_expect_eq(gate_wait_ms(gate, kind, at), 0, "%s: waits on", what);
}

Test(gate, places_are_shared_by_both_kinds)
{
    cleanup_gate struct gate *gate = open_gate(3, 1000);
    struct gate_pass first = gate_begin(gate, GATE_SUBMIT, T0);

    gate_begin(gate, GATE_ASK, T0);
    expect(gate, T0, GATE_OK, 1, 1, "two open");
    gate_begin(gate, GATE_ASK, T0);
    expect(gate, T0, GATE_OK, 0, 0, "three open");
    cr_expect_eq(gate_wait_ms(gate, GATE_SUBMIT, T0), NONE);
    cr_expect_eq(gate_status(gate, T0).open, 3);
    gate_end(gate, first, GATE_V_OK, NONE, T0, LONGEST);
    expect(gate, T0, GATE_OK, 1, 1, "one ended");
    cr_expect_eq(gate_wait_ms(gate, GATE_SUBMIT, T0), 0);
}

Test(gate, a_token_comes_back_one_second_after_the_end)
{
    cleanup_gate struct gate *gate = open_gate(100, 2);
    struct gate_pass slow = gate_begin(gate, GATE_ASK, T0);

    call(gate, GATE_SUBMIT, GATE_V_OK, T0 + 10);
    expect(gate, T0 + 10, GATE_OK, 0, 0, "both tokens out");
    expect_wait(gate, GATE_SUBMIT, T0 + 10, T0 + 1010, "the one that ended");
    call(gate, GATE_SUBMIT, GATE_V_OK, T0 + 1010);
    gate_end(gate, slow, GATE_V_OK, NONE, T0 + 1500, LONGEST);
    expect_wait(gate, GATE_ASK, T0 + 1500, T0 + 2010, "the second one");
    expect(gate, T0 + 2010, GATE_OK, 1, 1, "the slow one's is out still");
    expect(gate, T0 + 2500, GATE_OK, 2, 2, "both are back");
}

Test(gate, tokens_of_open_calls_do_not_come_back_by_time)
{
    cleanup_gate struct gate *gate = open_gate(100, 1);

    gate_begin(gate, GATE_ASK, T0);
    cr_expect_eq(gate_wait_ms(gate, GATE_ASK, T0 + 5000), NONE);
    expect(gate, T0 + 5000, GATE_OK, 0, 0, "open");
}

Test(gate, new_limits_hold_at_once_and_keep_what_is_out)
{
    cleanup_gate struct gate *gate = open_gate(10, 10);
    struct gate_pass open[4];

    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        open[i] = gate_begin(gate, GATE_ASK, T0);
    for (int i = 0; i < 4; i++)
        call(gate, GATE_ASK, GATE_V_OK, T0 + i);
    expect(gate, T0 + 3, GATE_OK, 2, 2, "eight tokens out");

    gate_configure(gate, &(struct gate_limits){2, 10}, T0 + 3);
    expect(gate, T0 + 3, GATE_OK, 0, 0, "fewer places than calls");
    cr_expect_eq(gate_wait_ms(gate, GATE_ASK, T0 + 3), NONE);

    gate_configure(gate, &(struct gate_limits){10, 6}, T0 + 3);
    expect(gate, T0 + 3, GATE_OK, 0, 0, "fewer tokens than are out");
    expect_wait(gate, GATE_ASK, T0 + 3, T0 + 1002, "two above, and one to take");

    gate_configure(gate, &(struct gate_limits){10, 20}, T0 + 3);
    expect(gate, T0 + 3, GATE_OK, 6, 6, "places bind");
    gate_configure(gate, &(struct gate_limits){100, 20}, T0 + 3);
    expect(gate, T0 + 3, GATE_OK, 12, 12, "tokens bind");
    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        gate_end(gate, open[i], GATE_V_OK, NONE, T0 + 4, LONGEST);
    expect(gate, T0 + 1003, GATE_OK, 16, 16, "the first ones are back");
}

Test(gate, the_ring_holds_the_highest_rate)
{
    cleanup_gate struct gate *gate = open_gate(1, 1000);

    for (int64_t second = 0; second < 3; second++) {
        int64_t now = T0 + second * 1300;

        for (int i = 0; i < 1000; i++)
            call(gate, GATE_ASK, GATE_V_OK, now + i / 4);
        expect(gate, now + 249, GATE_OK, 0, 0, "all out");
        expect_wait(gate, GATE_ASK, now + 249, now + 1000, "first back");
    }
}

Test(gate, slow_waits_for_what_the_answer_said)
{
    static const struct {
        int64_t said, wait;
    } cases[] = {{1, 1}, {7000, 7000}, {60 * MINUTE, 60 * MINUTE}, {INT64_MAX, 60 * MINUTE}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_gate struct gate *gate = open_gate(5, 1000);
        int64_t over = T0 + cases[i].wait;

        gate_end(gate, gate_begin(gate, GATE_ASK, T0), GATE_V_SLOW, cases[i].said, T0, SHORTEST);
        expect(gate, T0, GATE_SLOWED, 0, 0, "slowed");
        cr_expect_eq(gate_status(gate, T0).resume_ms, over);
        expect_wait(gate, GATE_SUBMIT, T0, over, "submits");
        expect_wait(gate, GATE_ASK, T0, over, "asks");
        expect(gate, over, GATE_OK, 5, 5, "full room");
    }
}

Test(gate, slow_without_a_time_doubles_with_the_answers_in_a_row)
{
    cleanup_gate struct gate *gate = open_gate(5, 1000);
    int64_t now = T0, wait = 1000;

    for (int i = 0; i < 12; i++) {
        gate_end(gate, gate_begin(gate, GATE_ASK, now), GATE_V_SLOW, i % 2 ? 0 : NONE, now,
                 LONGEST);
        expect_wait(gate, GATE_ASK, now, now + wait, "doubled");
        now += wait;
        wait = wait * 2 < 5 * MINUTE ? wait * 2 : 5 * MINUTE;
    }
    call(gate, GATE_SUBMIT, GATE_V_FAILED, now);
    call(gate, GATE_SUBMIT, GATE_V_SLOW, now);
    expect_wait(gate, GATE_ASK, now, now + 5 * MINUTE, "a failure is no answer");
    now += 5 * MINUTE;
    call(gate, GATE_SUBMIT, GATE_V_OK, now);
    call(gate, GATE_SUBMIT, GATE_V_SLOW, now);
    expect_wait(gate, GATE_ASK, now, now + 1000, "another answer ends the row");
    gate_end(gate, gate_begin(gate, GATE_ASK, now + 1000), GATE_V_SLOW, NONE, now + 1000, SHORTEST);
    expect_wait(gate, GATE_ASK, now + 1000, now + 1001, "full jitter");
}

Test(gate, slow_answers_of_calls_under_way_extend_and_count_once)
{
    cleanup_gate struct gate *gate = open_gate(10, 1000);
    struct gate_pass open[7];

    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        open[i] = gate_begin(gate, GATE_ASK, T0);
    gate_end(gate, open[0], GATE_V_SLOW, 5000, T0, LONGEST);
    gate_end(gate, open[1], GATE_V_SLOW, 9000, T0, LONGEST);
    gate_end(gate, open[2], GATE_V_SLOW, 2000, T0, LONGEST);
    gate_end(gate, open[3], GATE_V_SLOW, NONE, T0, LONGEST);
    gate_end(gate, open[4], GATE_V_OK, NONE, T0, LONGEST);
    expect_wait(gate, GATE_SUBMIT, T0, T0 + 9000, "the longest");
    gate_end(gate, open[5], GATE_V_SLOW, NONE, T0 + 9000, LONGEST);
    expect_wait(gate, GATE_ASK, T0 + 9000, T0 + 10000, "late, and still the first in the row");
    call(gate, GATE_ASK, GATE_V_SLOW, T0 + 10000);
    expect_wait(gate, GATE_ASK, T0 + 10000, T0 + 12000, "the second in the row");
    gate_end(gate, open[6], GATE_V_OK, NONE, T0 + 12000, LONGEST);
    call(gate, GATE_ASK, GATE_V_SLOW, T0 + 12000);
    expect_wait(gate, GATE_ASK, T0 + 12000, T0 + 16000, "an old answer does not end the row");
}

Test(gate, a_late_slow_answer_begins_a_pause_for_what_is_under_way_then)
{
    cleanup_gate struct gate *gate = open_gate(10, 1000);
    struct gate_pass old[2], young;

    old[0] = gate_begin(gate, GATE_ASK, T0);
    old[1] = gate_begin(gate, GATE_ASK, T0);
    gate_end(gate, old[0], GATE_V_SLOW, NONE, T0, LONGEST);
    young = gate_begin(gate, GATE_ASK, T0 + 1000);
    gate_end(gate, old[1], GATE_V_SLOW, NONE, T0 + 1500, LONGEST);
    gate_end(gate, young, GATE_V_SLOW, NONE, T0 + 1500, LONGEST);
    expect_wait(gate, GATE_ASK, T0 + 1500, T0 + 2500, "the first in the row");
}

Test(gate, slowed_is_graver_than_tripped)
{
    cleanup_gate struct gate *gate = open_gate(10, 1000);
    struct gate_pass old = gate_begin(gate, GATE_ASK, T0);

    for (int i = 0; i < 5; i++)
        call(gate, GATE_ASK, GATE_V_FAILED, T0);
    gate_end(gate, old, GATE_V_SLOW, 5000, T0, LONGEST);
    expect(gate, T0 + 4999, GATE_SLOWED, 0, 0, "both");
    cr_expect_eq(gate_status(gate, T0).resume_ms, T0 + 5000);
    expect_wait(gate, GATE_ASK, T0, T0 + 5000, "the later of both");
    expect(gate, T0 + 5000, GATE_TRIPPED, 1, 1, "the breaker's probe is due");
}

/* The pauses that end by a probe: what begins them, and how long they wait. */
static const struct probed {
    const char *name;
    enum gate_verdict bad;
    unsigned threshold;
    enum gate_state state;
    int64_t first, longest;
    enum gate_verdict good[4], unclear[3];
    size_t n_good, n_unclear;
} probed[] = {
    {"auth",
     GATE_V_AUTH,
     1,
     GATE_AUTH,
     MINUTE,
     15 * MINUTE,
     {GATE_V_OK, GATE_V_CREDITS},
     {GATE_V_FAILED, GATE_V_SLOW},
     2,
     2},
    {"credits",
     GATE_V_CREDITS,
     1,
     GATE_CREDITS,
     MINUTE,
     15 * MINUTE,
     {GATE_V_OK},
     {GATE_V_FAILED, GATE_V_SLOW, GATE_V_AUTH},
     1,
     3},
    {"breaker",
     GATE_V_FAILED,
     5,
     GATE_TRIPPED,
     1000,
     5 * MINUTE,
     {GATE_V_OK, GATE_V_AUTH, GATE_V_CREDITS, GATE_V_SLOW},
     {0},
     4,
     0},
};

/* Brings the pause about at @now, with the longest jitter. */
static void bring_about(struct gate *gate, const struct probed *p, int64_t now)
{
    for (unsigned i = 0; i < p->threshold; i++) {
        cr_assert_neq(gate_status(gate, now).state, p->state, "%s: too early", p->name);
        call(gate, GATE_SUBMIT, p->bad, now);
    }
    cr_assert_eq(gate_status(gate, now).state, p->state, "%s", p->name);
}

Test(gate, one_probe_after_each_wait_and_the_waits_double)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        const struct probed *p = &probed[i];
        cleanup_gate struct gate *gate = open_gate(8, 1000);
        size_t asks = p->state == GATE_CREDITS ? 8 : 0;
        int64_t now = T0, wait = p->first;

        bring_about(gate, p, now);
        for (int k = 0; k < 12; k++) {
            struct gate_pass probe;

            expect(gate, now, p->state, 0, asks, p->name);
            cr_expect_eq(gate_status(gate, now).resume_ms, now + wait, "%s", p->name);
            cr_expect_eq(gate_status(gate, now).submits_only, asks > 0, "%s", p->name);
            expect_wait(gate, GATE_SUBMIT, now, now + wait, p->name);
            now += wait;
            expect(gate, now, p->state, 1, asks > 0 ? asks : 1, "a probe is due");
            cr_expect_eq(gate_status(gate, now).resume_ms, 0, "%s", p->name);
            probe = gate_begin(gate, GATE_SUBMIT, now);
            expect(gate, now, p->state, 0, asks > 0 ? asks - 1 : 0, "the probe is under way");
            cr_expect_eq(gate_wait_ms(gate, GATE_SUBMIT, now), NONE, "%s", p->name);
            gate_end(gate, probe, p->bad, NONE, now, LONGEST);
            wait = wait * 2 < p->longest ? wait * 2 : p->longest;
        }
    }
}

Test(gate, the_waits_are_equal_jitter)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        const struct probed *p = &probed[i];
        cleanup_gate struct gate *gate = open_gate(8, 1000);

        for (unsigned k = 0; k < p->threshold; k++)
            gate_end(gate, gate_begin(gate, GATE_SUBMIT, T0), p->bad, NONE, T0, SHORTEST);
        expect_wait(gate, GATE_SUBMIT, T0, T0 + p->first / 2, p->name);
    }
}

/* Ends the first probe with each verdict of @verdicts; the gate @now after it. */
static struct gate *after_probe(const struct probed *p, enum gate_verdict verdict, int64_t *now)
{
    struct gate *gate = open_gate(8, 1000);

    bring_about(gate, p, T0);
    *now = T0 + p->first;
    gate_end(gate, gate_begin(gate, GATE_SUBMIT, *now), verdict, 1, *now, LONGEST);
    return gate;
}

Test(gate, a_proper_answer_to_the_probe_ends_the_pause)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++)
        for (size_t k = 0; k < probed[i].n_good; k++) {
            int64_t now;
            cleanup_gate struct gate *gate = after_probe(&probed[i], probed[i].good[k], &now);

            cr_expect_neq(gate_status(gate, now).state, probed[i].state, "%s: %zu", probed[i].name,
                          k);
            if (probed[i].good[k] != GATE_V_OK)
                continue;
            expect(gate, now, GATE_OK, 8, 8, probed[i].name);
            bring_about(gate, &probed[i], now);
            expect_wait(gate, GATE_SUBMIT, now, now + probed[i].first, "from the beginning");
        }
}

Test(gate, a_probe_that_tells_nothing_repeats_the_wait)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++)
        for (size_t k = 0; k < probed[i].n_unclear; k++) {
            int64_t now;
            cleanup_gate struct gate *gate = after_probe(&probed[i], probed[i].unclear[k], &now);

            expect_wait(gate, GATE_SUBMIT, now, now + probed[i].first, probed[i].name);
        }
}

Test(gate, an_abandoned_probe_is_due_again)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        int64_t now;
        cleanup_gate struct gate *gate = after_probe(&probed[i], GATE_V_ABANDONED, &now);

        cr_expect_eq(gate_status(gate, now).state, probed[i].state, "%s", probed[i].name);
        cr_expect_eq(gate_room(gate, GATE_SUBMIT, now), 1, "%s", probed[i].name);
        cr_expect_eq(gate_wait_ms(gate, GATE_SUBMIT, now), 0, "%s", probed[i].name);
    }
}

Test(gate, calls_under_way_neither_end_a_pause_nor_count_again)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        const struct probed *p = &probed[i];
        cleanup_gate struct gate *gate = open_gate(50, 1000);
        struct gate_pass old[20], probe;
        int64_t now = T0 + p->first;

        for (size_t k = 0; k < ARRAY_SIZE(old); k++)
            old[k] = gate_begin(gate, GATE_SUBMIT, T0);
        bring_about(gate, p, T0);
        gate_end(gate, old[0], GATE_V_OK, NONE, T0, LONGEST);
        gate_end(gate, old[1], p->bad, NONE, T0, LONGEST);
        cr_expect_eq(gate_status(gate, T0).state, p->state, "%s: ended", p->name);
        expect_wait(gate, GATE_SUBMIT, T0, now, p->name);

        probe = gate_begin(gate, GATE_SUBMIT, now);
        gate_end(gate, old[2], GATE_V_OK, NONE, now, LONGEST);
        gate_end(gate, old[3], p->bad, NONE, now, LONGEST);
        cr_expect_eq(gate_room(gate, GATE_SUBMIT, now), 0, "%s: the probe decides", p->name);
        cr_expect_eq(gate_status(gate, now).state, p->state, "%s: ended", p->name);
        gate_end(gate, probe, GATE_V_OK, NONE, now, LONGEST);
        for (size_t k = 4; k < ARRAY_SIZE(old); k++)
            gate_end(gate, old[k], p->bad, NONE, now, LONGEST);
        expect(gate, now, GATE_OK, 50, 50, "late news");
    }
}

Test(gate, any_kind_may_probe_for_key_and_breaker)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        const struct probed *p = &probed[i];
        cleanup_gate struct gate *gate = open_gate(8, 1000);

        bring_about(gate, p, T0);
        call(gate, GATE_ASK, GATE_V_OK, T0 + p->first);
        if (p->state == GATE_CREDITS)
            expect(gate, T0 + p->first, GATE_CREDITS, 1, 8, "asks say nothing about credits");
        else
            expect(gate, T0 + p->first, GATE_OK, 8, 8, p->name);
    }
}

Test(gate, answers_reset_the_row_of_failures)
{
    static const enum gate_verdict answers[] = {GATE_V_OK, GATE_V_AUTH, GATE_V_CREDITS,
                                                GATE_V_SLOW};

    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        cleanup_gate struct gate *gate = open_gate(8, 1000);
        int64_t later = T0 + 20 * MINUTE;

        for (int k = 0; k < 4; k++)
            call(gate, k % 2 ? GATE_ASK : GATE_SUBMIT, GATE_V_FAILED, T0);
        cr_expect_eq(gate_status(gate, T0).failures_in_a_row, 4);
        call(gate, GATE_ASK, answers[i], T0);
        cr_expect_eq(gate_status(gate, T0).failures_in_a_row, 0, "answer %zu", i);
        gate_configure(gate, &wide, later);
        for (int k = 0; k < 4; k++)
            call(gate, GATE_ASK, GATE_V_FAILED, later);
        call(gate, GATE_ASK, GATE_V_ABANDONED, later);
        expect(gate, later, GATE_OK, 100, 100, "four, and one that is nothing");
        call(gate, GATE_ASK, GATE_V_FAILED, later);
        expect(gate, later, GATE_TRIPPED, 0, 0, "five");
    }
}

Test(gate, a_reload_ends_the_pauses_for_key_and_credits_only)
{
    for (size_t i = 0; i < ARRAY_SIZE(probed); i++) {
        const struct probed *p = &probed[i];
        cleanup_gate struct gate *gate = open_gate(8, 1000);
        struct gate_pass old = gate_begin(gate, GATE_SUBMIT, T0), probe;
        int64_t now = T0 + p->first;

        bring_about(gate, p, T0);
        probe = gate_begin(gate, GATE_SUBMIT, now);
        gate_configure(gate, &wide, now);
        if (p->state == GATE_TRIPPED) {
            expect(gate, now, GATE_TRIPPED, 0, 0, p->name);
            continue;
        }
        expect(gate, now, GATE_OK, 98, 98, p->name);
        gate_end(gate, old, p->bad, NONE, now, LONGEST);
        gate_end(gate, probe, p->bad, NONE, now, LONGEST);
        expect(gate, now, GATE_OK, 100, 100, "said of the old key");
        call(gate, GATE_SUBMIT, p->bad, now);
        expect_wait(gate, GATE_SUBMIT, now, now + p->first, "from the beginning");
    }
}

Test(gate, one_call_probes_for_all_pauses_that_hold_it)
{
    cleanup_gate struct gate *gate = open_gate(8, 1000);
    struct gate_pass old = gate_begin(gate, GATE_ASK, T0);
    struct gate_status status;

    call(gate, GATE_SUBMIT, GATE_V_CREDITS, T0);
    gate_end(gate, old, GATE_V_AUTH, NONE, T0 + 10, LONGEST);
    status = gate_status(gate, T0 + 10);
    cr_expect_eq(status.state, GATE_AUTH, "the gravest");
    cr_expect(!status.submits_only, "asks are held, too");
    expect_wait(gate, GATE_SUBMIT, T0 + 10, T0 + MINUTE + 10, "the later of both");
    call(gate, GATE_SUBMIT, GATE_V_CREDITS, T0 + MINUTE + 10);
    expect(gate, T0 + MINUTE + 10, GATE_CREDITS, 0, 8, "the key is good, credits are not");
    expect_wait(gate, GATE_SUBMIT, T0 + MINUTE + 10, T0 + 3 * MINUTE + 10, "the second wait");
}

Test(gate, no_link_and_no_key_leave_no_room_and_pauses_go_on)
{
    cleanup_gate struct gate *gate = gate_new(&wide, T0);

    expect(gate, T0, GATE_NO_LINK, 0, 0, "at first");
    cr_expect_eq(gate_wait_ms(gate, GATE_ASK, T0), NONE);
    gate_link(gate, true, T0);
    expect(gate, T0, GATE_OK, 100, 100, "up");
    call(gate, GATE_ASK, GATE_V_AUTH, T0);
    gate_link(gate, false, T0);
    gate_key(gate, false, T0);
    expect(gate, T0 + 5 * MINUTE, GATE_NO_KEY, 0, 0, "the gravest of three");
    cr_expect_eq(gate_wait_ms(gate, GATE_ASK, T0), NONE);
    gate_key(gate, true, T0);
    expect(gate, T0, GATE_NO_LINK, 0, 0, "key there");
    cr_expect_eq(gate_status(gate, T0).resume_ms, 0);
    gate_link(gate, true, T0);
    expect(gate, T0, GATE_AUTH, 0, 0, "the pause goes on");
    expect_wait(gate, GATE_ASK, T0, T0 + MINUTE, "as long as before");
}

Test(gate, a_call_may_find_that_there_is_no_key)
{
    cleanup_gate struct gate *gate = open_gate(8, 1000);
    struct gate_pass old = gate_begin(gate, GATE_ASK, T0);

    call(gate, GATE_SUBMIT, GATE_V_NO_KEY, T0);
    expect(gate, T0, GATE_NO_KEY, 0, 0, "no key");
    gate_key(gate, true, T0);
    gate_end(gate, old, GATE_V_NO_KEY, NONE, T0, LONGEST);
    expect(gate, T0, GATE_OK, 8, 8, "what began before says nothing");
}

Test(gate, shut_for_long)
{
    cleanup_gate struct gate *gate = gate_new(&wide, T0);

    cr_expect(!gate_is_shut_for_long(gate, T0 + MINUTE), "no link for a minute");
    cr_expect(gate_is_shut_for_long(gate, T0 + MINUTE + 1), "no link for longer");
    gate_link(gate, true, T0 + MINUTE + 1);
    cr_expect(!gate_is_shut_for_long(gate, T0 + 9 * MINUTE), "open");
    gate_key(gate, false, T0 + 9 * MINUTE);
    cr_expect(gate_is_shut_for_long(gate, T0 + 9 * MINUTE), "no key");
    gate_key(gate, true, T0 + 9 * MINUTE);
    cr_expect(!gate_is_shut_for_long(gate, T0 + 9 * MINUTE), "the key is there");
    call(gate, GATE_SUBMIT, GATE_V_CREDITS, T0 + 9 * MINUTE);
    cr_expect(!gate_is_shut_for_long(gate, T0 + 20 * MINUTE), "asks go on without credits");
}

Test(gate, shut_for_long_by_one_thing_after_the_other)
{
    cleanup_gate struct gate *gate = open_gate(8, 1000);
    struct gate_pass pass = gate_begin(gate, GATE_ASK, T0);
    struct gate_pass late = gate_begin(gate, GATE_ASK, T0);

    gate_end(gate, pass, GATE_V_SLOW, 40000, T0, LONGEST);
    gate_link(gate, false, T0 + 30000);
    cr_expect(gate_is_shut_for_long(gate, T0 + MINUTE + 1), "slowed, then no link");
    gate_link(gate, true, T0 + MINUTE + 1);
    cr_expect(!gate_is_shut_for_long(gate, T0 + 5 * MINUTE), "open");
    gate_end(gate, late, GATE_V_SLOW, 40000, T0 + 5 * MINUTE, LONGEST);
    /* Slowness ends by time alone, so the wait for the link is a new one. */
    gate_link(gate, false, T0 + 6 * MINUTE);
    cr_expect(!gate_is_shut_for_long(gate, T0 + 7 * MINUTE), "no link for a minute");
    cr_expect(gate_is_shut_for_long(gate, T0 + 7 * MINUTE + 1), "no link for longer");
    gate_link(gate, true, T0 + 8 * MINUTE);
    call(gate, GATE_ASK, GATE_V_AUTH, T0 + 8 * MINUTE);
    gate_begin(gate, GATE_ASK, T0 + 9 * MINUTE);
    cr_expect(gate_is_shut_for_long(gate, T0 + 9 * MINUTE + 1), "a probe is no opening");
}

/* ---- random steps against a simple model ---- */

#define STEPS 10000

struct model {
    struct gate *gate;
    uint64_t seed;
    int64_t now;
    struct gate_limits limits;
    struct {
        struct gate_pass pass;
        int64_t begun;
    } open[GATE_CONCURRENCY_MAX];
    size_t n_open, n_seen;
    int64_t seen[STEPS * 4]; /* when the far side saw each call that ended */
};

static uint32_t draw(struct model *m)
{
    m->seed = m->seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(m->seed >> 32);
}

static int64_t below(struct model *m, int64_t n)
{
    return (int64_t)(draw(m) % (uint64_t)n);
}

static void begin_some(struct model *m)
{
    enum gate_call kind = draw(m) % 2 ? GATE_SUBMIT : GATE_ASK;
    int64_t n = 1 + below(m, 4);

    while (n-- > 0 && gate_room(m->gate, kind, m->now) > 0) {
        m->open[m->n_open].pass = gate_begin(m->gate, kind, m->now);
        m->open[m->n_open++].begun = m->now;
        cr_assert_leq((int64_t)m->n_open, m->limits.concurrency);
    }
}

/* Mostly good ends, so that the limits are what binds. */
static void end_one(struct model *m)
{
    size_t i = (size_t)below(m, (int64_t)m->n_open);
    enum gate_verdict verdict =
        draw(m) % 50 ? GATE_V_OK : (enum gate_verdict)below(m, GATE_V_ABANDONED + 1);
    int64_t retry_after = draw(m) % 2 ? NONE : below(m, 3000);

    m->seen[m->n_seen++] = m->open[i].begun + below(m, m->now - m->open[i].begun + 1);
    gate_end(m->gate, m->open[i].pass, verdict, retry_after, m->now, draw(m));
    m->open[i] = m->open[--m->n_open];
    if (verdict == GATE_V_NO_KEY)
        gate_key(m->gate, true, m->now);
}

/* The wait that is told is neither too short nor too long. */
static void check_wait(const struct model *m, enum gate_call kind)
{
    int64_t wait = gate_wait_ms(m->gate, kind, m->now);
    size_t room = gate_room(m->gate, kind, m->now);

    cr_assert_eq(wait == 0, room > 0);
    if (wait == NONE)
        cr_assert_eq(gate_room(m->gate, kind, m->now + 600 * MINUTE), 0);
    else if (wait > 0)
        cr_assert(gate_room(m->gate, kind, m->now + wait - 1) == 0 &&
                  gate_room(m->gate, kind, m->now + wait) > 0);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void replay(struct model *m, struct gate_limits most, bool reloads)
{
    m->limits = most;
    m->now = T0;
    for (int step = 0; step < STEPS; step++) {
        int64_t die = below(m, 1000);

        if (die < 350)
            m->now += below(m, die < 3 ? 10 * MINUTE : 60);
        else if (die < 700)
            begin_some(m);
        else if (die < 995 && m->n_open > 0)
            end_one(m);
        else if (die >= 995 && reloads) {
            m->limits =
                (struct gate_limits){1 + below(m, most.concurrency), 1 + below(m, most.rate)};
            gate_configure(m->gate, &m->limits, m->now);
        } else if (die >= 998) {
            gate_link(m->gate, die == 998, m->now);
            gate_link(m->gate, true, m->now);
        }
        cr_assert_eq(gate_status(m->gate, m->now).open, m->n_open);
        check_wait(m, GATE_SUBMIT);
        check_wait(m, GATE_ASK);
    }
}

Test(gate, far_side_never_sees_more_than_the_limits)
{
    static const struct {
        struct gate_limits most;
        bool reloads;
    } cases[] = {{{1, 1}, false},  {{4, 3}, false},   {{10, 20}, false},
                 {{100, 7}, true}, {{100, 40}, true}, {{5, 1000}, false}};
    static struct model m;

    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        cleanup_gate struct gate *gate = open_gate(cases[c].most.concurrency, cases[c].most.rate);
        size_t rate = (size_t)cases[c].most.rate, full = 0;

        m = (struct model){.gate = gate, .seed = 4711 + c};
        replay(&m, cases[c].most, cases[c].reloads);
        qsort(m.seen, m.n_seen, sizeof(*m.seen), compare);
        for (size_t i = 0; i + rate < m.n_seen; i++) {
            cr_assert_geq(m.seen[i + rate] - m.seen[i], 1000, "case %zu: call %zu", c, i);
            full += m.seen[i + rate] - m.seen[i] < 1500;
        }
        /* The replay came near the limit, so it would have been seen to be passed. */
        cr_expect(rate == 1000 || full > 0, "case %zu: %zu calls", c, m.n_seen);
    }
}
