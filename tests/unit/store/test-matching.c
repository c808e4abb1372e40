/* From a callback to its request, end to end. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>

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

TestSuite(store_matching, .init = setup, .fini = teardown);

#define BODY(id, first, custom)                                                                    \
    "{\"enrichment_id\": \"" id "\", \"status\": \"finished\", \"first_name\": \"" first "\", "    \
    "\"last_name\": \"Lovelace\", \"email\": \"ada@example.com\", \"custom\": " custom "}"

static void expect(struct received received, enum callback_state state, enum callback_reason reason)
{
    cr_expect_eq(received.result, STORE_OK, "result %d", received.result);
    cr_expect_eq(received.state, state, "state %d", received.state);
    cr_expect_eq(received.reason, reason, "reason %d", received.reason);
}

static store_key submit_batch(const char *const (*contacts)[2], size_t n)
{
    struct contact made[4];
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = made,
                                  .n_contacts = n,
                                  .array = true,
                                  .now = house.now};

    for (size_t i = 0; i < n; i++)
        made[i] = house_contact(contacts[i][0], "Lovelace", contacts[i][1]);
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    cr_assert_eq(submit.n_keys, n);
    for (size_t i = 0; i < n; i++)
        contact_done(&made[i]);
    return submit.keys[0];
}

static enum store_result register_id(const char *id, const char *first, const char *custom,
                                     store_key *ret, bool *ret_existing)
{
    struct contact contact = house_contact(first, "Lovelace", custom);
    struct store_register command = {
        .base.kind = STORE_REGISTER, .contact = &contact, .enrichment_id = id, .now = house.now};
    enum store_result result = house_do(&house, &command);

    contact_done(&contact);
    *ret = command.key;
    *ret_existing = command.existing;
    return result;
}

Test(store_matching, a_callback_finishes_its_request)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    store_key submission = house_accept(&house, "e-1");
    struct received received =
        house_receive(&house, submission, BODY("e-1", "Ada", "{\"row\": 1.0}"));

    expect(received, CALLBACK_MATCHED, REASON_NONE);
    cr_expect_eq(received.request, request);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    cr_expect_eq(house_count(&house, "SELECT finished_at FROM request"), house.now);
    cr_expect_eq(house_count(&house, "SELECT callback FROM request"), received.callback);
    cr_expect_eq(
        house_count(&house, "SELECT count(*) FROM request WHERE source = 1 AND callback = 1"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE next_at NOTNULL"), 1);
    cr_expect(house.seen.deliveries && house.seen.events && house.seen.submissions);
    cr_expect_eq(house.seen.n_settled, 1);
    cr_expect_eq(house.seen.settled[0], request);
}

Test(store_matching, copies_are_duplicates_and_beyond_the_twentieth_only_counted)
{
    struct store_counts counts;
    struct received received = {0};
    store_key submission;

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    expect(house_receive(&house, submission, BODY("e-1", "Ada", "null")), CALLBACK_MATCHED, 0);
    for (int i = 0; i < 30; i++) {
        received = house_receive(&house, submission, BODY("e-1", "Ada", "{}"));
        expect(received, CALLBACK_DUPLICATE, REASON_NONE);
    }
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 21);
    cr_expect_eq(received.callback, 21);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 1);
    store_counts(house.store, &counts);
    cr_expect_eq(counts.duplicates_dropped, 10);
    cr_expect_eq(counts.differing, 0);
}

Test(store_matching, a_differing_duplicate_is_marked_and_never_overwrites)
{
    store_key submission;
    struct received received;

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    house_receive(&house, submission, BODY("e-1", "Ada", "null"));
    received = house_receive(&house, submission,
                             "{\"enrichment_id\": \"e-1\", \"email\": \"other@example.com\"}");
    expect(received, CALLBACK_DUPLICATE, REASON_NONE);
    cr_expect_eq(house_count(&house, "SELECT differs FROM callback WHERE id = 2"), 1);
    cr_expect_eq(house_count(&house, "SELECT callback FROM request"), 1);
}

Test(store_matching, another_id_or_custom_is_mismatched)
{
    store_key submission;

    house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    submission = house_accept(&house, "e-1");
    expect(house_receive(&house, submission, BODY("e-2", "Ada", "{\"row\": 1}")),
           CALLBACK_MISMATCHED, REASON_ENRICHMENT_ID);
    expect(house_receive(&house, submission, BODY("e-1", "Ada", "{\"row\": \"1\"}")),
           CALLBACK_MISMATCHED, REASON_CUSTOM);
    expect(house_receive(&house, submission, "{\"email\": \"ada@example.com\"}"),
           CALLBACK_MISMATCHED, REASON_ENRICHMENT_ID);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_PENDING * 3);
}

Test(store_matching, lenient_takes_a_string_of_digits_for_the_number)
{
    struct store_reconfigure reconfigure = {.base.kind = STORE_RECONFIGURE,
                                            .settings = house.settings};
    store_key submission;

    reconfigure.settings.custom_lenient = true;
    cr_assert_eq(house_do(&house, &reconfigure), STORE_OK);
    house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    submission = house_accept(&house, "e-1");
    expect(house_receive(&house, submission, BODY("e-1", "Ada", "{\"row\": \"2\"}")),
           CALLBACK_MISMATCHED, REASON_CUSTOM);
    expect(house_receive(&house, submission, BODY("e-1", "Ada", "{\"row\": \"1\"}")),
           CALLBACK_MATCHED, REASON_NONE);
}

Test(store_matching, an_interim_one_changes_nothing)
{
    store_key submission;

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    expect(
        house_receive(&house, submission, "{\"enrichment_id\": \"e-1\", \"status\": \"pending\"}"),
        CALLBACK_INTERIM, REASON_NONE);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_PENDING * 3);
    cr_expect_eq(house_count(&house, "SELECT request FROM callback"), 1);
}

Test(store_matching, an_early_callback_finishes_a_queued_request)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", NULL);
    struct submission_job *job = house_claim(&house);

    cr_assert_not_null(job);
    expect(house_receive(&house, job->submission, BODY("e-9", "Ada", "null")), CALLBACK_MATCHED, 0);
    cr_expect_eq(house_count(&house, "SELECT enrichment_id = 'e-9' FROM request"), 1);
    cr_expect_eq(house_count(&house, "SELECT state FROM submission"), 1);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_AGAIN, "time-out"), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT state FROM submission"), 2);
    cr_expect_eq(house_count(&house, "SELECT error ISNULL FROM request"), 1);
    cr_expect_null(house_claim(&house));
    cr_expect_eq(house.seen.settled[0], request);
    submission_job_free(job);
}

Test(store_matching, a_result_before_the_next_call_prevents_it)
{
    struct submission_job *job;

    house_submit(&house, "Ada", "Lovelace", NULL);
    job = house_claim(&house);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_MAYBE, "time-out"), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT state FROM submission"), 0);
    expect(house_receive(&house, job->submission, BODY("e-9", "Ada", "null")), CALLBACK_MATCHED, 0);
    cr_expect_eq(house_count(&house, "SELECT state = 2 AND next_at ISNULL FROM submission"), 1);
    house.now += 100000;
    cr_expect_null(house_claim(&house));
    submission_job_free(job);
}

Test(store_matching, an_unanswered_call_may_have_had_any_id)
{
    struct submission_job *job, *second;

    house_submit(&house, "Ada", "Lovelace", NULL);
    job = house_claim(&house);
    house_finish_call(&house, job->call, SUBMISSION_MAYBE, "time-out");
    house.now += 2000;
    second = house_claim(&house);
    cr_assert_not_null(second);
    cr_expect_eq(second->tries, 1);
    house_finish_call(&house, second->call, SUBMISSION_ACCEPTED, "e-2");
    expect(house_receive(&house, job->submission, BODY("e-1", "Ada", "null")), CALLBACK_MATCHED, 0);
    cr_expect_eq(house_count(&house, "SELECT enrichment_id = 'e-2' FROM request"), 1);
    expect(house_receive(&house, job->submission, BODY("e-2", "Ada", "null")), CALLBACK_DUPLICATE,
           0);
    submission_job_free(job);
    submission_job_free(second);
}

Test(store_matching, a_result_after_a_refusal_finishes_it_after_all)
{
    struct submission_job *job;

    house_submit(&house, "Ada", "Lovelace", NULL);
    job = house_claim(&house);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no domain"), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FAILED * 3);
    cr_expect_eq(house_count(&house, "SELECT state FROM submission"), 4);
    expect(house_receive(&house, job->submission, BODY("e-9", "Ada", "null")), CALLBACK_MATCHED, 0);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    cr_expect_eq(house_count(&house, "SELECT error ISNULL FROM request"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE next_at ISNULL"), 1,
                 "finished waits for failed");
    submission_job_free(job);
}

Test(store_matching, custom_chooses_among_a_batch)
{
    static const char *const contacts[][2] = {
        {"Ada", "{\"row\": 1}"}, {"Bea", "{\"row\": 2}"}, {"Cleo", "{\"row\": 2}"}, {"Dora", NULL}};
    store_key first = submit_batch(contacts, 4), submission = house_accept(&house, "b-1");
    struct received received;

    received = house_receive(&house, submission, BODY("b-1", "Nobody", "{\"row\": 1}"));
    expect(received, CALLBACK_MATCHED, REASON_NONE);
    cr_expect_eq(received.request, first);
    received = house_receive(&house, submission, BODY("b-1", "Cleo", "{\"row\": 2}"));
    expect(received, CALLBACK_MATCHED, REASON_NONE);
    cr_expect_eq(received.request, first + 2);
    received = house_receive(&house, submission, BODY("b-1", "Dora", "null"));
    expect(received, CALLBACK_MATCHED, REASON_NONE);
    cr_expect_eq(received.request, first + 3);
    expect(house_receive(&house, submission, BODY("b-1", "Nobody", "{\"row\": 2}")),
           CALLBACK_UNMATCHED, REASON_NO_SUCH_NAME);
    expect(house_receive(&house, submission, BODY("b-1", "Nobody", "{\"row\": 3}")),
           CALLBACK_MISMATCHED, REASON_CUSTOM);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE event = 3"), 1);
}

Test(store_matching, equal_contacts_of_a_batch_are_ambiguous)
{
    static const char *const contacts[][2] = {{"Ada", "{\"row\": 1}"}, {"Ada", "{\"row\": 1}"}};
    store_key submission;

    submit_batch(contacts, 2);
    submission = house_accept(&house, "b-1");
    expect(house_receive(&house, submission, BODY("b-1", "Ada", "{\"row\": 1}")),
           CALLBACK_UNMATCHED, REASON_AMBIGUOUS);
}

Test(store_matching, unmatched_ones_wait_for_their_registration)
{
    store_key key, again;
    bool existing;

    expect(house_receive(&house, 0, BODY("r-1", "Ada", "{\"row\": 1}")), CALLBACK_UNMATCHED,
           REASON_NO_REQUEST);
    expect(house_receive(&house, 0, BODY("r-1", "Ada", "{\"row\": 1}")), CALLBACK_UNMATCHED,
           REASON_NO_REQUEST);
    expect(house_receive(&house, 0, BODY("r-1", "Ada", "{\"row\": 2}")), CALLBACK_UNMATCHED,
           REASON_NO_REQUEST);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE event = 3"), 3);
    cr_expect_eq(register_id("r-1", "Ada", "{\"row\": 1}", &key, &existing), STORE_OK);
    cr_expect(!existing);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    cr_expect_eq(house_count(&house, "SELECT group_concat(state, '') FROM callback"), 12);
    cr_expect_eq(house_count(&house, "SELECT reason FROM callback WHERE id = 3"), REASON_CUSTOM);
    cr_expect_eq(register_id("r-1", "Ada", "{\"row\": 1}", &again, &existing), STORE_OK);
    cr_expect(existing);
    cr_expect_eq(again, key);
    cr_expect_eq(register_id("r-1", "Ada", "{\"row\": 3}", &again, &existing), STORE_E_CONFLICT);
    cr_expect_eq(register_id("r-1", "Bea", "{\"row\": 1}", &again, &existing), STORE_E_CONFLICT);
}

Test(store_matching, unmatched_ones_wait_for_the_answer_of_the_submit_call)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", NULL);
    struct submission_job *job = house_claim(&house);

    expect(house_receive(&house, 0, BODY("e-1", "Ada", "null")), CALLBACK_UNMATCHED,
           REASON_NO_REQUEST);
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "e-1"), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT request FROM callback WHERE state = 0"), request);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    cr_expect_eq(house_count(&house, "SELECT submitted_at NOTNULL FROM request"), 1);
    submission_job_free(job);
}

Test(store_matching, registering_what_was_submitted)
{
    store_key key;
    bool existing;
    store_key request = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");

    house_accept(&house, "e-1");
    cr_expect_eq(register_id("e-1", "Ada", "{\"row\": 1}", &key, &existing), STORE_OK);
    cr_expect(existing);
    cr_expect_eq(key, request);
    cr_expect_eq(register_id("e-1", "Ada", NULL, &key, &existing), STORE_E_CONFLICT);
}

static enum store_result match(store_key callback, store_key request, enum callback_state *ret)
{
    struct store_match command = {
        .base.kind = STORE_MATCH, .callback = callback, .request = request, .now = house.now};
    enum store_result result = house_do(&house, &command);

    *ret = command.state;
    return result;
}

Test(store_matching, an_operator_matches_by_hand)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    store_key submission = house_accept(&house, "e-1"), odd, loose;
    enum callback_state state;

    odd = house_receive(&house, submission, BODY("e-1", "Ada", "{\"row\": 7}")).callback;
    loose = house_receive(&house, 0, BODY("x-1", "Ada", "{\"row\": 1}")).callback;
    cr_expect_eq(match(loose, 999, &state), STORE_E_NOT_FOUND);
    cr_expect_eq(match(999, request, &state), STORE_E_NOT_FOUND);
    cr_expect_eq(match(odd, request, &state), STORE_OK);
    cr_expect_eq(state, CALLBACK_MATCHED);
    cr_expect_eq(match(odd, request, &state), STORE_E_STATE);
    cr_expect_eq(match(loose, request, &state), STORE_OK);
    cr_expect_eq(state, CALLBACK_DUPLICATE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE reason = 10"), 2);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE event = 0"), 1);
}

Test(store_matching, an_unknown_submission_is_not_found)
{
    cr_expect_eq(house_receive(&house, 77, BODY("e-1", "Ada", "null")).result, STORE_E_NOT_FOUND);
    cr_expect_eq(house_receive(&house, 77, "no json").result, STORE_E_NOT_FOUND);
}

/* Keys are given again when an older database is put back; the tokens that were made before are of nobody then. */
Test(store_matching, a_token_is_of_one_submission_only)
{
    struct submission_job *job;
    struct token mine, other;
    store_key submission;

    house_submit(&house, "Ada", "Lovelace", NULL);
    job = house_claim(&house);
    cr_assert_not_null(job);
    mine = other = job->token;
    other.bytes[TOKEN_BYTES - 1] ^= 1;
    submission = job->submission;
    submission_job_free(job);
    cr_expect_eq(house_receive_on(&house, submission, &other, BODY("e-1", "Ada", "null")).result,
                 STORE_E_NOT_FOUND);
    cr_expect_eq(house_receive_on(&house, submission, &other, "no json").result, STORE_E_NOT_FOUND);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 0);
    expect(house_receive_on(&house, submission, &mine, BODY("e-1", "Ada", "null")),
           CALLBACK_MATCHED, REASON_NONE);
}
