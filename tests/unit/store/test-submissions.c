#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

TestSuite(store_submissions, .init = setup, .fini = teardown);

static struct store_submit submit_once(char key, char body)
{
    struct contact contact = house_contact("Ada", "Lovelace", "{\"row\": 1, \"tag\": \"x\"}");
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = &contact,
                                  .n_contacts = 1,
                                  .has_idempotency = true,
                                  .idempotency.key.bytes = {(uint8_t)key},
                                  .idempotency.body.bytes = {(uint8_t)body},
                                  .now = house.now};

    submit.base.result = house_do(&house, &submit);
    contact_done(&contact);
    return submit;
}

Test(store_submissions, one_is_stored_whole)
{
    char id[UUID_TEXT_SIZE];
    store_key key = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1, \"tag\": \"x\"}"), back;

    cr_expect_eq(house_count(&house, "SELECT count(*) FROM custom_member"), 2);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission WHERE length(token) = 32 AND "
                                     "token_digest IS NULL AND bulk = 0"),
                 1);
    cr_expect_eq(house_count(&house, "SELECT next_at FROM submission"), house.now);
    cr_expect_eq(house_count(&house, "SELECT json -> '$.custom.row' FROM content"), 1);
    cr_expect(house.seen.submissions && house.seen.events);
    store_id(house.store, STORE_KIND_REQUEST, key, id);
    cr_expect_eq(store_key_of(house.store, STORE_KIND_REQUEST, id, &back), 0);
    cr_expect_eq(back, key);
    cr_expect_lt(store_key_of(house.store, STORE_KIND_CALLBACK, id, &back), 0);
    cr_expect_lt(store_key_of(house.store, STORE_KIND_REQUEST, "e-1", &back), 0);
}

Test(store_submissions, an_idempotency_key_names_one_thing)
{
    struct store_submit first = submit_once('a', '1'), again = submit_once('a', '1');

    cr_expect_eq(first.base.result, STORE_OK);
    cr_expect(!first.existing && again.existing);
    cr_expect_eq(again.base.result, STORE_OK);
    cr_expect_eq(again.n_keys, 1);
    cr_expect_eq(again.keys[0], first.keys[0]);
    cr_expect_eq(submit_once('a', '2').base.result, STORE_E_CONFLICT);
    cr_expect_eq(submit_once('b', '2').base.result, STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 2);
    cr_expect_eq(house_erase(&house, first.keys[0]), STORE_OK);
    cr_expect(!submit_once('a', '2').existing);
}

/* Contact i is of row rows[i], and has the key of that row; its body is bodies[i]. */
static struct store_submit submit_each(const char *rows, const char *bodies)
{
    struct idempotency each[LIMIT_BATCH];
    struct contact contacts[LIMIT_BATCH];
    size_t n = strlen(rows);

    for (size_t i = 0; i < n; i++) {
        each[i] = (struct idempotency){.key.bytes = {(uint8_t)rows[i]},
                                       .body.bytes = {(uint8_t)bodies[i]}};
        contacts[i] = house_contact("Ada", "Lovelace", NULL);
    }
    return house_submit_array(&house, contacts, n, each);
}

Test(store_submissions, each_contact_has_a_key_of_its_own)
{
    struct store_submit first = submit_each("ab", "11"), second, third;

    cr_expect(!first.existing);
    second = submit_each("bcad", "1111");
    cr_assert_eq(second.base.result, STORE_OK);
    cr_expect(!second.existing);
    cr_assert_eq(second.n_keys, 4);
    cr_expect_eq(second.keys[0], first.keys[1]);
    cr_expect_eq(second.keys[2], first.keys[0]);
    cr_expect_eq(second.keys[1], 3);
    cr_expect_eq(second.keys[3], 4);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission WHERE bulk = 1"), 2);
    third = submit_each("dcba", "1111");
    cr_expect(third.existing);
    cr_expect_eq(third.n_keys, 4);
    cr_expect_eq(third.keys[0], 4);
    cr_expect_eq(third.keys[3], 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 4);
    cr_expect_eq(submit_each("abe", "111").keys[2], 5);
    cr_expect_eq(house_count(&house, "SELECT bulk FROM submission WHERE id = 3"), 0);
}

Test(store_submissions, a_conflict_of_one_writes_nothing)
{
    cr_expect_eq(submit_each("a", "1").base.result, STORE_OK);
    cr_expect_eq(submit_each("bca", "112").base.result, STORE_E_CONFLICT);
    cr_expect_eq(submit_each("bb", "12").base.result, STORE_E_CONFLICT);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM submission"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM idempotency"), 1);
}

Test(store_submissions, equal_keys_of_one_array_are_one_request)
{
    struct store_submit submit = submit_each("aba", "111");

    cr_assert_eq(submit.base.result, STORE_OK);
    cr_expect_eq(submit.n_keys, 3);
    cr_expect_eq(submit.keys[0], submit.keys[2]);
    cr_expect_neq(submit.keys[0], submit.keys[1]);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 2);
    submit = submit_each("cc", "11");
    cr_expect_eq(submit.keys[0], submit.keys[1]);
    cr_expect_eq(house_count(&house, "SELECT bulk FROM submission WHERE id = 2"), 0);
}

Test(store_submissions, a_key_goes_with_the_last_of_its_requests)
{
    struct contact contacts[] = {house_contact("Ada", "Lovelace", NULL),
                                 house_contact("Bea", "Lovelace", NULL),
                                 house_contact("Cleo", "Lovelace", NULL)};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 3,
                                  .array = true,
                                  .has_idempotency = true,
                                  .now = house.now};

    submit_each("x", "1");
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    submit_each("y", "1");
    cr_expect_eq(house_erase(&house, submit.keys[0]), STORE_OK);
    cr_expect_eq(house_erase(&house, submit.keys[2]), STORE_OK);
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    cr_expect(submit.existing);
    cr_assert_eq(submit.n_keys, 1);
    cr_expect_eq(submit.keys[0], 3);
    cr_expect_eq(house_erase(&house, submit.keys[0]), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM idempotency"), 2);
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    cr_expect(!submit.existing);
    cr_expect_eq(submit.n_keys, 3);
    for (size_t i = 0; i < 3; i++)
        contact_done(&contacts[i]);
}

Test(store_submissions, a_call_is_on_disk_before_it_is_sent)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", NULL);
    struct submission_job *job = house_claim(&house);

    cr_assert_not_null(job);
    cr_expect_eq(job->n, 1);
    cr_expect_eq(job->requests[0], request);
    cr_expect_eq(job->type, ENRICHMENT_EMAIL);
    cr_expect_eq(job->n, 1);
    cr_expect_eq(job->tries, 0);
    cr_expect_str_eq(json_get_string(job->contents[0], "firstname"), "Ada");
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM call WHERE outcome ISNULL"), 1);
    cr_expect_eq(house_count(&house, "SELECT state FROM submission"), 1);
    cr_expect_null(house_claim(&house));
    submission_job_free(job);
    submission_job_free(NULL);
}

Test(store_submissions, a_claim_takes_the_longest_due_and_tells_the_next)
{
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 2, .now = house.now + 10};
    int64_t now = house.now;

    for (int i = 0; i < 4; i++) {
        house.now = now + 10 - i;
        house_submit(&house, "Ada", "Lovelace", NULL);
    }
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_assert_eq(claim.n, 2);
    cr_expect_eq(claim.jobs[0]->requests[0], 4);
    cr_expect_eq(claim.jobs[1]->requests[0], 3);
    cr_expect_eq(claim.next_due_at, now + 9);
    submission_job_free(claim.jobs[0]);
    submission_job_free(claim.jobs[1]);
}

Test(store_submissions, what_does_not_succeed_is_sent_again)
{
    static const enum submission_outcome outcomes[] = {SUBMISSION_AGAIN, SUBMISSION_AUTH,
                                                       SUBMISSION_CREDITS, SUBMISSION_MAYBE};

    house_submit(&house, "Ada", "Lovelace", NULL);
    for (size_t i = 0; i < 4; i++) {
        struct submission_job *job = house_claim(&house);
        struct store_finish_call finish = {.base.kind = STORE_FINISH_CALL,
                                           .outcome = outcomes[i],
                                           .error = "not now",
                                           .counts = i % 2 == 0,
                                           .next_at = house.now + 100,
                                           .now = house.now};

        cr_assert_not_null(job);
        cr_expect_eq(job->tries, (int64_t)(i + 1) / 2);
        finish.call = job->call;
        cr_expect_eq(house_do(&house, &finish), STORE_OK);
        cr_expect_eq(house_do(&house, &finish), STORE_E_STATE);
        cr_expect_eq(house_count(&house, "SELECT error = 'not now' FROM request"), 1);
        cr_expect_null(house_claim(&house));
        house.now += 100;
        submission_job_free(job);
    }
    cr_expect_eq(house_count(&house, "SELECT unanswered FROM submission"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM call"), 1,
                 "calls that were certainly refused are forgotten");
}

Test(store_submissions, accepted)
{
    house_submit(&house, "Ada", "Lovelace", NULL);
    house_accept(&house, "e-1");
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_PENDING * 3);
    cr_expect_eq(house_count(&house, "SELECT enrichment_id = 'e-1' FROM request"), 1);
    cr_expect_eq(house_count(&house, "SELECT submitted_at FROM request"), house.now);
    cr_expect_eq(house_count(&house, "SELECT state = 2 AND next_at ISNULL FROM submission"), 1);
    cr_expect_eq(house_finish_call(&house, 99, SUBMISSION_ACCEPTED, "e-1"), STORE_E_NOT_FOUND);
}

/* Pronto takes a batch whole or not at all. */
Test(store_submissions, one_callback_of_an_unanswered_batch_proves_that_pronto_has_it)
{
    struct contact contacts[] = {house_contact("Ada", "Lovelace", "{\"row\": 1}"),
                                 house_contact("Bea", "Lovelace", "{\"row\": 2}"),
                                 house_contact("Cleo", "Lovelace", "{\"row\": 3}")};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 3,
                                  .array = true,
                                  .now = house.now};
    struct submission_job *job;

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    job = house_claim(&house);
    cr_expect_gt(job->n, 1);
    cr_expect_eq(job->n, 3);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_MAYBE, "time-out"), STORE_OK);
    cr_expect_eq(
        house_receive(&house, job->submission, "{\"id\": \"b\", \"custom\": {\"row\": 2}}").state,
        CALLBACK_MATCHED);
    house.now += 1000;
    cr_expect_null(house_claim(&house));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class / 3 = 1 AND "
                                     "enrichment_id = 'b'"),
                 2);
    submission_job_free(job);
    for (size_t i = 0; i < 3; i++)
        contact_done(&contacts[i]);
}
