/* No byte of an erased person is left in any file, and no late callback brings one back. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <poll.h>
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

TestSuite(store_erase, .init = setup, .fini = teardown);

#define WHOLE                                                                                      \
    "{\"enrichment_id\": \"id-of-zenobia\", \"first_name\": \"Zenobia\", "                         \
    "\"last_name\": \"Quux\", \"email\": \"zenobia@example.com\", "                                \
    "\"custom\": {\"note\": \"about-zenobia\"}}"

/* All traces that one request can leave. */
static store_key make_traces(store_key *ret_submission)
{
    struct contact contact = house_contact("Zenobia", "Quux", "{\"note\": \"about-zenobia\"}");
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = &contact,
                                  .n_contacts = 1,
                                  .has_idempotency = true,
                                  .now = house.now};
    store_key keys[2], submission;

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    contact_done(&contact);
    cr_assert_eq(house_receive(&house, 0, WHOLE).state, CALLBACK_UNMATCHED);
    submission = house_accept(&house, "id-of-zenobia");
    cr_expect_eq(house_receive(&house, submission, WHOLE).state, CALLBACK_DUPLICATE);
    cr_expect_eq(house_receive(&house, 0, WHOLE).state, CALLBACK_DUPLICATE);
    cr_expect_eq(house_receive(&house, submission, "not JSON: zenobia@example.com").state,
                 CALLBACK_REJECTED);
    cr_expect_eq(
        house_receive(&house, submission, "{\"id\": \"id-of-another\", \"email\": \"zenobia@x.y\"}")
            .state,
        CALLBACK_MISMATCHED);
    cr_expect_eq(house_receive(&house, 0,
                               "{\"id\": \"id-of-zenobia\", \"custom\": {\"x\": "
                               "\"zenobia\"}}")
                     .state,
                 CALLBACK_MISMATCHED);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, keys), 1);
    house_finish_attempt(&house, keys[0], ATTEMPT_DEAD, 0);
    cr_assert_eq(house_claim_deliveries(&house, "audit", 2, keys), 2);
    house_finish_attempt(&house, keys[0], ATTEMPT_RETRY, house.now + 1);
    *ret_submission = submission;
    return submit.keys[0];
}

static void expect_gone(void)
{
    static const char *const tables[] = {
        "request",     "content",  "custom_member", "result", "callback", "call", "submission",
        "idempotency", "delivery", "attempt",       "event",  "person",   "asked"};
    char sql[64];

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
        cr_expect_eq(house_count(&house, sql), 0, "%s", tables[i]);
    }
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect(!house_holds(&house, "some output"));
    cr_expect(!house_holds(&house, "Quux"));
}

Test(store_erase, nothing_is_left_of_a_single_one)
{
    store_key submission, request = make_traces(&submission), keys[1];
    struct received received;
    struct store_counts counts;

    cr_expect(house_holds(&house, "enobia"), "the search finds what is there");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, keys), 0);
    cr_expect_eq(house_erase(&house, request), STORE_OK);
    expect_gone();
    cr_expect_eq(house_erase(&house, request), STORE_E_NOT_FOUND);
    cr_expect_eq(house_receive(&house, submission, WHOLE).result, STORE_E_NOT_FOUND);
    received = house_receive(&house, 0, WHOLE);
    cr_expect_eq(received.result, STORE_OK);
    cr_expect_eq(received.callback, 0);
    store_counts(house.store, &counts);
    cr_expect_eq(counts.erased_refused, 1);
    expect_gone();
    cr_expect_eq(house_finish_attempt(&house, 1, ATTEMPT_SUCCEEDED, 0), STORE_E_NOT_FOUND);
    house_stop(&house);
    house_start(&house);
    expect_gone();
    cr_expect_eq(house_receive(&house, 0, WHOLE).callback, 0);
}

static void on_done(struct store_command *command)
{
    *(bool *)command->userdata = true;
}

Test(store_erase, it_ends_only_when_readers_let_the_wal_go)
{
    store_key submission, request = make_traces(&submission);
    bool done = false;
    struct store_erase erase = {.base = {.kind = STORE_ERASE,
                                         .where = STORE_DONE_ON_LOOP,
                                         .done = on_done,
                                         .userdata = &done},
                                .request = request,
                                .now = house.now};
    sqlite3 *reader;

    cr_assert_eq(sqlite3_open_v2(house.path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT * FROM request", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(store_post(house.store, &erase.base), STORE_OK);
    for (int i = 0; i < 5; i++)
        house_look(&house);
    cr_expect(!done);
    /* Others go on meanwhile. */
    house_submit(&house, "Ada", "Lovelace", NULL);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 1);
    cr_expect(!done);
    cr_expect(house_holds(&house, "enobia"));
    cr_assert_eq(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 100 && !done; i++)
        house_look(&house);
    cr_expect(done);
    cr_expect_eq(erase.base.result, STORE_OK);
    cr_expect(!house_holds(&house, "enobia"));
    sqlite3_close(reader);
}

Test(store_erase, a_waiting_one_is_cancelled)
{
    store_key request = house_submit(&house, "Zenobia", "Quux", NULL);

    cr_expect_eq(house_erase(&house, request), STORE_OK);
    cr_expect_null(house_claim(&house));
    cr_expect_eq(house.seen.n_settled, 1);
    expect_gone();
}

Test(store_erase, one_in_a_call)
{
    store_key request = house_submit(&house, "Zenobia", "Quux", NULL);
    struct submission_job *job = house_claim(&house);

    cr_expect_eq(house_erase(&house, request), STORE_OK);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "id-of-zenobia"),
                 STORE_E_NOT_FOUND);
    submission_job_free(job);
    expect_gone();
}

static store_key submit_batch(store_key *ret_submission)
{
    struct contact contacts[] = {house_contact("Zenobia", "Quux", "{\"row\": 1}"),
                                 house_contact("Bea", "Lovelace", "{\"row\": 2}"),
                                 house_contact("Cleo", "Lovelace", NULL)};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 3,
                                  .array = true,
                                  .now = house.now};

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    for (size_t i = 0; i < 3; i++)
        contact_done(&contacts[i]);
    *ret_submission = house_accept(&house, "id-of-all");
    return submit.keys[0];
}

static struct received receive_of(store_key submission, const char *first, const char *last,
                                  const char *custom)
{
    char body[300];

    snprintf(
        body, sizeof(body),
        "{\"id\": \"id-of-all\", \"first_name\": \"%s\", \"last_name\": \"%s\", \"custom\": %s}",
        first, last, custom);
    return house_receive(&house, submission, body);
}

Test(store_erase, one_of_a_batch_that_goes_on)
{
    store_key submission, first = submit_batch(&submission);

    cr_expect_eq(receive_of(submission, "Zenobia", "Quux", "{\"row\": 9}").state,
                 CALLBACK_MISMATCHED);
    cr_expect_eq(receive_of(submission, "Other", "Lovelace", "{\"row\": 8}").state,
                 CALLBACK_MISMATCHED);
    cr_expect_eq(house_receive(&house, submission, "no JSON of Zenobia").state, CALLBACK_REJECTED);
    cr_expect_eq(house_erase(&house, first), STORE_OK);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 2);

    cr_expect_eq(receive_of(submission, "Zenobia", "Quux", "{\"row\": 1}").result,
                 STORE_E_NOT_FOUND);
    cr_expect_eq(receive_of(submission, "Z.", "Quux", "{\"row\": 1}").result, STORE_E_NOT_FOUND);
    cr_expect_eq(receive_of(submission, "Zenobia", "Quux", "null").result, STORE_E_NOT_FOUND);
    cr_expect_eq(receive_of(0, "Zenobia", "Quux", "{\"row\": 1}").result, STORE_OK);
    cr_expect_eq(receive_of(0, "Zenobia", "Quux", "{\"row\": 1}").callback, 0);
    cr_expect(!house_holds(&house, "enobia"));

    cr_expect_eq(receive_of(submission, "Bea", "Lovelace", "{\"row\": 2}").state, CALLBACK_MATCHED);
    cr_expect_eq(receive_of(submission, "Cleo", "Lovelace", "null").state, CALLBACK_MATCHED);
    cr_expect_eq(house_erase(&house, first + 1), STORE_OK);
    cr_expect_eq(house_erase(&house, first + 2), STORE_OK);
    expect_gone();
    cr_expect_eq(receive_of(0, "Cleo", "Lovelace", "null").callback, 0);
}

/* Pronto refuses the batch, and takes the first contact alone. */
static store_key accept_first_alone(const char *id)
{
    struct submission_job *job = house_claim(&house);
    store_key submission;

    cr_assert_not_null(job);
    cr_assert_eq(job->n, 3);
    cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "422: not Zenobia"),
                 STORE_OK);
    submission_job_free(job);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_assert_eq(job->n, 1);
    submission = job->submission;
    if (id)
        cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, id), STORE_OK);
    submission_job_free(job);
    return submission;
}

static store_key submit_three(void)
{
    struct contact contacts[] = {house_contact("Zenobia", "Quux", "{\"row\": 1}"),
                                 house_contact("Bea", "Lovelace", "{\"row\": 2}"),
                                 house_contact("Cleo", "Lovelace", NULL)};
    struct store_submit submit = house_submit_array(&house, contacts, 3, NULL);

    cr_assert_eq(submit.base.result, STORE_OK);
    return submit.keys[0];
}

/* The calls of a batch outlive the first of its contacts, but not what Pronto said of that. */
Test(store_erase, what_pronto_answered_about_one_of_a_batch)
{
    store_key first = submit_three();
    store_key submission = accept_first_alone("id-of-zenobia");

    cr_expect_eq(house_erase(&house, first), STORE_OK);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_eq(house_receive(&house, submission, "{\"id\": \"id-of-zenobia\"}").result,
                 STORE_E_NOT_FOUND);
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"id-of-zenobia\"}").callback, 0);
    house_accept(&house, "id-of-bea");
    cr_expect_eq(
        house_receive(&house, submission, "{\"id\": \"id-of-bea\", \"custom\": {\"row\": 2}}")
            .state,
        CALLBACK_MATCHED);
}

/* Pronto answers when the contact is gone. */
Test(store_erase, one_of_a_batch_in_a_call_of_its_own)
{
    store_key first = submit_three(), call;

    accept_first_alone(NULL);
    call = house_count(&house, "SELECT id FROM call WHERE outcome ISNULL");
    cr_expect_eq(house_erase(&house, first), STORE_OK);
    cr_expect_eq(house_finish_call(&house, call, SUBMISSION_ACCEPTED, "id-of-zenobia"), STORE_OK);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"id-of-zenobia\"}").callback, 0);
}

/* What is said of a batch may be said of the one who is gone. */
Test(store_erase, one_of_a_batch_that_is_refused)
{
    store_key first = submit_three();
    struct submission_job *job = house_claim(&house);

    cr_assert_eq(job->n, 3);
    cr_expect_eq(house_erase(&house, first), STORE_OK);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "422: not Zenobia"),
                 STORE_OK);
    submission_job_free(job);
    cr_expect(!house_holds(&house, "enobia"));
}

Test(store_erase, an_equal_contact_of_the_batch_stays)
{
    struct contact contacts[] = {house_contact("Zenobia", "Quux", "{\"row\": 1}"),
                                 house_contact("Zenobia", "Quux", "{\"row\": 1}")};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 2,
                                  .array = true,
                                  .now = house.now};
    store_key submission;

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    contact_done(&contacts[0]);
    contact_done(&contacts[1]);
    submission = house_accept(&house, "id-of-all");
    cr_expect_eq(house_erase(&house, submit.keys[0]), STORE_OK);
    cr_expect_eq(receive_of(submission, "Zenobia", "Quux", "{\"row\": 1}").state, CALLBACK_MATCHED);
}

/* Pages are split and merged while many come and go; nothing may be left in their gaps. */
Test(store_erase, nothing_is_left_of_many)
{
    enum { N = 400 };
    char id[64], body[400];
    store_key keys[N];

    srandom(1);
    for (int i = 0; i < N; i++) {
        store_key submission;

        snprintf(id, sizeof(id), "%08lx-%s", (unsigned long)random(), i % 4 ? "zenobia" : "stays");
        keys[i] = house_submit(&house, i % 4 ? "Zenobia" : "Ada", "Lovelace",
                               i % 4 ? "{\"note\": \"zenobia\"}" : NULL);
        submission = house_accept(&house, id);
        snprintf(body, sizeof(body), "{\"id\": \"%s\", \"email\": \"%s\"%s}", id,
                 i % 4 ? "zenobia@example.com" : "ada@example.com",
                 i % 4 ? ", \"custom\": {\"note\": \"zenobia\"}" : "");
        cr_assert_eq(house_receive(&house, submission, body).state, CALLBACK_MATCHED);
    }
    for (int i = 0; i < N; i++)
        if (i % 4)
            cr_assert_eq(house_erase(&house, keys[i]), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), N / 4);

    cr_expect(!house_holds(&house, "enobia"));
    cr_expect(house_holds(&house, "ada@example.com"));
}
