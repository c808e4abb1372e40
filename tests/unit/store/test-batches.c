/* Batches that are sent in parts: whom Pronto refuses fails alone, and nobody is sent twice. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct house house;

static void setup(void)
{
    house_open(&house);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_batches, .init = setup, .fini = teardown);

/* Row i has {"row": i}; those of @bad (in order, ended by -1) are called Bad. */
static struct store_submit submit_rows(size_t n, const int *bad)
{
    struct contact contacts[LIMIT_BATCH];
    struct store_submit submit;

    for (size_t i = 0; i < n; i++) {
        bool is_bad = *bad >= 0 && (size_t)*bad == i;
        char custom[40];

        snprintf(custom, sizeof(custom), "{\"row\": %zu}", i);
        contacts[i] = house_contact("Ada", is_bad ? "Bad" : "Lovelace", custom);
        bad += is_bad;
    }
    submit = house_submit_array(&house, contacts, n, NULL);
    cr_assert_eq(submit.base.result, STORE_OK);
    return submit;
}

static bool has_bad(const struct submission_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (strcmp(json_get_string(job->contents[i], "lastname"), "Bad") == 0)
            return true;
    return false;
}

/* Pronto's side: refuses a call with a bad contact as a whole. Notes how often each was accepted. */
static int serve(int *accepted)
{
    struct submission_job *job;
    char id[24];
    int n = 0;

    for (; (job = house_claim(&house)); n++) {
        bool refused = has_bad(job);

        snprintf(id, sizeof(id), "e-%lld", (long long)job->call);
        cr_assert_eq(house_finish_call(&house, job->call,
                                       refused ? SUBMISSION_REFUSED : SUBMISSION_ACCEPTED,
                                       refused ? "422: lastname" : id),
                     STORE_OK);
        for (size_t i = 0; !refused && i < job->n; i++)
            accepted[job->requests[i]]++;
        submission_job_free(job);
        cr_assert_lt(n, 250, "it never ends");
    }
    return n;
}

static int64_t count_state(enum request_state state)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM request WHERE class / 3 = %d", (int)state);
    return house_count(&house, sql);
}

static int run_batch(size_t n, const int *bad)
{
    int accepted[LIMIT_BATCH + 1] = {0}, n_calls;
    struct store_submit submit = submit_rows(n, bad);
    size_t n_bad = 0;

    n_calls = serve(accepted);
    for (size_t i = 0; i < n; i++) {
        bool is_bad = bad[n_bad] >= 0 && (size_t)bad[n_bad] == i;

        cr_expect_eq(accepted[submit.keys[i]], !is_bad, "row %zu", i);
        n_bad += is_bad;
    }
    cr_expect_eq(count_state(REQUEST_FAILED), (int64_t)n_bad);
    cr_expect_eq(count_state(REQUEST_PENDING), (int64_t)(n - n_bad));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class / 3 = 1 AND error "
                                     "NOTNULL"),
                 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class / 3 = 3 AND error = "
                                     "'422: lastname'"),
                 (int64_t)n_bad);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission WHERE state < 2"), 0);
    return n_calls;
}

Test(store_batches, a_good_one_is_one_call)
{
    cr_expect_eq(run_batch(100, (const int[]){-1}), 1);
}

Test(store_batches, one_bad_contact_among_a_hundred_fails_alone)
{
    int worst = 0;

    for (int bad = 0; bad < 100; bad += 33) {
        int n = run_batch(100, (const int[]){bad, -1});

        worst = n > worst ? n : worst;
        teardown();
        setup();
    }
    cr_expect_leq(worst, 25, "%d calls", worst);
}

Test(store_batches, the_first_the_last_and_neighbours)
{
    run_batch(100, (const int[]){0, 50, 51, 99, -1});
}

Test(store_batches, all_bad)
{
    run_batch(10, (const int[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1});
}

Test(store_batches, a_refused_batch_is_halved_at_once)
{
    struct submission_job *job;

    submit_rows(7, (const int[]){-1});
    job = house_claim(&house);
    house.seen.submissions = false;
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no"), STORE_OK);
    cr_expect(house.seen.submissions);
    cr_expect_eq(count_state(REQUEST_QUEUED), 7);
    cr_expect_eq(house_count(&house, "SELECT tries FROM submission"), 0);
    submission_job_free(job);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 3);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "e-1"), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT part FROM submission"), 0, "6 take all 4");
    submission_job_free(job);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 4);
    submission_job_free(job);
}

Test(store_batches, parts_grow_again)
{
    static const size_t expected[] = {16, 8, 4, 8, 4};

    submit_rows(16, (const int[]){-1});
    for (size_t i = 0; i < 5; i++) {
        struct submission_job *job = house_claim(&house);

        cr_assert_not_null(job);
        cr_expect_eq(job->n, expected[i], "call %zu has %zu", i, job->n);
        cr_expect_eq(house_finish_call(&house, job->call,
                                       i < 2 ? SUBMISSION_REFUSED : SUBMISSION_ACCEPTED, "e"),
                     STORE_OK);
        submission_job_free(job);
    }
    cr_expect_eq(count_state(REQUEST_PENDING), 16);
}

/* The other one may have been the bad one. */
Test(store_batches, who_is_left_of_a_refused_batch_is_not_to_blame)
{
    struct store_submit submit = submit_rows(2, (const int[]){0, -1});
    struct submission_job *job = house_claim(&house);

    cr_expect_eq(house_erase(&house, submit.keys[0]), STORE_OK);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no"), STORE_OK);
    submission_job_free(job);
    cr_expect_eq(count_state(REQUEST_FAILED), 0);
    house_accept(&house, "e-1");
    cr_expect_eq(count_state(REQUEST_PENDING), 1);
}

Test(store_batches, one_call_has_equal_phone_country_codes)
{
    static const char *const codes[] = {"FR", "FR", "DE", "FR"};
    static const size_t expected[] = {2, 1, 1};
    struct contact contacts[4];
    struct submission_job *job;

    for (int i = 0; i < 4; i++) {
        struct json_object *list = json_object_new_array();

        contacts[i] = house_contact("Ada", "Lovelace", NULL);
        contacts[i].type = ENRICHMENT_PHONE;
        json_object_array_add(list, json_object_new_string(codes[i]));
        cr_assert_eq(json_add(contacts[i].content, "phone_country_codes", list), 0);
    }
    cr_assert_eq(house_submit_array(&house, contacts, 4, NULL).base.result, STORE_OK);
    for (int i = 0; i < 3; i++) {
        job = house_claim(&house);
        cr_assert_not_null(job);
        cr_expect_eq(job->n, expected[i], "call %d", i);
        cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "e-1"), STORE_OK);
        submission_job_free(job);
    }
    cr_expect_null(house_claim(&house));
    cr_expect_eq(count_state(REQUEST_PENDING), 4);
}

/* The first half is accepted, the second in a call. */
static struct submission_job *begin_second_half(void)
{
    struct submission_job *job;

    submit_rows(4, (const int[]){-1});
    job = house_claim(&house);
    cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no"), STORE_OK);
    submission_job_free(job);
    house_accept(&house, "e-1");
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_assert_eq(job->n, 2);
    return job;
}

Test(store_batches, a_crash_in_the_middle)
{
    struct submission_job *job = begin_second_half();
    struct house crashed;

    house_crash(&house, &crashed);
    cr_expect_eq(house_count(&crashed, "SELECT count(*) FROM request WHERE class / 3 = 1 AND error "
                                       "ISNULL AND id <= 2"),
                 2);
    cr_expect_eq(house_count(&crashed, "SELECT count(*) FROM request WHERE class / 3 = 0 AND error "
                                       "LIKE 'prontod ended%' AND id > 2"),
                 2);
    cr_expect_eq(house_count(&crashed, "SELECT unanswered FROM submission"), 1);
    cr_expect_null(house_claim(&crashed));
    cr_expect_eq(
        house_receive(&crashed, job->submission, "{\"id\": \"x\", \"custom\": {\"row\": 2}}").state,
        CALLBACK_MATCHED);
    submission_job_free(job);
    crashed.now += 5000;
    cr_expect_null(house_claim(&crashed)); /* one callback proves that Pronto has the others */
    cr_expect_eq(house_count(&crashed, "SELECT count(*) FROM request WHERE class / 3 = 1 AND "
                                       "enrichment_id = 'x' AND id = 4"),
                 1);
    house_check(&crashed);
    house_close(&crashed);
}

/* That the first half has an identifier says nothing of the second. */
Test(store_batches, an_early_callback_of_a_later_part)
{
    struct submission_job *job = begin_second_half();

    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-2\", \"custom\": {\"row\": 2}}").state,
        CALLBACK_MATCHED);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-2\", \"custom\": {\"row\": 0}}").state,
        CALLBACK_MISMATCHED);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "e-2"), STORE_OK);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-2\", \"custom\": {\"row\": 1}}").state,
        CALLBACK_MISMATCHED);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-1\", \"custom\": {\"row\": 3}}").state,
        CALLBACK_MISMATCHED);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-2\", \"custom\": {\"row\": 3}}").state,
        CALLBACK_MATCHED);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"e-1\", \"custom\": {\"row\": 1}}").state,
        CALLBACK_MATCHED);
    submission_job_free(job);
}

/* An early callback that is a signal only: the request has its identifier, and is queued still. */
Test(store_batches, whom_pronto_named_is_not_sent_again)
{
    static const enum submission_outcome outcomes[] = {SUBMISSION_AGAIN, SUBMISSION_MAYBE,
                                                       SUBMISSION_REFUSED};

    for (size_t i = 0; i < 3; i++) {
        struct submission_job *job;

        house_submit(&house, "Ada", "Lovelace", NULL);
        job = house_claim(&house);
        cr_assert_not_null(job);
        house_run(&house, "UPDATE request SET enrichment_id = 'early' WHERE class / 3 = 0");
        cr_expect_eq(house_finish_call(&house, job->call, outcomes[i], "no"), STORE_OK);
        submission_job_free(job);
        house.now += 100000;
        cr_expect_null(house_claim(&house));
        cr_expect_eq(count_state(REQUEST_PENDING), (int64_t)i + 1);
    }
}

Test(store_batches, nor_when_it_was_named_while_it_waited)
{
    struct submission_job *job;

    submit_rows(3, (const int[]){-1});
    job = house_claim(&house);
    cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_MAYBE, "time-out"), STORE_OK);
    submission_job_free(job);
    house_run(&house, "UPDATE request SET enrichment_id = 'early' WHERE id = 1");
    house.now += 1000;
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 2);
    cr_expect_eq(job->requests[0], 2);
    cr_expect_eq(count_state(REQUEST_PENDING), 1);
    submission_job_free(job);
}
