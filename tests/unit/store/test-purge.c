/* What is older than the retention goes, and nothing else. */
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

TestSuite(store_purge, .init = setup, .fini = teardown);

#define DAY (INT64_C(24) * 60 * 60 * 1000)

static struct store_purge purge_before(int64_t before)
{
    struct store_purge purge = {
        .base.kind = STORE_PURGE, .before = before, .tombstones_before = 0, .now = house.now};

    cr_assert_eq(house_do(&house, &purge), STORE_OK);
    return purge;
}

/* A finished one, whose delivery for crm waits. */
static store_key finish(const char *first, const char *id, const char *email)
{
    char body[300];
    store_key request = house_submit(&house, first, "Quux", NULL);
    store_key submission = house_accept(&house, id);

    snprintf(body, sizeof(body), "{\"id\": \"%s\", \"email\": \"%s\"}", id, email);
    cr_assert_eq(house_receive(&house, submission, body).state, CALLBACK_MATCHED);
    return request;
}

static store_key deliver(enum attempt_outcome outcome)
{
    store_key key;

    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_assert_eq(house_finish_attempt(&house, key, outcome, house.now + 1), STORE_OK);
    return key;
}

static int64_t requests(void)
{
    return house_count(&house, "SELECT count(*) FROM request");
}

Test(store_purge, what_ended_before_goes_with_everything)
{
    int64_t start = house.now;

    finish("Zenobia", "id-of-zenobia", "zenobia@example.com");
    deliver(ATTEMPT_SUCCEEDED);
    house.now += DAY;
    finish("Ada", "id-of-ada", "ada@example.com");
    deliver(ATTEMPT_SUCCEEDED);
    cr_expect_eq(purge_before(start).requests, 0, "not what ended at that moment");
    cr_expect_eq(purge_before(start + 1).requests, 1);
    cr_expect_eq(requests(), 1);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect(house_holds(&house, "ada@example.com"));
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"id-of-zenobia\"}").callback, 0,
                 "a late callback is refused");
    cr_expect_eq(purge_before(start + 1).requests, 0);
}

Test(store_purge, what_ended_later_than_it_was_made_waits)
{
    int64_t start = house.now;
    store_key submission;

    house_submit(&house, "Zenobia", "Quux", NULL);
    submission = house_accept(&house, "id-of-zenobia");
    finish("Ada", "id-of-ada", "ada@example.com");
    deliver(ATTEMPT_SUCCEEDED);
    house.now += DAY;
    cr_expect_eq(purge_before(start + 1).requests, 1, "a pending one stays");
    cr_assert_eq(house_receive(&house, submission, "{\"id\": \"id-of-zenobia\"}").state,
                 CALLBACK_MATCHED);
    deliver(ATTEMPT_SUCCEEDED);
    cr_expect_eq(purge_before(start + 1).requests, 0);
    cr_expect_eq(purge_before(house.now + 1).requests, 1);
    cr_expect_eq(requests(), 0);
}

Test(store_purge, one_that_a_delivery_waits_for_stays_and_a_dead_one_goes)
{
    store_key key;

    finish("Zenobia", "id-of-zenobia", "zenobia@example.com");
    cr_expect_eq(purge_before(house.now + 1).requests, 0, "queued");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(purge_before(house.now + 1).requests, 0, "running");
    house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now + 1);
    cr_expect_eq(purge_before(house.now + 1).requests, 0, "retrying");
    house.now += 2;
    deliver(ATTEMPT_DEAD);
    cr_expect_eq(purge_before(house.now + 1).requests, 0, "its death is told");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &key), 1);
    house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0);
    cr_expect_eq(purge_before(house.now + 1).requests, 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt"), 0);
    cr_expect_eq(house.seen.n_cancelled, 0);
}

Test(store_purge, callbacks_that_nobody_claims_go)
{
    store_key submission, key;
    int64_t start = house.now;

    house_submit(&house, "Ada", "Quux", NULL);
    submission = house_accept(&house, "id-of-ada");
    cr_assert_eq(house_receive(&house, 0, "{\"id\": \"nobody\", \"email\": \"z@zenobia.x\"}").state,
                 CALLBACK_UNMATCHED);
    cr_assert_eq(house_receive(&house, 0, "no JSON of Zenobia").state, CALLBACK_REJECTED);
    cr_assert_eq(house_receive(&house, submission, "{\"id\": \"other\", \"x\": \"zenobia\"}").state,
                 CALLBACK_MISMATCHED);
    cr_assert_eq(
        house_receive(&house, submission, "{\"id\": \"id-of-ada\", \"status\": \"pending\"}").state,
        CALLBACK_INTERIM);
    house.now += DAY;
    cr_assert_eq(house_receive(&house, 0, "{\"id\": \"later\"}").state, CALLBACK_UNMATCHED);
    cr_expect_eq(purge_before(start).callbacks, 0);
    cr_expect_eq(purge_before(start + 1).callbacks, 2, "one has a delivery that waits");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &key), 1);
    house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0);
    cr_expect_eq(purge_before(start + 1).callbacks, 1);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE state = 4"), 1,
                 "what belongs to a request goes with it");
}

/* Of an unmatched callback, whose delivery died. */
static store_key tell_death_of_unmatched(store_key *ret_callback)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE};
    store_key key;

    house.settings.hooks[0].on |= 1U << EVENT_UNMATCHED;
    house.settings.hooks[1].on = 1U << EVENT_DEAD;
    command.settings = house.settings;
    cr_assert_eq(house_do(&house, &command), STORE_OK);
    *ret_callback = house_receive(&house, 0, "{\"id\": \"nobody\", \"x\": \"zenobia\"}").callback;
    key = deliver(ATTEMPT_DEAD);
    house.now++;
    return key;
}

Test(store_purge, a_callback_stays_while_a_death_is_told)
{
    store_key callback, key;

    tell_death_of_unmatched(&callback);
    cr_expect_eq(purge_before(house.now).callbacks, 0, "queued");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &key), 1);
    cr_expect_eq(purge_before(house.now).callbacks, 0, "running");
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0), STORE_OK);
    cr_expect_eq(purge_before(house.now).callbacks, 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 0);
    cr_expect(!house_holds(&house, "some output"));
}

/* The dead one was run again, its hook left, and what that had not finished was purged: what the other
 * hook printed goes with the callback all the same. */
Test(store_purge, who_told_of_a_death_goes_when_the_dead_one_was_purged)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE};
    struct store_purge_hook purge = {
        .base.kind = STORE_PURGE_HOOK, .hook = "crm", .now = house.now};
    store_key callback, key, dead = tell_death_of_unmatched(&callback);
    struct store_retry retry = {.base.kind = STORE_RETRY, .delivery = dead, .now = house.now};

    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &key), 1);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0), STORE_OK);
    cr_assert_eq(house_do(&house, &retry), STORE_OK);
    house.settings.hooks[0] = house.settings.hooks[1];
    house.settings.n_hooks = 1;
    command.settings = house.settings;
    cr_assert_eq(house_do(&house, &command), STORE_OK);
    cr_assert_eq(house_do(&house, &purge), STORE_OK);
    cr_assert_eq(purge.n, 1);
    cr_expect_eq(purge_before(house.now).callbacks, 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 0);
    cr_expect(!house_holds(&house, "some output"));
}

Test(store_purge, many_go_in_several_slices)
{
    enum { N = 450 };
    char id[32];
    struct store_purge purge;
    struct store_counts before, after;

    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        finish("Zenobia", id, "zenobia@example.com");
        deliver(ATTEMPT_SUCCEEDED);
    }
    store_counts(house.store, &before);
    purge = purge_before(house.now + 1);
    store_counts(house.store, &after);
    cr_expect_eq(purge.requests, N);
    cr_expect_eq(requests(), 0);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_geq(after.commits - before.commits, 5);
}

static void on_done(struct store_command *command)
{
    *(bool *)command->userdata = true;
}

/* Each contact of a batch looks at all callbacks that are about none for sure: they count as well. */
Test(store_purge, callbacks_that_are_looked_at_fill_a_slice)
{
    enum { N = 60, LOOSE = 50 };
    struct contact contacts[N];
    struct store_counts before, after;
    store_key submission;
    char text[100];

    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "{\"row\": %d}", i);
        contacts[i] = house_contact("Zenobia", "Quux", text);
    }
    cr_assert_eq(house_submit_array(&house, contacts, N, NULL).base.result, STORE_OK);
    submission = house_accept(&house, "id-of-all");
    for (int i = 0; i < LOOSE; i++) {
        snprintf(text, sizeof(text), "{\"id\": \"id-of-all\", \"custom\": {\"other\": %d}}", i);
        cr_assert_eq(house_receive(&house, submission, text).state, CALLBACK_MISMATCHED);
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "{\"id\": \"id-of-all\", \"custom\": {\"row\": %d}}", i);
        cr_assert_eq(house_receive(&house, submission, text).state, CALLBACK_MATCHED);
        deliver(ATTEMPT_SUCCEEDED);
    }
    store_counts(house.store, &before);
    cr_expect_eq(purge_before(house.now + 1).requests, N);
    store_counts(house.store, &after);
    cr_expect_geq(after.commits - before.commits, 4);
    cr_expect(!house_holds(&house, "enobia"));
}

Test(store_purge, what_comes_meanwhile_does_not_wait_for_the_end)
{
    enum { N = 300 };
    char id[32];
    bool done = false;
    struct store_purge purge = {.base = {.kind = STORE_PURGE,
                                         .where = STORE_DONE_ON_LOOP,
                                         .done = on_done,
                                         .userdata = &done},
                                .before = house.now + 1,
                                .now = house.now};

    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        finish("Zenobia", id, "zenobia@example.com");
        deliver(ATTEMPT_SUCCEEDED);
    }
    cr_assert_eq(store_post(house.store, &purge.base), STORE_OK);
    house_receive(&house, 0, "{\"id\": \"meanwhile\"}");
    cr_expect(!done, "the callback was answered in between");
    for (int i = 0; i < 200 && !done; i++)
        house_look(&house);
    cr_expect(done);
    cr_expect_eq(purge.requests, N);
}

Test(store_purge, a_store_that_closes_does_not_wait_for_it)
{
    enum { N = 300 };
    char id[32];
    bool done = false;
    struct store_purge purge = {.base = {.kind = STORE_PURGE,
                                         .where = STORE_DONE_ON_LOOP,
                                         .done = on_done,
                                         .userdata = &done},
                                .before = house.now + 1,
                                .now = house.now};

    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        finish("Zenobia", id, "zenobia@example.com");
        deliver(ATTEMPT_SUCCEEDED);
    }
    cr_assert_eq(store_post(house.store, &purge.base), STORE_OK);
    house_stop(&house);
    cr_expect(done);
    house_start(&house);
    cr_expect_gt(requests(), 0);
    cr_expect_eq(purge_before(house.now + 1).requests, N - purge.requests);
    cr_expect_eq(requests(), 0);
}

Test(store_purge, tombstones_go_when_they_are_old)
{
    struct store_purge purge = {.base.kind = STORE_PURGE, .now = house.now};
    struct store_counts counts;

    house_erase(&house, finish("Zenobia", "id-of-zenobia", "zenobia@example.com"));
    store_counts(house.store, &counts);
    cr_expect_eq(counts.tombstones, 1);
    cr_assert_eq(house_do(&house, &purge), STORE_OK);
    cr_expect_eq(purge.tombstones, 0);
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"id-of-zenobia\"}").callback, 0);
    purge.sofar = (struct purge_slice){0};
    purge.tombstones_before = house.now + 1;
    cr_assert_eq(house_do(&house, &purge), STORE_OK);
    cr_expect_eq(purge.tombstones, 1);
    cr_expect_neq(house_receive(&house, 0, "{\"id\": \"id-of-zenobia\"}").callback, 0);
}

Test(store_purge, an_erased_delivery_that_runs_is_named)
{
    store_key request = finish("Zenobia", "id-of-zenobia", "zenobia@example.com"), key;

    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(house_erase(&house, request), STORE_OK);
    cr_assert_eq(house.seen.n_cancelled, 1);
    cr_expect_eq(house.seen.cancelled[0], key);
}

Test(store_purge, the_newest_time_is_of_before_the_start)
{
    cr_expect_eq(store_newest_at(house.store), 0);
    finish("Zenobia", "id-of-zenobia", "zenobia@example.com");
    house_stop(&house);
    house_start(&house);
    cr_expect_eq(store_newest_at(house.store), house.now);
}

Test(store_purge, old_dead_deliveries_are_counted)
{
    struct store_reader *reader;
    int64_t n;

    finish("Zenobia", "id-of-zenobia", "zenobia@example.com");
    deliver(ATTEMPT_DEAD);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_old_dead(reader, house.now, &n), 0);
    cr_expect_eq(n, 0);
    cr_assert_eq(reader_old_dead(reader, house.now + 1, &n), 0);
    cr_expect_eq(n, 1);
    store_reader_free(reader);
}
