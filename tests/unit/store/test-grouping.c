/* Single requests that are sent together: [pronto] batch and batch_delay. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct house house;

static void configure(int64_t batch, int64_t delay_ms)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE};

    house.settings.batch = batch;
    house.settings.batch_delay_ms = delay_ms;
    command.settings = house.settings;
    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

static void setup(void)
{
    house_open(&house);
    configure(3, 200);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_grouping, .init = setup, .fini = teardown);

static store_key submit_row(int row)
{
    char custom[32];

    snprintf(custom, sizeof(custom), "{\"row\": %d}", row);
    return house_submit(&house, "Ada", "Lovelace", custom);
}

static store_key submit_contact(struct contact contact)
{
    struct store_submit submit = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = house.now};

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    contact_done(&contact);
    return submit.keys[0];
}

Test(store_grouping, the_first_waits_for_company)
{
    struct store_claim_submissions claim;
    int64_t first = house.now;

    submit_row(1);
    house.now += 50;
    submit_row(2);
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 0);
    cr_expect_eq(claim.next_due_at, first + 200);
    house.now = first + 200;
    claim = house_claim_all(&house);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.jobs[0]->n, 2);
    cr_expect_eq(claim.jobs[0]->requests[0], 1);
    cr_expect_eq(claim.jobs[0]->requests[1], 2);
    cr_expect_eq(claim.next_due_at, 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission WHERE bulk = 1"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission"), 1);
    house_drop_jobs(&claim);
}

Test(store_grouping, a_full_batch_does_not_wait)
{
    struct store_claim_submissions claim;

    for (int i = 0; i < 5; i++)
        submit_row(i);
    claim = house_claim_all(&house);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.jobs[0]->n, 3);
    cr_expect_eq(claim.jobs[0]->requests[2], 3);
    cr_expect_eq(claim.next_due_at, house.now + 200);
    house_drop_jobs(&claim);
    submit_row(5);
    claim = house_claim_all(&house);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.jobs[0]->requests[0], 4);
    cr_expect_eq(claim.next_due_at, 0);
    house_drop_jobs(&claim);
}

Test(store_grouping, a_claim_that_takes_one_says_that_more_are_due)
{
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 1, .now = house.now};

    for (int i = 0; i < 6; i++)
        submit_row(i);
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.next_due_at, house.now);
    house_drop_jobs(&claim);
}

Test(store_grouping, without_a_delay_it_takes_who_is_there)
{
    struct submission_job *job;

    configure(3, 0);
    submit_row(1);
    submit_row(2);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 2);
    submission_job_free(job);
}

Test(store_grouping, off)
{
    struct store_claim_submissions claim;

    configure(1, 200);
    submit_row(1);
    submit_row(2);
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 2);
    house_drop_jobs(&claim);
}

Test(store_grouping, types_do_not_mix)
{
    struct store_claim_submissions claim;

    for (int i = 0; i < 3; i++) {
        struct contact contact = house_contact("Ada", "Lovelace", NULL);

        contact.type = (enum enrichment_type)i;
        submit_contact(contact);
    }
    cr_expect_null(house_claim(&house));
    house.now += 200;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 3);
    house_drop_jobs(&claim);
}

Test(store_grouping, nor_do_phone_country_codes)
{
    static const char *const codes[] = {"FR", "DE", "FR"};
    struct store_claim_submissions claim;

    for (int i = 0; i < 3; i++) {
        struct contact contact = house_contact("Ada", codes[i], NULL);
        struct json_object *list = json_object_new_array();

        json_object_array_add(list, json_object_new_string(codes[i]));
        cr_assert_eq(json_add(contact.content, "phone_country_codes", list), 0);
        cr_assert_eq(json_add_string(contact.content, "company_name", i < 2 ? "One" : "Two"), 0);
        cr_assert_eq(json_add_string(contact.content, "firstname", i < 2 ? "Ada" : "Bea"), 0);
        submit_contact(contact);
    }
    house.now += 200;
    claim = house_claim_all(&house);
    cr_assert_eq(claim.n, 2);
    cr_expect_eq(claim.jobs[0]->n, 2);
    cr_expect_eq(claim.jobs[0]->requests[1], 3);
    cr_expect_eq(claim.jobs[1]->n, 1);
    house_drop_jobs(&claim);
}

/* How many calls the two make. */
static size_t calls_of(struct contact first, struct contact second)
{
    struct store_claim_submissions claim;
    size_t n;

    submit_contact(first);
    submit_contact(second);
    house.now += 200;
    claim = house_claim_all(&house);
    n = claim.n;
    house_drop_jobs(&claim);
    return n;
}

Test(store_grouping, only_who_can_be_told_apart)
{
    cr_expect_eq(calls_of(house_contact("A", "L", NULL), house_contact("A", "L", NULL)), 2);
    cr_expect_eq(calls_of(house_contact("A", "L", "{}"), house_contact("B", "L", NULL)), 1);
    cr_expect_eq(
        calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "L", "{\"r\":1}")), 2);
    cr_expect_eq(
        calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "M", "{\"r\":1}")), 1);
    cr_expect_eq(
        calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "L", "{\"r\":2}")), 1);
    cr_expect_eq(calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "L", NULL)), 2,
                 "a callback without custom is looked for by name");
    cr_expect_eq(calls_of(house_contact("A", "L", NULL), house_contact("A", "L", "{\"r\":1}")), 2);
    cr_expect_eq(
        calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "L", "{\"r\":\"1\"}")),
        1);
    house.settings.custom_lenient = true;
    configure(3, 200);
    cr_expect_eq(
        calls_of(house_contact("A", "L", "{\"r\":1}"), house_contact("A", "L", "{\"r\":\"1\"}")),
        2);
}

Test(store_grouping, a_pair_that_cannot_be_told_apart_is_not_held_back)
{
    struct store_claim_submissions claim;

    for (int i = 0; i < 3; i++)
        house_submit(&house, "Ada", "Lovelace", NULL);
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 1);
    cr_expect_eq(claim.next_due_at, house.now + 200);
    house_drop_jobs(&claim);
    house.now += 200;
    claim = house_claim_all(&house);
    cr_expect_eq(claim.n, 2);
    cr_expect_eq(claim.next_due_at, 0);
    house_drop_jobs(&claim);
}

/* Its token may be known to Pronto. */
Test(store_grouping, who_was_sent_before_joins_nobody)
{
    static const struct {
        enum submission_outcome outcome;
        bool counts;
    } ends[] = {{SUBMISSION_AGAIN, true}, {SUBMISSION_MAYBE, true}, {SUBMISSION_AUTH, false}};

    for (size_t i = 0; i < 3; i++) {
        struct store_claim_submissions claim;
        struct submission_job *job;
        struct store_finish_call finish = {.base.kind = STORE_FINISH_CALL,
                                           .outcome = ends[i].outcome,
                                           .error = "no",
                                           .counts = ends[i].counts};

        submit_row(1);
        house.now += 200;
        job = house_claim(&house);
        cr_assert_not_null(job);
        finish.call = job->call;
        finish.now = house.now;
        finish.next_at = house.now + 400;
        cr_assert_eq(house_do(&house, &finish), STORE_OK);
        submission_job_free(job);
        submit_row(2);
        house.now += 200;
        claim = house_claim_all(&house);
        cr_assert_eq(claim.n, 1);
        cr_expect_eq(claim.jobs[0]->n, 1);
        house_drop_jobs(&claim);
        house.now += 100;
        submit_row(3);
        house.now += 100;
        claim = house_claim_all(&house);
        cr_assert_eq(claim.n, 1);
        cr_expect_eq(claim.jobs[0]->n, 1);
        house_drop_jobs(&claim);
        house.now += 100;
        claim = house_claim_all(&house);
        cr_expect_eq(claim.n, 1);
        house_drop_jobs(&claim);
    }
}

Test(store_grouping, callbacks_find_theirs)
{
    store_key keys[3], submission;

    for (int i = 0; i < 3; i++)
        keys[i] = submit_row(i);
    submission = house_accept(&house, "e-1");
    for (int i = 2; i >= 0; i--) {
        struct received received;
        char body[64];

        snprintf(body, sizeof(body), "{\"id\": \"e-1\", \"custom\": {\"row\": %d}}", i);
        received = house_receive(&house, submission, body);
        cr_expect_eq(received.state, CALLBACK_MATCHED);
        cr_expect_eq(received.request, keys[i]);
    }
}

Test(store_grouping, a_member_is_erased)
{
    store_key keys[3];
    struct submission_job *job;

    for (int i = 0; i < 3; i++)
        keys[i] = submit_row(i);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(house_erase(&house, keys[0]), STORE_OK);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_AGAIN, "no"), STORE_OK);
    submission_job_free(job);
    house.now += 1000;
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 2);
    cr_expect_eq(house_erase(&house, keys[1]), STORE_OK);
    cr_expect_eq(house_erase(&house, keys[2]), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission"), 0);
    submission_job_free(job);
}

Test(store_grouping, a_group_that_is_refused_is_split)
{
    struct submission_job *job;

    for (int i = 0; i < 3; i++)
        submit_row(i);
    for (int i = 0; i < 2; i++) {
        job = house_claim(&house);
        cr_assert_not_null(job);
        cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no"), STORE_OK);
        submission_job_free(job);
    }
    cr_expect_eq(house_count(&house, "SELECT group_concat(class / 3) = '3,0,0' FROM (SELECT class "
                                     "FROM request ORDER BY id)"),
                 1);
    house_accept(&house, "e-2");
    house_accept(&house, "e-3");
    cr_expect_eq(house_count(&house, "SELECT group_concat(class / 3) = '3,1,1' FROM (SELECT class "
                                     "FROM request ORDER BY id)"),
                 1);
}
