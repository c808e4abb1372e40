/* What submissions may cost is reserved before they are sent, and never more than daily_credits. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static struct house house;

static void configure(int64_t daily_credits, int64_t price)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE};

    house.settings.daily_credits = daily_credits;
    house.settings.credit_prices[ENRICHMENT_EMAIL] = price;
    house.settings.credit_prices[ENRICHMENT_PHONE] = 1;
    command.settings = house.settings;
    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

static void setup(void)
{
    house_open(&house);
    configure(10, 3);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_credits, .init = setup, .fini = teardown);

static void expect_credits(int64_t reserved, int64_t spent)
{
    struct store_counts counts;

    store_counts(house.store, &counts);
    cr_expect_eq(counts.credits_reserved, reserved, "%lld reserved, not %lld",
                 (long long)counts.credits_reserved, (long long)reserved);
    cr_expect_eq(counts.credits_spent, spent, "%lld spent, not %lld",
                 (long long)counts.credits_spent, (long long)spent);
}

static void submit_many(int n)
{
    for (int i = 0; i < n; i++)
        house_submit(&house, "Ada", "Lovelace", NULL);
}

static void submit_batch(size_t n)
{
    struct contact contacts[LIMIT_BATCH];

    for (size_t i = 0; i < n; i++)
        contacts[i] = house_contact("Ada", "Lovelace", NULL);
    cr_assert_eq(house_submit_array(&house, contacts, n, NULL).base.result, STORE_OK);
}

static void submit_phone(void)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);

    contact.type = ENRICHMENT_PHONE;
    cr_assert_eq(house_submit_array(&house, &contact, 1, NULL).base.result, STORE_OK);
}

/* Claims all that is due and ends it; how many contacts that were. */
static size_t run(enum submission_outcome outcome, const char *text)
{
    struct store_claim_submissions claim = house_claim_all(&house);
    size_t n = 0;

    for (size_t i = 0; i < claim.n; i++) {
        n += claim.jobs[i]->n;
        cr_assert_eq(house_finish_call(&house, claim.jobs[i]->call, outcome, text), STORE_OK);
    }
    house_drop_jobs(&claim);
    return n;
}

Test(store_credits, a_burst_stays_within_the_day)
{
    struct store_claim_submissions claim;

    submit_many(10);
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 3);
    cr_expect_eq(claim.no_credits, 1U << ENRICHMENT_EMAIL);
    cr_expect_eq(claim.next_due_at, 0);
    house_drop_jobs(&claim);
    expect_credits(9, 0);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 0);
    expect_credits(9, 0);
}

Test(store_credits, other_types_go_on)
{
    struct store_claim_submissions claim;

    configure(11, 3);
    submit_many(4);
    house.now += 100;
    submit_phone();
    house.now += 1000;
    submit_phone();
    house.now -= 1000;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 4);
    cr_expect_eq(claim.no_credits, 1U << ENRICHMENT_EMAIL);
    cr_expect_eq(claim.next_due_at, house.now + 1000);
    house_drop_jobs(&claim);
    expect_credits(10, 0);
    house.now += 1000;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 1);
    house_drop_jobs(&claim);
    submit_phone();
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 0);
    cr_expect_eq(claim.no_credits, 1U << ENRICHMENT_EMAIL | 1U << ENRICHMENT_PHONE);
    cr_expect_eq(claim.next_due_at, 0);
}

Test(store_credits, nobody_who_is_not_due_waits_for_credits)
{
    struct store_claim_submissions claim;

    submit_many(3);
    run(SUBMISSION_ACCEPTED, "e");
    house.now += 1000;
    submit_many(1);
    house.now -= 1000;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.no_credits, 0);
    cr_expect_eq(claim.next_due_at, 0);
}

Test(store_credits, no_price_always_fits)
{
    configure(2, 0);
    submit_many(5);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 5);
    expect_credits(0, 0);
}

Test(store_credits, without_a_limit_it_is_counted)
{
    configure(0, 3);
    submit_many(5);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 5);
    expect_credits(15, 0);
}

Test(store_credits, a_batch_is_cut_to_what_fits)
{
    submit_batch(8);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 3);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 0);
    expect_credits(9, 0);
    house.now += DAY_MS;
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 3);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 0);
    house.now += DAY_MS;
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 2);
    expect_credits(6, 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class / 3 = 1"), 8);
    cr_expect_eq(house_count(&house, "SELECT max(reserved) FROM credit_day"), 9);
}

Test(store_credits, a_group_is_no_larger_than_what_fits)
{
    struct submission_job *job;

    house.settings.batch = 100;
    configure(10, 3);
    for (int i = 0; i < 5; i++) {
        char last[16];

        snprintf(last, sizeof(last), "L%d", i);
        house_submit(&house, "Ada", last, NULL);
    }
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 3);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission WHERE bulk = 0"), 2);
    submission_job_free(job);
    cr_expect_null(house_claim(&house));
}

/* The day is that of UTC. */
Test(store_credits, midnight)
{
    house.now = (house.now / DAY_MS + 1) * DAY_MS - 1;
    submit_many(4);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 3);
    house.now++;
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 1);
    expect_credits(3, 0);
    cr_expect_eq(house_count(&house, "SELECT sum(reserved) FROM credit_day"), 12);
}

Test(store_credits, what_pronto_did_not_take_is_released)
{
    static const enum submission_outcome outcomes[] = {SUBMISSION_AGAIN, SUBMISSION_AUTH,
                                                       SUBMISSION_CREDITS, SUBMISSION_REFUSED};

    submit_many(3);
    for (size_t i = 0; i < 4; i++) {
        struct store_claim_submissions claim = house_claim_all(&house);

        cr_expect_eq(claim.n, 3);
        expect_credits(9, 0);
        house.seen.submissions = false;
        for (size_t j = 0; j < claim.n; j++)
            house_finish_call(&house, claim.jobs[j]->call, outcomes[i], "no");
        cr_expect(house.seen.submissions);
        house_drop_jobs(&claim);
        expect_credits(0, 0);
        cr_expect_eq(house_count(&house, "SELECT sum(credits) FROM request"), 0);
        house.now += 1000;
    }
}

Test(store_credits, a_batch_that_is_split_is_reserved_once)
{
    submit_batch(3);
    cr_expect_eq(run(SUBMISSION_REFUSED, "no"), 3);
    expect_credits(0, 0);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 1);
    expect_credits(3, 0);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 2);
    expect_credits(9, 0);
}

/* Accepts one, and its callback comes on @days later. */
static void run_to_the_end(const char *members, int days)
{
    char body[80];
    store_key submission;

    submit_many(1);
    submission = house_accept(&house, "e-1");
    house.now += days * DAY_MS;
    house.seen.submissions = false;
    snprintf(body, sizeof(body), "{\"id\": \"e-1\"%s}", members);
    cr_expect_eq(house_receive(&house, submission, body).state, CALLBACK_MATCHED);
}

Test(store_credits, what_is_found_is_spent)
{
    run_to_the_end(", \"email\": \"ada@example.com\"", 0);
    expect_credits(0, 3);
    submit_many(3);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 2);
    expect_credits(6, 3);
}

Test(store_credits, what_is_not_found_is_free)
{
    run_to_the_end("", 0);
    expect_credits(0, 0);
    cr_expect(house.seen.submissions, "who waits for credits is looked at again");
}

Test(store_credits, a_result_counts_on_the_day_of_its_call)
{
    run_to_the_end(", \"email\": \"ada@example.com\"", 2);
    expect_credits(0, 3);
    submit_many(1);
    run(SUBMISSION_ACCEPTED, "e");
    expect_credits(3, 0);
    cr_expect_eq(house_count(&house, "SELECT spent FROM credit_day ORDER BY day"), 3);
}

Test(store_credits, an_early_callback_settles_before_the_call_ends)
{
    struct submission_job *job;

    submit_many(1);
    job = house_claim(&house);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e\", \"email\": \"a@b.c\"}").state,
        CALLBACK_MATCHED);
    expect_credits(0, 3);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_AGAIN, "no"), STORE_OK);
    expect_credits(0, 3);
    submission_job_free(job);
}

Test(store_credits, maybe_stays_reserved_and_sending_again_costs_again)
{
    submit_many(1);
    cr_expect_eq(run(SUBMISSION_MAYBE, "time-out"), 1);
    expect_credits(3, 0);
    house.now += 1000;
    cr_expect_eq(run(SUBMISSION_MAYBE, "time-out"), 1);
    expect_credits(6, 0);
    house.now += DAY_MS;
    cr_expect_eq(run(SUBMISSION_AGAIN, "no"), 1);
    expect_credits(6, 0);
    cr_expect_eq(house_count(&house, "SELECT sum(reserved) FROM credit_day"), 6,
                 "the first day's came along");
    house.now += 1000;
    house_accept(&house, "e");
    expect_credits(9, 0);
    cr_expect_eq(house_receive(&house, 1, "{\"id\": \"e\", \"email\": \"a@b.c\"}").state,
                 CALLBACK_MATCHED);
    expect_credits(0, 9);
}

/* More days than are in memory change in one transaction. */
Test(store_credits, many_days_at_once)
{
    int64_t later = house.now + 11 * DAY_MS;
    struct store_claim_submissions claim;

    configure(0, 3);
    for (int i = 0; i < 10; i++) {
        struct submission_job *job;
        struct store_finish_call finish = {.base.kind = STORE_FINISH_CALL,
                                           .outcome = SUBMISSION_MAYBE,
                                           .error = "time-out",
                                           .next_at = later,
                                           .now = house.now};

        submit_many(1);
        job = house_claim(&house);
        cr_assert_not_null(job);
        finish.call = job->call;
        cr_assert_eq(house_do(&house, &finish), STORE_OK);
        submission_job_free(job);
        house.now += DAY_MS;
    }
    house.now = later;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 10);
    house_drop_jobs(&claim);
    expect_credits(60, 0);
    cr_expect_eq(house_count(&house, "SELECT sum(reserved) FROM credit_day"), 60);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM credit_day"), 11);
}

/* It must not wait for a day on which all of it fits: there may be none. */
Test(store_credits, what_does_not_fit_stays_in_its_day)
{
    configure(5, 3);
    submit_many(1);
    cr_expect_eq(run(SUBMISSION_MAYBE, "time-out"), 1);
    house.now += DAY_MS;
    cr_expect_eq(run(SUBMISSION_MAYBE, "time-out"), 1);
    expect_credits(3, 0);
    cr_expect_eq(house_count(&house, "SELECT sum(reserved) FROM credit_day"), 6);
    cr_expect_eq(house_count(&house, "SELECT credits FROM request"), 3);
}

Test(store_credits, a_refusal_after_a_maybe_ends_all_of_it)
{
    submit_many(1);
    run(SUBMISSION_MAYBE, "time-out");
    house.now += 1000;
    run(SUBMISSION_REFUSED, "no");
    expect_credits(0, 0);
    submit_many(1);
    run(SUBMISSION_ACCEPTED, "e-2");
    cr_expect_eq(house_receive(&house, 1, "{\"id\": \"e\", \"email\": \"a@b.c\"}").state,
                 CALLBACK_MATCHED);
    expect_credits(3, 3);
}

Test(store_credits, an_erased_request_leaves_its_reservation)
{
    submit_many(1);
    house_accept(&house, "e");
    cr_expect_eq(house_erase(&house, 1), STORE_OK);
    expect_credits(3, 0);
}

Test(store_credits, a_crash_and_a_start_keep_them)
{
    struct submission_job *job;
    struct house crashed, first;

    submit_many(4);
    house_accept(&house, "e");
    job = house_claim(&house);
    house_crash(&house, &crashed);
    first = house;
    house = crashed;
    expect_credits(6, 0);
    house.now += 5000;
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 1);
    expect_credits(9, 0);
    house_check(&house);
    house_close(&house);
    house = first;
    submission_job_free(job);
}

static void count_done(struct store_command *command)
{
    sem_post(command->userdata);
}

/* The writer waits here while a group gathers. */
static sem_t entered, leave;

static void hold(struct store_command *command)
{
    (void)command;
    sem_post(&entered);
    sem_wait(&leave);
}

Test(store_credits, a_rollback_takes_them_back)
{
    struct store_retry holding = {.base = {.kind = STORE_RETRY, .done = hold}, .delivery = 999};
    sem_t done;
    struct store_claim_submissions claim = {
        .base = {.kind = STORE_CLAIM_SUBMISSIONS, .done = count_done, .userdata = &done},
        .max = STORE_CLAIM_MAX,
        .now = house.now};
    struct store_finish_attempt bad = {
        .base = {.kind = STORE_FINISH_ATTEMPT, .done = count_done, .userdata = &done},
        .outcome = (enum attempt_outcome)99,
        .now = house.now};

    submit_many(5);
    house_receive(&house, 0, "{\"id\": \"x\"}");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &bad.delivery), 1);
    sem_init(&done, 0, 0);
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    cr_assert_eq(store_post(house.store, &holding.base), STORE_OK);
    sem_wait(&entered);
    cr_assert_eq(store_post(house.store, &claim.base), STORE_OK);
    cr_assert_eq(store_post(house.store, &bad.base), STORE_OK);
    sem_post(&leave);
    sem_wait(&done);
    sem_wait(&done);
    cr_expect_eq(bad.base.result, STORE_E_UNAVAILABLE);
    cr_expect_eq(claim.base.result, STORE_OK);
    cr_expect_eq(claim.n, 3);
    expect_credits(9, 0);
    house_drop_jobs(&claim);
}

Test(store_credits, old_days_go_and_many_are_counted_right)
{
    struct store_counts counts;

    for (int i = 0; i < 60; i++) {
        submit_many(1);
        cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 1);
        house.now += DAY_MS;
    }
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM credit_day"), 41);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM credit_day WHERE reserved <> 3"), 0);
    /* One that is kept, though not in memory; and one that is gone. */
    for (int key = 1; key <= 31; key += 30)
        cr_expect_eq(house_receive(&house, key, "{\"id\": \"e\", \"email\": \"a@b.c\"}").state,
                     CALLBACK_MATCHED);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM credit_day WHERE spent = 3"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM credit_day"), 41);
    store_counts(house.store, &counts);
    cr_expect_eq(counts.credit_day, house.now / DAY_MS - 1);
}

Test(store_credits, a_wrong_clock_is_forgotten)
{
    struct store_counts counts;
    int64_t year = 365 * DAY_MS;

    house.now += 20 * year;
    submit_many(1);
    run(SUBMISSION_ACCEPTED, "e");
    house.now -= 20 * year;
    submit_many(5);
    cr_expect_eq(run(SUBMISSION_ACCEPTED, "e"), 3);
    store_counts(house.store, &counts);
    cr_expect_eq(counts.credit_day, house.now / DAY_MS);
    expect_credits(9, 0);
}
