/* verify = fetch: a callback only says that there is a result. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define AFTER    600000
#define DEADLINE 86400000
#define LEASE    60000
#define FORGED   "{\"id\": \"e-1\", \"email\": \"forged@example.com\"}"

static struct house house;
static int64_t start;

static void reconfigure(void)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE, .settings = house.settings};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

static void setup(void)
{
    house_open(&house);
    start = house.now;
    house.settings.poll_after_ms = AFTER;
    house.settings.deadline_ms = DEADLINE;
    house.settings.verify_fetch = true;
    reconfigure();
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_fetch, .init = setup, .fini = teardown);

static size_t claim(struct poll_job *ret)
{
    struct store_claim_polls claim = {
        .base.kind = STORE_CLAIM_POLLS, .max = 1, .lease_ms = LEASE, .now = house.now};

    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    if (claim.n > 0 && ret)
        *ret = claim.jobs[0];
    return claim.n;
}

static enum request_state finish(store_key request, enum poll_outcome outcome, const char *raw)
{
    struct store_finish_poll finish = {.base.kind = STORE_FINISH_POLL,
                                       .request = request,
                                       .outcome = outcome,
                                       .raw = raw,
                                       .raw_size = raw ? strlen(raw) : 0,
                                       .now = house.now};
    struct json_object *object;

    if (raw) {
        cr_assert_eq(json_parse_strict(raw, strlen(raw), true, &object), 0);
        cr_assert_eq(reading_parse(object, &finish.reading), 0);
        json_object_put(object);
    }
    cr_assert_eq(house_do(&house, &finish), STORE_OK);
    reading_done(&finish.reading);
    return finish.state;
}

static int64_t number(const char *column, store_key request)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "SELECT %s FROM request WHERE id = %lld", column,
             (long long)request);
    return house_count(&house, sql);
}

/* It waits for its fetch now, and nothing of the callback went further. */
static void expect_signalled(store_key request, store_key callback)
{
    cr_expect_eq(number("callback", request), callback);
    cr_expect_eq(number("class / 3", request), REQUEST_PENDING);
    cr_expect_eq(number("poll_at", request), house.now);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM result"), 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE event = 0"), 0);
    cr_expect(house.seen.polls);
}

static store_key pending(void)
{
    store_key key = house_submit(&house, "Ada", "Lovelace", NULL);

    house_accept(&house, "e-1");
    house.seen.polls = false;
    return key;
}

Test(store_fetch, a_callback_is_a_signal)
{
    store_key key = pending(), deliveries[1];
    struct received received;
    struct store_reader *reader;
    struct delivery_facts facts;
    struct poll_job job;

    house.now += 5000;
    house.seen.n_settled = 0;
    received = house_receive(&house, 1, FORGED);
    cr_expect_eq(received.state, CALLBACK_MATCHED);
    cr_expect_eq(received.request, key);
    expect_signalled(key, received.callback);
    cr_expect_eq(house.seen.n_settled, 0);
    cr_assert_eq(claim(&job), 1);
    cr_expect_eq(job.request, key);
    cr_expect_eq(finish(key, POLL_FINISHED, "{\"id\": \"e-1\", \"email\": \"true@example.com\"}"),
                 REQUEST_FINISHED);
    cr_expect_eq(number("source", key), SOURCE_FETCH);
    cr_expect_eq(number("callback", key), received.callback);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, deliveries), 1);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_delivery_facts(reader, deliveries[0], &facts), READER_OK);
    cr_expect_str_eq(json_get_string(facts.raw, "email"), "true@example.com");
    cr_expect_str_eq(json_get_string(facts.request.result, "email"), "true@example.com");
    delivery_facts_done(&facts);
    store_reader_free(reader);
    cr_expect_eq(house_receive(&house, 1, FORGED).state, CALLBACK_DUPLICATE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE differs = 1"), 1);
}

Test(store_fetch, one_signal_is_enough)
{
    store_key key = pending();
    struct received first = house_receive(&house, 1, FORGED);
    struct callback_filter filter = {.request = key};
    struct callback_record *items;
    struct store_reader *reader;
    char *next;
    size_t n;

    claim(NULL);
    house.now += 100;
    for (int i = 0; i < 25; i++) {
        struct received more = house_receive(
            &house, 1, i % 2 ? FORGED : "{\"id\": \"e-1\", \"email\": \"another@example.com\"}");

        cr_expect_eq(more.result, STORE_OK);
        cr_expect_eq(more.state, CALLBACK_DUPLICATE);
        cr_expect_eq(more.request, key);
    }
    cr_expect_eq(number("callback", key), first.callback);
    cr_expect_eq(number("poll_at", key), start + LEASE, "it does not hurry what is under way");
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE differs"), 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 21, "no more copies");
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_callbacks(reader, &filter, NULL, 50, &items, &n, &next), READER_OK);
    cr_expect_eq(n, 21);
    cr_expect_eq(items[20].state, CALLBACK_MATCHED);
    callback_records_free(items, n);
    store_reader_free(reader);
    house.settings.verify_fetch = false;
    reconfigure();
    cr_expect_eq(house_receive(&house, 1, FORGED).state, CALLBACK_DUPLICATE);
    cr_expect_eq(number("class / 3", key), REQUEST_PENDING);
}

Test(store_fetch, it_is_asked_for_soon_until_it_is_there)
{
    store_key key = pending();

    house.now += AFTER / 2;
    house_receive(&house, 1, FORGED);
    for (int64_t passed = 0; passed < 20000; passed = house.now - start - AFTER / 2) {
        int64_t wait = passed > 1000 ? passed : 1000, next;

        cr_expect_eq(claim(NULL), 1);
        cr_expect_eq(finish(key, POLL_PENDING, NULL), REQUEST_PENDING);
        next = number("poll_at", key);
        cr_expect(next >= house.now + wait / 2 && next <= house.now + wait);
        house.now = next;
    }
}

Test(store_fetch, a_batch_has_nothing_to_fetch)
{
    struct contact contacts[] = {house_contact("Ada", "Lovelace", "{\"row\": 1}"),
                                 house_contact("Bea", "Lovelace", "{\"row\": 2}")};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 2,
                                  .array = true,
                                  .now = house.now};

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    house_accept(&house, "e-1");
    cr_expect_eq(house_receive(&house, 1, "{\"id\": \"e-1\", \"custom\": {\"row\": 2}}").state,
                 CALLBACK_MATCHED);
    cr_expect_eq(number("class / 3", submit.keys[1]), REQUEST_FINISHED);
    cr_expect_eq(number("source", submit.keys[1]), SOURCE_CALLBACK);
    cr_expect_eq(house_erase(&house, submit.keys[1]), STORE_OK);
    cr_expect_eq(house_receive(&house, 1, "{\"id\": \"e-1\", \"custom\": {\"row\": 1}}").state,
                 CALLBACK_MATCHED);
    cr_expect_eq(number("class / 3", submit.keys[0]), REQUEST_FINISHED, "it is of a batch still");
    for (size_t i = 0; i < 2; i++)
        contact_done(&contacts[i]);
}

static store_key register_one(const char *custom)
{
    struct contact contact = house_contact("Ada", "Lovelace", custom);
    struct store_register command = {
        .base.kind = STORE_REGISTER, .contact = &contact, .enrichment_id = "e-1", .now = house.now};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
    contact_done(&contact);
    return command.key;
}

Test(store_fetch, a_registered_one_that_shares_its_identifier_is_none_to_fetch)
{
    store_key key = register_one("{\"row\": 1}");

    house_submit(&house, "Ada", "Lovelace", "{\"row\": 2}");
    house_accept(&house, "e-1");
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"e-1\", \"custom\": {\"row\": 1}}").state,
                 CALLBACK_MATCHED);
    cr_expect_eq(number("class / 3", key), REQUEST_FINISHED);
}

Test(store_fetch, one_that_waited_is_a_signal_too)
{
    struct received received = house_receive(&house, 0, FORGED);
    store_key key;

    cr_expect_eq(received.state, CALLBACK_UNMATCHED);
    house.now += 1000;
    key = register_one(NULL);
    expect_signalled(key, received.callback);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE state = 0"), 1);
    cr_assert_eq(claim(NULL), 1);
}

Test(store_fetch, matched_by_hand_it_is_a_signal_too)
{
    store_key key = pending();
    struct store_match match = {.base.kind = STORE_MATCH, .request = key, .now = house.now};

    match.callback = house_receive(&house, 1, "{\"id\": \"e-2\", \"email\": \"x\"}").callback;
    cr_assert_eq(house_do(&house, &match), STORE_OK);
    cr_expect_eq(match.state, CALLBACK_MATCHED);
    expect_signalled(key, match.callback);
    match.callback = house_receive(&house, 1, "{\"id\": \"e-2\", \"email\": \"x\"}").callback;
    cr_assert_eq(house_do(&house, &match), STORE_OK);
    cr_expect_eq(match.state, CALLBACK_DUPLICATE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE differs"), 0);
}

Test(store_fetch, a_signal_ends_a_call_that_went_unanswered)
{
    store_key key = house_submit(&house, "Ada", "Lovelace", NULL);
    struct submission_job *job = house_claim(&house);
    struct received received;
    struct poll_job poll;

    cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_MAYBE, "time-out"), STORE_OK);
    submission_job_free(job);
    received = house_receive(&house, 1, FORGED);
    cr_expect_eq(received.state, CALLBACK_MATCHED);
    expect_signalled(key, received.callback);
    cr_expect_eq(number("submitted_at", key), house.now);
    cr_expect_eq(number("error ISNULL", key), 1);
    cr_expect_eq(house_count(&house, "SELECT state = 2 AND next_at ISNULL FROM submission"), 1);
    house.now += 100000;
    cr_expect_null(house_claim(&house), "it is not sent again");
    cr_assert_eq(claim(&poll), 1);
    cr_expect_str_eq(poll.enrichment_id, "e-1");
}

Test(store_fetch, during_a_call_its_end_says_more)
{
    static const char *const bodies[] = {FORGED, "{\"email\": \"forged@example.com\"}"};

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        store_key key = house_submit(&house, "Ada", "Lovelace", NULL);
        struct submission_job *job = house_claim(&house);
        struct received received = house_receive(&house, job->submission, bodies[i]);
        struct poll_job poll;

        cr_expect_eq(received.state, CALLBACK_MATCHED);
        cr_expect_eq(number("class / 3", key), REQUEST_QUEUED);
        cr_expect_eq(number("enrichment_id IS 'e-1'", key), i == 0);
        cr_expect_eq(claim(NULL), 0);
        house.now += 1000;
        house.seen.polls = false;
        cr_assert_eq(house_finish_call(&house, job->call, SUBMISSION_ACCEPTED, "e-1"), STORE_OK);
        submission_job_free(job);
        expect_signalled(key, received.callback);
        cr_assert_eq(claim(&poll), 1);
        cr_expect_str_eq(poll.enrichment_id, "e-1");
    }
}

Test(store_fetch, an_expired_one_is_fetched_as_long_as_a_new_one)
{
    store_key key = pending();

    house.now += DEADLINE;
    cr_expect_eq(claim(NULL), 1);
    cr_expect_eq(finish(key, POLL_PENDING, NULL), REQUEST_EXPIRED);
    cr_expect_eq(claim(NULL), 0);
    cr_expect_eq(house_receive(&house, 1, FORGED).state, CALLBACK_MATCHED);
    cr_expect_eq(number("class / 3", key), REQUEST_EXPIRED);
    cr_expect_eq(claim(NULL), 1);
    cr_expect_eq(finish(key, POLL_FAILED, NULL), REQUEST_EXPIRED);
    house.now += LEASE;
    cr_expect_eq(claim(NULL), 1);
    house.now += DEADLINE - LEASE;
    cr_expect_eq(finish(key, POLL_PENDING, NULL), REQUEST_EXPIRED);
    cr_expect_eq(number("poll_at ISNULL", key), 1, "that was the last time");
    house.now += DEADLINE;
    cr_expect_eq(claim(NULL), 0);
    cr_expect_eq(finish(key, POLL_FINISHED, "{\"id\": \"e-1\"}"), REQUEST_FINISHED);
}

Test(store_fetch, a_signal_before_the_deadline_outlives_it)
{
    store_key key = pending();

    house.now += DEADLINE - 10;
    house_receive(&house, 1, FORGED);
    cr_expect_eq(claim(NULL), 1);
    house.now += 10;
    cr_expect_eq(finish(key, POLL_PENDING, NULL), REQUEST_PENDING, "there is a result, somewhere");
    cr_expect_gt(number("poll_at", key), house.now);
    house.now += 1000;
    cr_expect_eq(claim(NULL), 1);
    cr_expect_eq(finish(key, POLL_FINISHED, "{\"id\": \"e-1\"}"), REQUEST_FINISHED);
}

Test(store_fetch, nothing_is_left_when_it_is_erased)
{
    store_key key = pending();

    house_receive(&house, 1, FORGED);
    house_receive(&house, 1, FORGED);
    cr_expect(house_holds(&house, "forged@"));
    cr_assert_eq(house_erase(&house, key), STORE_OK);
    cr_expect(!house_holds(&house, "forged@"));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 0);
    cr_expect_eq(claim(NULL), 0);
}
