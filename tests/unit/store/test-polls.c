/* When Pronto is asked for requests, and what its answers do. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define AFTER    600000
#define DEADLINE 86400000
#define LEASE    60000

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
    house.settings.hooks[0].on |= 1U << EVENT_EXPIRED;
    reconfigure();
}

static void teardown(void)
{
    house_check(&house);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class / 3 = 1 AND NOT "
                                     "EXISTS (SELECT * FROM poll WHERE due_at = poll_at AND "
                                     "poll.request = request.id)"),
                 0, "a pending request that nobody asks for");
    house_close(&house);
}

TestSuite(store_polls, .init = setup, .fini = teardown);

static store_key pending(const char *id, const char *custom)
{
    store_key key = house_submit(&house, "Ada", "Lovelace", custom);

    house_accept(&house, id);
    return key;
}

static void submit_batch(store_key keys[2])
{
    struct contact contacts[] = {house_contact("Ada", "Lovelace", "{\"row\": 1}"),
                                 house_contact("Bea", "Lovelace", "{\"row\": 2}")};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 2,
                                  .array = true,
                                  .now = house.now};

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    house_accept(&house, "batch");
    for (size_t i = 0; i < 2; i++) {
        keys[i] = submit.keys[i];
        contact_done(&contacts[i]);
    }
}

static struct store_claim_polls claim_as(struct store_claim_polls claim)
{
    claim.base.kind = STORE_CLAIM_POLLS;
    claim.lease_ms = LEASE;
    claim.now = house.now;
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    return claim;
}

static struct store_claim_polls claim(size_t max)
{
    return claim_as((struct store_claim_polls){.max = max});
}

static struct store_finish_poll finish_with(store_key request, enum poll_outcome outcome,
                                            const char *raw, const char *error)
{
    struct store_finish_poll finish = {.base.kind = STORE_FINISH_POLL,
                                       .request = request,
                                       .outcome = outcome,
                                       .raw = raw,
                                       .raw_size = raw ? strlen(raw) : 0,
                                       .error = error,
                                       .now = house.now};
    struct json_object *object;

    if (raw) {
        cr_assert_eq(json_parse_strict(raw, strlen(raw), true, &object), 0);
        cr_assert_eq(reading_parse(object, &finish.reading), 0);
        json_object_put(object);
    }
    finish.base.result = house_do(&house, &finish);
    reading_done(&finish.reading);
    return finish;
}

static int64_t poll_at(store_key request)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "SELECT poll_at FROM request WHERE id = %lld", (long long)request);
    return house_count(&house, sql);
}

static int64_t state_of(store_key request)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "SELECT class / 3 FROM request WHERE id = %lld", (long long)request);
    return house_count(&house, sql);
}

Test(store_polls, a_pending_one_is_asked_for_after_a_while)
{
    store_key key = pending("e-1", NULL);
    struct store_claim_polls none, one;

    cr_expect(house.seen.polls);
    cr_expect_eq(poll_at(key), start + AFTER);
    house.now = start + AFTER - 1;
    none = claim(4);
    cr_expect_eq(none.n, 0);
    cr_expect(!none.more);
    cr_expect_eq(none.next_due_at, start + AFTER);
    house.now++;
    one = claim(4);
    cr_assert_eq(one.n, 1);
    cr_expect_eq(one.jobs[0].request, key);
    cr_expect_str_eq(one.jobs[0].enrichment_id, "e-1");
    cr_expect_eq(one.next_due_at, house.now + LEASE, "a crash forgets none");
    cr_expect_eq(claim(4).n, 0);
    house.now += LEASE;
    cr_expect_eq(claim(4).n, 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM poll"), 1);
}

Test(store_polls, the_scheduler_is_woken)
{
    house.seen.polls = false;
    pending("e-1", NULL);
    cr_expect(house.seen.polls);
}

Test(store_polls, a_registered_one_is_asked_for)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_register command = {
        .base.kind = STORE_REGISTER, .contact = &contact, .enrichment_id = "e-1", .now = house.now};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
    contact_done(&contact);
    cr_expect_eq(poll_at(command.key), start + AFTER);
    house.now += AFTER;
    cr_expect_eq(claim(1).n, 1);
}

Test(store_polls, the_deadline_comes_first)
{
    house.settings.deadline_ms = AFTER / 2;
    reconfigure();
    cr_expect_eq(poll_at(pending("e-1", NULL)), start + AFTER / 2);
}

Test(store_polls, a_claim_has_room_for_so_many)
{
    struct store_claim_polls first, rest;

    for (int i = 0; i < 5; i++)
        pending("e", NULL);
    house.now += AFTER;
    first = claim(3);
    cr_expect_eq(first.n, 3);
    cr_expect(first.more);
    cr_expect_eq(first.next_due_at, start + AFTER);
    cr_expect_eq(first.jobs[2].request, 3);
    rest = claim(3);
    cr_expect_eq(rest.n, 2);
    cr_expect(!rest.more);
    cr_expect_eq(claim(0).n, 0);
}

Test(store_polls, a_batch_expires_without_being_asked_for)
{
    store_key keys[2];
    struct store_claim_polls due;

    submit_batch(keys);
    cr_expect_eq(poll_at(keys[0]), start + DEADLINE);
    house.now = start + DEADLINE - 1;
    cr_expect_eq(claim(4).n, 0);
    house.now++;
    house.seen.n_settled = 0;
    due = claim(4);
    cr_expect_eq(due.n, 0);
    cr_expect_eq(due.next_due_at, 0);
    cr_expect_eq(state_of(keys[0]), REQUEST_EXPIRED);
    cr_expect_eq(state_of(keys[1]), REQUEST_EXPIRED);
    cr_expect_eq(house.seen.n_settled, 2);
    cr_expect_eq(house_count(&house,
                             "SELECT count(*) FROM request WHERE finished_at = submitted_at "
                             "+ 86400000 AND error = 'no result before the deadline'"),
                 2);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE event = 2"), 2);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM event WHERE name = 4"), 2);
    cr_expect_eq(house_receive(&house, 1, "{\"id\": \"batch\", \"custom\": {\"row\": 2}}").state,
                 CALLBACK_MATCHED, "a late one is welcome");
    cr_expect_eq(state_of(keys[1]), REQUEST_FINISHED);
}

Test(store_polls, a_batch_gets_a_deadline_that_was_moved)
{
    store_key keys[2];

    submit_batch(keys);
    house.settings.deadline_ms = 2 * DEADLINE;
    reconfigure();
    house.now += DEADLINE;
    cr_expect_eq(claim(4).n, 0);
    cr_expect_eq(state_of(keys[0]), REQUEST_PENDING);
    cr_expect_eq(poll_at(keys[0]), start + 2 * DEADLINE);
}

Test(store_polls, stale_rows_are_passed_over)
{
    store_key erased = pending("e-1", NULL), last;
    struct store_claim_polls due;

    pending("e-2", NULL);
    pending("e-3", NULL);
    cr_assert_eq(house_erase(&house, erased), STORE_OK);
    cr_expect_eq(house_receive(&house, 2, "{\"id\": \"e-2\"}").state, CALLBACK_MATCHED);
    cr_expect_eq(finish_with(3, POLL_NOT_ASKED, NULL, NULL).state, REQUEST_PENDING);
    house.now += 1000;
    last = pending("e-4", NULL);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM poll"), 5);
    cr_expect_eq(claim(4).n, 1);
    cr_expect_eq(finish_with(3, POLL_FINISHED, "{\"id\": \"e-3\"}", NULL).state, REQUEST_FINISHED);
    house.now = poll_at(last);
    due = claim(4);
    cr_expect_eq(due.n, 1);
    cr_expect_eq(due.jobs[0].request, last);
    cr_expect_eq(due.next_due_at, house.now + LEASE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM poll"), 1, "the stale ones are gone");
}

Test(store_polls, a_result_finishes)
{
    store_key key = pending("e-1", "{\"row\": 1}"), deliveries[1];
    struct store_reader *reader;
    struct delivery_facts facts;
    struct store_finish_poll finish;

    house.now += AFTER;
    claim(1);
    finish_with(key, POLL_FAILED, NULL, "no answer");
    house.seen.n_settled = 0;
    finish = finish_with(key, POLL_FINISHED,
                         "{\"id\": \"e-1\", \"email\": \"ada@example.com\", \"custom\": {\"row\": "
                         "1}, \"credits\": 3}",
                         NULL);
    cr_expect_eq(finish.base.result, STORE_OK);
    cr_expect_eq(finish.state, REQUEST_FINISHED);
    cr_expect(!finish.mismatched);
    cr_expect_eq(house.seen.n_settled, 1);
    cr_expect_eq(house_count(&house, "SELECT source FROM request WHERE error ISNULL"), SOURCE_POLL);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, deliveries), 1);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_delivery_facts(reader, deliveries[0], &facts), READER_OK);
    cr_expect_str_eq(json_get_string(facts.request.result, "email"), "ada@example.com");
    cr_expect_not_null(json_get(facts.raw, "credits"));
    cr_expect_eq(facts.received_at, house.now);
    cr_expect_eq(facts.request.source, SOURCE_POLL);
    delivery_facts_done(&facts);
    store_reader_free(reader);
    cr_expect_eq(finish_with(key, POLL_FINISHED, "{\"email\": \"b\"}", NULL).state,
                 REQUEST_FINISHED);
    cr_expect_eq(house_count(&house, "SELECT json ->> 'email' = 'ada@example.com' FROM result"), 1,
                 "the first counts");
    cr_expect_eq(
        house_receive(&house, 1, "{\"id\": \"e-1\", \"custom\": {\"row\": 1}, \"email\": \"c\"}")
            .state,
        CALLBACK_DUPLICATE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 1);
}

Test(store_polls, an_answer_about_another_contact_is_refused)
{
    static const struct {
        const char *own, *raw;
        bool about, lenient;
    } cases[] = {
        {NULL, "{\"email\": \"a\"}", true, false},
        {NULL, "{\"id\": \"another\"}", false, false},
        {NULL, "{\"custom\": {\"row\": 1}}", false, false},
        {NULL, "{\"first_name\": \"Ada\", \"last_name\": \"Lovelace\"}", true, false},
        {NULL, "{\"first_name\": \"Ada\"}", true, false},
        {NULL, "{\"first_name\": \"Bea\", \"last_name\": \"Lovelace\"}", false, false},
        {NULL, "{\"first_name\": \"Ada\", \"last_name\": \"Byron\"}", false, false},
        {"{\"row\": 1}", "{\"id\": \"e-1\"}", true, false},
        {"{\"row\": 1}", "{\"custom\": {\"row\": 1}, \"first_name\": \"Bea\"}", true, false},
        {"{\"row\": 1}", "{\"custom\": {\"row\": 2}}", false, false},
        {"{\"row\": 1}", "{\"custom\": {\"row\": \"1\"}}", false, false},
        {"{\"row\": 1}", "{\"custom\": {\"row\": \"1\"}}", true, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        store_key key = pending("e-1", cases[i].own);
        struct store_finish_poll finish;

        house.settings.custom_lenient = cases[i].lenient;
        reconfigure();
        finish = finish_with(key, POLL_FINISHED, cases[i].raw, NULL);
        cr_expect_eq(finish.mismatched, !cases[i].about, "%s", cases[i].raw);
        cr_expect_eq(finish.state, cases[i].about ? REQUEST_FINISHED : REQUEST_PENDING, "%s",
                     cases[i].raw);
    }
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE error = 'Pronto answered "
                                     "with another contact' AND class = 3"),
                 6);
}

Test(store_polls, without_a_result_the_time_doubles)
{
    store_key key = pending("e-1", NULL);

    for (int i = 0; i < 20 && house.now < start + DEADLINE; i++) {
        int64_t passed;

        house.now = poll_at(key);
        passed = house.now - start;
        cr_expect_eq(claim(1).n, 1);
        cr_expect_eq(finish_with(key, POLL_PENDING, NULL, NULL).state,
                     house.now < start + DEADLINE ? REQUEST_PENDING : REQUEST_EXPIRED);
        if (state_of(key) == REQUEST_PENDING && poll_at(key) < start + DEADLINE)
            cr_expect(poll_at(key) >= house.now + passed / 2 && poll_at(key) <= house.now + passed);
    }
    cr_expect_eq(house.now, start + DEADLINE, "asked for once more at its deadline");
    cr_expect_eq(state_of(key), REQUEST_EXPIRED);
}

Test(store_polls, a_failure_is_tried_again_sooner)
{
    store_key key = pending("e-1", NULL);

    cr_expect_eq(finish_with(key, POLL_FAILED, NULL, "no answer").state, REQUEST_PENDING);
    cr_expect_eq(poll_at(key), house.now + 1000, "the least");
    cr_expect_eq(house_count(&house, "SELECT error = 'no answer' FROM request"), 1);
    cr_expect_eq(finish_with(key, POLL_NOT_ASKED, NULL, NULL).state, REQUEST_PENDING);
    cr_expect_eq(poll_at(key), house.now);
    cr_expect_eq(house_count(&house, "SELECT error = 'no answer' FROM request"), 1);
    finish_with(key, POLL_PENDING, NULL, NULL);
    cr_expect_eq(house_count(&house, "SELECT error ISNULL FROM request"), 1);
    house.now = start + DEADLINE;
    cr_expect_eq(finish_with(key, POLL_FAILED, NULL, "no answer").state, REQUEST_EXPIRED);
    cr_expect_eq(house_count(&house, "SELECT error = 'no answer' FROM request"), 1);
    cr_expect_eq(finish_with(99, POLL_PENDING, NULL, NULL).base.result, STORE_E_NOT_FOUND);
}

Test(store_polls, nothing_expires_while_nobody_can_be_asked)
{
    store_key key = pending("e-1", NULL), keys[2];
    struct store_claim_polls away = {.max = 0, .cannot_ask = true};

    submit_batch(keys);
    house.now += AFTER;
    away.expire_before = house.now;
    cr_expect_eq(claim_as(away).n, 0);
    cr_expect_eq(poll_at(key), house.now + AFTER / 2 + (int64_t)(AFTER / 2 * 0.618033988));
    house.now = start + DEADLINE;
    away.expire_before = start + DEADLINE - 1;
    cr_expect_eq(claim_as(away).n, 0);
    cr_expect_eq(state_of(key), REQUEST_PENDING);
    cr_expect_eq(state_of(keys[0]), REQUEST_EXPIRED, "asking would not help a batch");
    cr_expect_eq(poll_at(key), house.now + AFTER / 2 + (int64_t)(AFTER / 2 * 0.618033988));
    house.now += AFTER;
    away.expire_before = start + DEADLINE;
    claim_as(away);
    cr_expect_eq(state_of(key), REQUEST_EXPIRED);
}

Test(store_polls, by_hand)
{
    store_key queued = house_submit(&house, "Ada", "Lovelace", NULL), keys[2], key;
    struct store_claim_poll one = {
        .base.kind = STORE_CLAIM_POLL, .request = 99, .lease_ms = LEASE, .now = house.now};

    cr_expect_eq(house_do(&house, &one), STORE_E_NOT_FOUND);
    one.request = queued;
    cr_expect_eq(house_do(&house, &one), STORE_E_STATE);
    key = queued;
    house_accept(&house, "e-1");
    cr_expect_eq(house_do(&house, &one), STORE_OK);
    cr_expect_str_eq(one.job.enrichment_id, "e-1");
    cr_expect_eq(one.job.request, key);
    cr_expect_eq(poll_at(key), house.now + LEASE);
    submit_batch(keys);
    one.request = keys[0];
    cr_expect_eq(house_do(&house, &one), STORE_E_CONFLICT);
    house.now += DEADLINE;
    claim(1);
    finish_with(key, POLL_PENDING, NULL, NULL);
    cr_expect_eq(state_of(key), REQUEST_EXPIRED);
    one.request = key;
    cr_expect_eq(house_do(&house, &one), STORE_OK);
    cr_expect_eq(finish_with(key, POLL_FAILED, NULL, "no answer").state, REQUEST_EXPIRED);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE error = 'no answer'"), 0);
    cr_expect_eq(claim(4).n, 0);
    cr_expect_eq(finish_with(key, POLL_FINISHED, "{}", NULL).state, REQUEST_FINISHED);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE finished_at IS NOT NULL "
                                     "AND error ISNULL AND class = 6"),
                 1);
    cr_expect_eq(house_do(&house, &one), STORE_E_STATE);
}

Test(store_polls, a_reader_shows_the_next_one)
{
    store_key key = pending("e-1", NULL);
    struct request_record record;
    struct store_reader *reader;

    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_request(reader, key, &record), READER_OK);
    cr_expect_eq(record.next_poll_at, start + AFTER);
    request_record_done(&record);
    finish_with(key, POLL_FINISHED, "{}", NULL);
    cr_assert_eq(reader_request(reader, key, &record), READER_OK);
    cr_expect_eq(record.next_poll_at, 0);
    cr_expect_eq(record.source, SOURCE_POLL);
    request_record_done(&record);
    store_reader_free(reader);
}

Test(store_polls, nothing_is_left_of_an_answer_when_it_is_erased)
{
    store_key key = pending("e-1", NULL);

    finish_with(key, POLL_FINISHED, "{\"phone\": \"+12025550147\", \"x\": \"zenobia\"}", NULL);
    cr_expect(house_holds(&house, "zenobia"));
    cr_assert_eq(house_erase(&house, key), STORE_OK);
    cr_expect(!house_holds(&house, "zenobia"));
    cr_expect(!house_holds(&house, "+12025550147"));
}
