/* What the document of a hook is made of, for each event; and events. */
#include "test-reader-rows.h"

#include "common/json.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct rows rows;

/* Request 1 is finished by callback 5, callback 6 has no request, request 2 waits. */
static void setup(void)
{
    rows_open(&rows);
    rows_request(&rows, 1, REQUEST_FINISHED, ENRICHMENT_EMAIL, 100);
    rows_request(&rows, 2, REQUEST_EXPIRED, ENRICHMENT_EMAIL, 100);
    rows_sql(&rows,
             "INSERT INTO callback (id, state, reason, received_at, enrichment_id, body) VALUES"
             " (5, 0, 0, 500, 'E', CAST('{\"status\":\"finished\",\"n\":1}' AS BLOB)),"
             " (6, 2, 5, 600, 'F', CAST('{\"n\":2}' AS BLOB)), (7, 5, 1, 700, 'G', x'');"
             "UPDATE request SET callback = 5, source = 1, enrichment_id = 'E' WHERE id = 1;"
             "INSERT INTO result (request, received_at, digest, json) VALUES (1, 500, x'00', "
             "'{\"status\":\"finished\"}');"
             "INSERT INTO hook (id, name) VALUES (1, 'crm'), (2, 'alarm')");
}

static void teardown(void)
{
    cr_expect(rows_reader_is_idle(&rows));
    rows_close(&rows);
}

TestSuite(reader_facts, .init = setup, .fini = teardown);

static void add(int64_t key, enum hook_event event, const char *request, const char *callback,
                const char *dead)
{
    rows_sql(&rows,
             "INSERT INTO delivery (id, hook, state, event, request, callback, dead, attempts,"
             " created_at) VALUES (%lld, %d, 1, %d, %s, %s, %s, 2, 50)",
             (long long)key, event == EVENT_DEAD ? 2 : 1, (int)event, request, callback, dead);
}

static int64_t number_of(struct json_object *raw)
{
    int64_t n = -1;

    (void)json_get_int64(raw, "n", &n);
    return n;
}

Test(reader_facts, finished)
{
    struct delivery_facts facts;
    char id[UUID_TEXT_SIZE];

    add(9, EVENT_FINISHED, "1", "NULL", "NULL");
    rows_id(STORE_KIND_DELIVERY, 9, id);
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_expect_eq(facts.key, 9);
    cr_expect_str_eq(facts.id, id);
    cr_expect_eq((int)facts.event, EVENT_FINISHED);
    cr_expect_str_eq(facts.hook, "crm");
    cr_expect_eq(facts.attempt, 1);
    cr_assert(facts.has_request);
    cr_expect_eq(facts.request.key, 1);
    cr_expect_not_null(facts.request.result);
    cr_expect_eq(facts.received_at, 500);
    cr_expect_eq(number_of(facts.raw), 1);
    cr_expect_null(facts.dead);
    delivery_facts_done(&facts);
    cr_expect_eq(reader_delivery_facts(rows.reader, 10, &facts), READER_E_NOT_FOUND);
}

Test(reader_facts, the_number_of_the_attempt_counts_every_run)
{
    struct delivery_facts facts;

    add(9, EVENT_FINISHED, "1", "NULL", "NULL");
    rows_sql(&rows, "INSERT INTO attempt VALUES (9, 6, 1, 1, NULL, NULL, 0, 1, NULL, NULL, 1, 1),"
                    " (9, 7, 1, 1, NULL, NULL, 0, 1, NULL, NULL, 1, 1)");
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_expect_eq(facts.attempt, 8);
    delivery_facts_done(&facts);
}

Test(reader_facts, a_polled_result_has_no_callback_behind_it)
{
    struct delivery_facts facts;

    rows_sql(&rows, "UPDATE request SET callback = NULL, source = 2 WHERE id = 1");
    add(9, EVENT_FINISHED, "1", "NULL", "NULL");
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_expect_null(facts.raw);
    cr_expect_eq(facts.received_at, 500); /* when Pronto answered */
    cr_expect_not_null(facts.request.result);
    delivery_facts_done(&facts);
}

Test(reader_facts, what_expired_stays_expired_for_its_delivery)
{
    struct delivery_facts facts;

    add(9, EVENT_EXPIRED, "1", "NULL", "NULL");
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_assert(facts.has_request);
    cr_expect_null(facts.request.result);
    cr_expect_eq((int)facts.request.source, SOURCE_NONE);
    cr_expect_null(facts.raw);
    cr_expect_eq(facts.received_at, 0);
    delivery_facts_done(&facts);
}

Test(reader_facts, unmatched)
{
    struct delivery_facts facts;

    add(9, EVENT_UNMATCHED, "NULL", "6", "NULL");
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_expect_not(facts.has_request);
    cr_expect_eq(facts.received_at, 600);
    cr_expect_eq(number_of(facts.raw), 2);
    delivery_facts_done(&facts);
}

Test(reader_facts, a_body_that_is_no_json_is_no_raw)
{
    struct delivery_facts facts;

    add(9, EVENT_UNMATCHED, "NULL", "7", "NULL");
    cr_assert_eq(reader_delivery_facts(rows.reader, 9, &facts), READER_OK);
    cr_expect_eq(facts.received_at, 700);
    cr_expect_null(facts.raw);
    delivery_facts_done(&facts);
}

Test(reader_facts, dead)
{
    struct delivery_facts facts;
    char id[UUID_TEXT_SIZE];
    int64_t attempts;

    add(9, EVENT_FINISHED, "1", "NULL", "NULL");
    rows_sql(&rows, "INSERT INTO attempt VALUES (9, 1, 1, 1, 1, NULL, 0, 0, 'first', NULL, 1, 1),"
                    " (9, 2, 1, 1, 65, NULL, 0, 0, 'last', NULL, 1, 1)");
    add(10, EVENT_DEAD, "1", "NULL", "9");
    rows_id(STORE_KIND_DELIVERY, 9, id);
    cr_assert_eq(reader_delivery_facts(rows.reader, 10, &facts), READER_OK);
    cr_expect_eq((int)facts.event, EVENT_DEAD);
    cr_expect_str_eq(facts.hook, "alarm");
    cr_expect_eq(facts.attempt, 1);
    cr_expect(facts.has_request);
    cr_expect_eq(number_of(facts.raw), 1);
    cr_assert_not_null(facts.dead);
    cr_expect_str_eq(json_get_string(facts.dead, "hook"), "crm");
    cr_expect_str_eq(json_get_string(facts.dead, "delivery_id"), id);
    cr_expect_str_eq(json_get_string(facts.dead, "event"), "finished");
    cr_expect_str_eq(json_get_string(facts.dead, "error"), "last");
    cr_assert(json_get_int64(facts.dead, "attempts", &attempts));
    cr_expect_eq(attempts, 2);
    delivery_facts_done(&facts);
}

Test(reader_facts, dead_of_an_unmatched_callback)
{
    struct delivery_facts facts;

    add(9, EVENT_UNMATCHED, "NULL", "6", "NULL");
    add(10, EVENT_DEAD, "NULL", "NULL", "9");
    cr_assert_eq(reader_delivery_facts(rows.reader, 10, &facts), READER_OK);
    cr_expect_not(facts.has_request);
    cr_expect_eq(number_of(facts.raw), 2);
    cr_assert_not_null(facts.dead);
    cr_expect_null(json_get_string(facts.dead, "error"));
    delivery_facts_done(&facts);
}

Test(reader_facts, events)
{
    struct event_record *events;
    char id[UUID_TEXT_SIZE];
    size_t n;
    bool gap;

    add(9, EVENT_FINISHED, "1", "NULL", "NULL");
    rows_sql(
        &rows,
        "INSERT INTO event (id, at, name, request, delivery, callback) VALUES"
        " (11, 1000, %d, 1, NULL, NULL), (12, 1001, %d, NULL, NULL, 6), (13, 1002, %d, 1, 9, NULL)",
        EVENT_NAME_REQUEST + REQUEST_FINISHED, EVENT_NAME_CALLBACK + CALLBACK_UNMATCHED,
        EVENT_NAME_DELIVERY + DELIVERY_DEAD);
    cr_assert_eq(reader_events(rows.reader, 0, 50, &events, &n, &gap), READER_OK);
    cr_expect_not(gap);
    cr_assert_eq(n, 3);
    rows_id(STORE_KIND_EVENT, 11, id);
    cr_expect_str_eq(events[0].id, id);
    cr_expect_eq(events[0].at, 1000);
    cr_expect_str_eq(events[0].name, "request.finished");
    cr_expect_str_eq(events[0].enrichment_id, "E");
    cr_expect_null(events[0].hook);
    cr_expect_str_empty(events[0].delivery_id);
    cr_expect_str_eq(events[1].name, "callback.unmatched");
    cr_expect_str_eq(events[1].enrichment_id, "F");
    cr_expect_str_empty(events[1].request_id);
    rows_id(STORE_KIND_DELIVERY, 9, id);
    cr_expect_str_eq(events[2].delivery_id, id);
    rows_id(STORE_KIND_REQUEST, 1, id);
    cr_expect_str_eq(events[2].request_id, id);
    cr_expect_str_eq(events[2].hook, "crm");
    event_records_free(events, n);
    event_records_free(NULL, 0);
}

Test(reader_facts, events_after_one_and_gaps)
{
    static const struct {
        store_key since;
        size_t limit, n;
        bool gap;
    } cases[] = {
        {0, 50, 3, false},  {1, 50, 3, true},  {9, 50, 3, true},   {10, 50, 3, false},
        {11, 50, 2, false}, {12, 1, 1, false}, {13, 50, 0, false}, {99, 50, 0, false},
    };
    struct event_record *events;
    size_t n;
    bool gap;

    cr_assert_eq(reader_events(rows.reader, 5, 50, &events, &n, &gap), READER_OK);
    cr_expect(n == 0 && !gap);
    event_records_free(events, n);
    rows_sql(&rows, "INSERT INTO event (id, at, name) VALUES (11, 1, 0), (12, 1, 0), (13, 1, 0)");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_assert_eq(reader_events(rows.reader, cases[i].since, cases[i].limit, &events, &n, &gap),
                     READER_OK);
        cr_expect_eq(n, cases[i].n, "case %zu", i);
        cr_expect_eq(gap, cases[i].gap, "case %zu", i);
        if (n > 0)
            cr_expect_eq(events[0].key, cases[i].since < 11 ? 11 : cases[i].since + 1);
        event_records_free(events, n);
    }
}

Test(reader_facts, an_unknown_event_is_an_error)
{
    struct event_record *events;
    size_t n;
    bool gap;

    rows_sql(&rows, "INSERT INTO event (id, at, name) VALUES (1, 1, 0), (2, 1, 999)");
    cr_expect_eq(reader_events(rows.reader, 0, 50, &events, &n, &gap), -EBADMSG);
}
