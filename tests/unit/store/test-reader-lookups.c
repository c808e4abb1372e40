#include "test-reader-rows.h"

#include "common/json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct rows rows;

static void setup(void)
{
    rows_open(&rows);
}

static void teardown(void)
{
    cr_expect(rows_reader_is_idle(&rows));
    rows_close(&rows);
}

TestSuite(reader_lookups, .init = setup, .fini = teardown);

static void hex(const void *data, size_t size, char *ret)
{
    for (size_t i = 0; i < size; i++)
        snprintf(ret + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
}

static void add_token(int64_t submission, const struct token *stored, const struct token *looked_up)
{
    char token[2 * TOKEN_BYTES + 1], digest_text[2 * DIGEST_BYTES + 1];
    struct digest digest;

    token_digest(looked_up, &digest);
    hex(stored->bytes, sizeof(stored->bytes), token);
    hex(digest.bytes, sizeof(digest.bytes), digest_text);
    rows_sql(&rows,
             "INSERT INTO submission (id, state, enrichment_type, bulk, token, token_digest)"
             " VALUES (%lld, 2, 0, 0, x'%s', x'%s')",
             (long long)submission, token, digest_text);
}

Test(reader_lookups, token)
{
    struct token mine = {{0}}, other, zero = {{0}}; /* with NUL bytes */
    store_key submission = 0;

    mine.bytes[31] = 1;
    random_fill(other.bytes, sizeof(other.bytes));
    add_token(7, &mine, &mine);
    cr_assert_eq(reader_token(rows.reader, &mine, &submission), READER_OK);
    cr_expect_eq(submission, 7);
    cr_expect_eq(reader_token(rows.reader, &other, &submission), READER_E_NOT_FOUND);
    cr_expect_eq(reader_token(rows.reader, &zero, &submission), READER_E_NOT_FOUND);
}

Test(reader_lookups, a_digest_alone_is_no_token)
{
    struct token mine, other;
    store_key submission = 0;

    random_fill(mine.bytes, sizeof(mine.bytes));
    random_fill(other.bytes, sizeof(other.bytes));
    add_token(7, &other, &mine);
    cr_expect_eq(reader_token(rows.reader, &mine, &submission), READER_E_NOT_FOUND);
    cr_expect_eq(submission, 0);
}

Test(reader_lookups, request)
{
    struct request_record record = {0};
    char id[UUID_TEXT_SIZE];

    rows_request(&rows, 5, REQUEST_FINISHED, ENRICHMENT_PHONE, 100);
    rows_sql(&rows, "UPDATE request SET submitted_at = 110, finished_at = 120, source = 2,"
                    " enrichment_id = 'E-1', error = 'no';"
                    "UPDATE submission SET tries = 3, unanswered = 1, next_at = 99;"
                    "INSERT INTO result (request, received_at, digest, json) VALUES (5, 120, "
                    "x'00', '{\"status\":\"finished\"}')");
    cr_assert_eq(reader_request(rows.reader, 5, &record), READER_OK);
    rows_id(STORE_KIND_REQUEST, 5, id);
    cr_expect_str_eq(record.id, id);
    cr_expect_eq(record.key, 5);
    cr_expect_eq((int)record.state, REQUEST_FINISHED);
    cr_expect_eq((int)record.type, ENRICHMENT_PHONE);
    cr_expect_eq(record.created_at, 100);
    cr_expect_eq(record.submitted_at, 110);
    cr_expect_eq(record.finished_at, 120);
    cr_expect_eq((int)record.source, SOURCE_POLL);
    cr_expect_str_eq(record.enrichment_id, "E-1");
    cr_expect_str_eq(record.error, "no");
    cr_expect_eq(record.submission, 5);
    cr_expect_eq(record.tries, 3);
    cr_expect(record.maybe_sent);
    cr_expect_eq(record.next_try_at, 0, "it is not queued");
    cr_expect_str_eq(json_get_string(record.content, "firstname"), "Ada");
    cr_expect_str_eq(json_get_string(record.result, "status"), "finished");
    request_record_done(&record);
    cr_expect_eq(reader_request(rows.reader, 6, &record), READER_E_NOT_FOUND);
    cr_expect_eq(reader_request(rows.reader, -1, &record), READER_E_NOT_FOUND);
}

Test(reader_lookups, queued_request_says_when_it_is_sent_again)
{
    struct request_record record = {0};

    rows_request(&rows, 1, REQUEST_QUEUED, ENRICHMENT_EMAIL, 100);
    rows_sql(&rows, "UPDATE submission SET state = 0, next_at = 99");
    cr_assert_eq(reader_request(rows.reader, 1, &record), READER_OK);
    cr_expect_eq(record.next_try_at, 99);
    cr_expect_not(record.maybe_sent);
    cr_expect_null(record.enrichment_id);
    cr_expect_null(record.error);
    cr_expect_null(record.result);
    cr_expect_eq(record.submitted_at, 0);
    request_record_done(&record);
    rows_sql(&rows, "UPDATE submission SET state = 1"); /* in a call */
    cr_assert_eq(reader_request(rows.reader, 1, &record), READER_OK);
    cr_expect_eq(record.next_try_at, 0);
    request_record_done(&record);
    /* A callback came early, and the rest of the batch waits. */
    rows_sql(&rows, "UPDATE submission SET state = 0; UPDATE request SET class = %d",
             REQUEST_FINISHED * ENRICHMENT_MAX_);
    cr_assert_eq(reader_request(rows.reader, 1, &record), READER_OK);
    cr_expect_eq(record.next_try_at, 0);
    request_record_done(&record);
}

Test(reader_lookups, request_by_what_people_write)
{
    char id[UUID_TEXT_SIZE], absent[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE], text[400];
    store_key key = 0;

    for (int64_t i = 1; i <= 4; i++)
        rows_request(&rows, i, REQUEST_PENDING, ENRICHMENT_EMAIL, 100);
    rows_sql(&rows, "UPDATE request SET enrichment_id = 'one' WHERE id = 2;"
                    "UPDATE request SET enrichment_id = 'two' WHERE id > 2");
    rows_id(STORE_KIND_REQUEST, 1, id);
    rows_id(STORE_KIND_REQUEST, 9, absent);
    rows_id(STORE_KIND_CALLBACK, 1, callback);
    cr_assert_eq(reader_request_find(rows.reader, id, &key), READER_OK);
    cr_expect_eq(key, 1);
    cr_assert_eq(reader_request_find(rows.reader, "one", &key), READER_OK);
    cr_expect_eq(key, 2);
    cr_expect_eq(reader_request_find(rows.reader, "two", &key), READER_E_AMBIGUOUS);
    cr_expect_eq(reader_request_find(rows.reader, absent, &key), READER_E_NOT_FOUND);
    cr_expect_eq(reader_request_find(rows.reader, callback, &key), READER_E_NOT_FOUND);
    cr_expect_eq(reader_request_find(rows.reader, "", &key), READER_E_NOT_FOUND);
    cr_expect_eq(reader_request_find(rows.reader, "' OR 1=1 --", &key), READER_E_NOT_FOUND);
    cr_expect_eq(reader_request_find(rows.reader, "%", &key), READER_E_NOT_FOUND);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_expect_eq(reader_request_find(rows.reader, text, &key), READER_E_NOT_FOUND);
    cr_expect_eq(key, 2);
}

Test(reader_lookups, an_enrichment_id_may_look_like_a_uuid)
{
    static const char uuid[] = "7f2c1f2e-8a4b-4c3d-9e5f-000000000001";
    store_key key = 0;

    rows_request(&rows, 1, REQUEST_PENDING, ENRICHMENT_EMAIL, 100);
    rows_sql(&rows, "UPDATE request SET enrichment_id = %Q", uuid);
    cr_assert_eq(reader_request_find(rows.reader, uuid, &key), READER_OK);
    cr_expect_eq(key, 1);
}

Test(reader_lookups, callback)
{
    struct callback_record record = {0};
    char id[UUID_TEXT_SIZE], request[UUID_TEXT_SIZE];

    rows_sql(&rows, "INSERT INTO callback VALUES (3, 1, 0, 1, NULL, 8, 77, 'E', '192.0.2.1',"
                    " '{\"User-Agent\":\"x\"}', x'00ff7b')");
    rows_id(STORE_KIND_CALLBACK, 3, id);
    rows_id(STORE_KIND_REQUEST, 8, request);
    cr_assert_eq(reader_callback(rows.reader, 3, &record), READER_OK);
    cr_expect_eq(record.key, 3);
    cr_expect_str_eq(record.id, id);
    cr_expect_str_eq(record.request_id, request);
    cr_expect_eq((int)record.state, CALLBACK_DUPLICATE);
    cr_expect_eq((int)record.reason, REASON_NONE);
    cr_expect(record.differs);
    cr_expect_eq(record.received_at, 77);
    cr_expect_str_eq(record.enrichment_id, "E");
    cr_expect_str_eq(record.client, "192.0.2.1");
    cr_expect_str_eq(json_get_string(record.headers, "User-Agent"), "x");
    cr_assert_eq(record.body_size, 3);
    cr_expect_arr_eq(record.body, "\0\xff{", 3);
    callback_record_done(&record);
    cr_expect_eq(reader_callback(rows.reader, 4, &record), READER_E_NOT_FOUND);
}

Test(reader_lookups, a_callback_may_be_bare)
{
    struct callback_record record = {0};

    rows_sql(&rows, "INSERT INTO callback (id, state, reason, received_at, body)"
                    " VALUES (3, 5, 1, 77, x'')");
    cr_assert_eq(reader_callback(rows.reader, 3, &record), READER_OK);
    cr_expect_eq((int)record.reason, REASON_NOT_JSON);
    cr_expect_str_empty(record.request_id);
    cr_expect_null(record.enrichment_id);
    cr_expect_null(record.client);
    cr_assert_not_null(record.body);
    cr_expect_eq(record.body_size, 0);
    callback_record_done(&record);
}

static void add_delivery(int64_t key, enum delivery_state state, enum hook_event event,
                         const char *request, const char *callback, const char *dead)
{
    rows_sql(
        &rows,
        "INSERT OR IGNORE INTO hook (id, name) VALUES (1, 'crm');"
        "INSERT INTO delivery (id, hook, state, event, request, callback, dead, attempts,"
        " interruptions, created_at, next_at) VALUES (%lld, 1, %d, %d, %s, %s, %s, 2, 1, 50, 60)",
        (long long)key, (int)state, (int)event, request, callback, dead);
}

static void add_attempts(int64_t delivery, int from, int to)
{
    for (int i = from; i <= to; i++)
        rows_sql(
            &rows,
            "INSERT INTO attempt VALUES (%lld, %d, %d, 5, nullif(%d, 3), NULL, 0, 0, 'exit %d',"
            " x'6f00', 12, NULL)",
            (long long)delivery, i, 1000 + i, i, i);
}

Test(reader_lookups, delivery)
{
    struct delivery_record record = {0};
    char id[UUID_TEXT_SIZE];

    add_delivery(4, DELIVERY_RETRYING, EVENT_FAILED, "NULL", "NULL", "NULL");
    add_attempts(4, 1, 3);
    rows_id(STORE_KIND_DELIVERY, 4, id);
    cr_assert_eq(reader_delivery(rows.reader, 4, &record), READER_OK);
    cr_expect_str_eq(record.id, id);
    cr_expect_eq((int)record.state, DELIVERY_RETRYING);
    cr_expect_eq((int)record.event, EVENT_FAILED);
    cr_expect_str_eq(record.hook, "crm");
    cr_expect_str_empty(record.request_id);
    cr_expect_eq(record.created_at, 50);
    cr_expect_eq(record.next_attempt_at, 60);
    cr_expect_eq(record.finished_at, 0);
    cr_expect_not(record.waits_for_earlier);
    cr_expect_eq(record.n_attempts, 2);
    cr_expect_eq(record.interruptions, 1);
    cr_assert_eq(record.n_attempt_records, 3);
    for (int i = 0; i < 3; i++) {
        const struct attempt_record *attempt = &record.attempts[i];

        cr_expect_eq(attempt->number, i + 1);
        cr_expect_eq(attempt->started_at, 1001 + i);
        cr_expect_eq(attempt->duration_ms, 5);
        cr_expect_eq(attempt->exit_code, i == 2 ? -1 : i + 1);
        cr_expect_eq(attempt->signal, 0);
        cr_assert_eq(attempt->output_size, 2);
        cr_expect_arr_eq(attempt->output, "o", 2);
    }
    delivery_record_done(&record);
    cr_expect_eq(reader_delivery(rows.reader, 5, &record), READER_E_NOT_FOUND);
}

Test(reader_lookups, the_newest_hundred_attempts)
{
    struct delivery_record record = {0};

    add_delivery(4, DELIVERY_RUNNING, EVENT_FINISHED, "NULL", "NULL", "NULL");
    add_attempts(4, 1, 150);
    cr_assert_eq(reader_delivery(rows.reader, 4, &record), READER_OK);
    cr_assert_eq(record.n_attempt_records, 100);
    cr_expect_eq(record.attempts[0].number, 51);
    cr_expect_eq(record.attempts[99].number, 150);
    cr_expect_eq(record.next_attempt_at, 0, "it runs");
    delivery_record_done(&record);
}

Test(reader_lookups, a_delivery_may_wait_for_an_earlier_one)
{
    struct delivery_record record = {0};

    add_delivery(4, DELIVERY_QUEUED, EVENT_FINISHED, "NULL", "NULL", "NULL");
    rows_sql(&rows, "UPDATE delivery SET next_at = NULL");
    cr_assert_eq(reader_delivery(rows.reader, 4, &record), READER_OK);
    cr_expect(record.waits_for_earlier);
    cr_expect_eq(record.next_attempt_at, 0);
    delivery_record_done(&record);
    rows_sql(&rows, "UPDATE delivery SET state = %d", DELIVERY_SUCCEEDED);
    cr_assert_eq(reader_delivery(rows.reader, 4, &record), READER_OK);
    cr_expect_not(record.waits_for_earlier);
    delivery_record_done(&record);
}

Test(reader_lookups, hook)
{
    struct hook_counts counts;

    rows_sql(
        &rows,
        "INSERT INTO hook VALUES (1, 'crm', 11, 22, 1), (2, 'new', NULL, NULL, 0);"
        "INSERT INTO counter VALUES (%d, 1, 0, 5), (%d, 1, 4, 6), (%d, 2, 4, 9), (%d, 1, 4, 1)",
        COUNTER_DELIVERY, COUNTER_DELIVERY, COUNTER_DELIVERY, COUNTER_REQUEST);
    cr_assert_eq(reader_hook(rows.reader, "crm", &counts), READER_OK);
    cr_expect_eq(counts.of[DELIVERY_QUEUED], 5);
    cr_expect_eq(counts.of[DELIVERY_RUNNING], 0);
    cr_expect_eq(counts.of[DELIVERY_DEAD], 6);
    cr_expect_eq(counts.last_success_at, 11);
    cr_expect_eq(counts.last_failure_at, 22);
    cr_expect(counts.paused);
    cr_assert_eq(reader_hook(rows.reader, "new", &counts), READER_OK);
    cr_expect_eq(counts.of[DELIVERY_DEAD], 9);
    cr_expect_eq(counts.last_success_at, 0);
    cr_expect(!counts.paused);
    cr_assert_eq(reader_hook(rows.reader, "none", &counts), READER_OK);
    cr_expect_eq(counts.of[DELIVERY_DEAD], 0);
}

Test(reader_lookups, ages)
{
    struct store_ages ages;

    cr_assert_eq(reader_ages(rows.reader, &ages), READER_OK);
    cr_expect(ages.oldest_queued == 0 && ages.oldest_pending == 0 && ages.oldest_delivery == 0 &&
              ages.oldest_dead == 0 && ages.oldest_unmatched == 0);
    rows_request(&rows, 1, REQUEST_QUEUED, ENRICHMENT_EMAIL, 300);
    rows_request(&rows, 2, REQUEST_QUEUED, ENRICHMENT_PHONE, 200);
    rows_request(&rows, 3, REQUEST_PENDING, ENRICHMENT_PERSONAL_EMAIL, 150);
    rows_request(&rows, 4, REQUEST_FINISHED, ENRICHMENT_EMAIL, 1);
    rows_sql(&rows, "INSERT INTO hook (id, name) VALUES (1, 'a'), (2, 'b');"
                    "INSERT INTO delivery (id, hook, state, event, created_at) VALUES"
                    " (1, 1, 3, 0, 5), (2, 1, 1, 0, 40), (3, 2, 2, 0, 30), (4, 2, 4, 0, 20),"
                    " (5, 2, 0, 0, 35), (6, 1, 4, 0, 60);"
                    "INSERT INTO callback (id, state, reason, received_at, body) VALUES"
                    " (1, 0, 0, 1, x''), (2, 2, 0, 71, x''), (3, 2, 0, 72, x'')");
    cr_assert_eq(reader_ages(rows.reader, &ages), READER_OK);
    cr_expect_eq(ages.oldest_queued, 200);
    cr_expect_eq(ages.oldest_pending, 150);
    cr_expect_eq(ages.oldest_delivery, 30);
    cr_expect_eq(ages.oldest_dead, 20);
    cr_expect_eq(ages.oldest_unmatched, 71);
}

Test(reader_lookups, a_transaction_that_did_not_end_is_made_up_for)
{
    struct store_ages ages;

    cr_assert_eq(reader_begin(rows.reader), 0);
    cr_expect_eq(reader_ages(rows.reader, &ages), READER_OK);
    cr_expect(rows_reader_is_idle(&rows));
}

Test(reader_lookups, what_cannot_be_is_an_error)
{
    static const char *const damages[] = {
        "UPDATE request SET class = 15",  "UPDATE request SET class = -1",
        "UPDATE request SET source = 5",  "UPDATE content SET json = '{'",
        "UPDATE content SET json = '[]'",
    };
    const struct request_filter filter = {0};
    struct request_record record = {0}, *page;
    size_t n;
    char *next;

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        rows_sql(&rows, "DELETE FROM request; DELETE FROM submission");
        rows_request(&rows, 1, REQUEST_PENDING, ENRICHMENT_EMAIL, 100);
        rows_request(&rows, 2, REQUEST_PENDING, ENRICHMENT_EMAIL, 101);
        rows_sql(&rows, "%s WHERE rowid = 1", damages[i]);
        cr_expect_eq(reader_request(rows.reader, 1, &record), -EBADMSG, "%s", damages[i]);
        if (strstr(damages[i], "class")) /* no list finds it */
            continue;
        cr_expect_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), -EBADMSG,
                     "%s", damages[i]);
        cr_expect(rows_reader_is_idle(&rows));
    }
}
