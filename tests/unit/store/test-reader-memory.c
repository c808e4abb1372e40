/* Lets each allocation of a call fail in turn, SQLite's and json-c's too: the answer is a negative
 * errno or the same as with memory, nothing is left under way, and the next call works. */
#include "test-reader-rows.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static _Thread_local long countdown = -1; /* allocations until one fails; -1: none does */
static _Thread_local bool for_good;       /* and all after it fail, too */
static _Thread_local bool failed;         /* one did */

static bool fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!for_good)
        countdown = -1;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

static struct rows rows;
static const char *const keys[] = {"tag"}, *const values[] = {"x"};

static void setup(void)
{
    rows_open(&rows);
    for (int64_t key = 1; key <= 5; key++) {
        rows_request(&rows, key, REQUEST_FINISHED, ENRICHMENT_EMAIL, 100 + key);
        rows_custom(&rows, key, "tag", "x");
    }
    rows_sql(&rows,
             "UPDATE request SET enrichment_id = 'E', error = 'no', callback = id, source = 1;"
             "INSERT INTO result (request, received_at, digest, json) SELECT id, 5, x'00', "
             "'{\"status\":\"finished\"}' FROM request;"
             "INSERT INTO callback (id, state, reason, request, received_at, enrichment_id, client,"
             " headers, body) SELECT id, 0, 0, id, 9, 'E', '::1', '{\"A\":\"b\"}', x'7b7d'"
             " FROM request;"
             "INSERT INTO hook (id, name) VALUES (1, 'crm');"
             "INSERT INTO delivery (id, hook, state, event, request, created_at)"
             " SELECT id, 1, 4, 0, id, 9 FROM request;"
             "INSERT INTO attempt SELECT id, 1, 1, 1, 1, NULL, 0, 0, 'exit 1', x'6f', 1, 1 FROM "
             "delivery;"
             "INSERT INTO delivery (id, hook, state, event, request, dead, created_at)"
             " VALUES (9, 1, 0, 4, 1, 1, 9);"
             "INSERT INTO event (at, name, request, delivery) SELECT 1, 2, id, id FROM request");
}

static void teardown(void)
{
    rows_close(&rows);
}

TestSuite(reader_memory, .init = setup, .fini = teardown);

/* Each does its work once, ends the shortage, and returns what the reader did. */
static int do_open(void)
{
    struct store_reader *reader;
    int r = reader_open(rows.path, DATABASE_NUMBER, &reader);

    countdown = -1;
    if (r == 0)
        store_reader_free(reader);
    return r;
}

static int do_request(void)
{
    struct request_record record;
    int r = reader_request(rows.reader, 1, &record);

    countdown = -1;
    if (r == 0) {
        cr_expect(record.enrichment_id && record.error && record.content && record.result);
        request_record_done(&record);
    }
    return r;
}

static int requests(const struct request_filter *filter)
{
    struct request_record *items;
    char *next;
    size_t n;
    int r = reader_requests(rows.reader, filter, NULL, 3, &items, &n, &next);

    countdown = -1;
    if (r == 0) {
        cr_expect_eq(n, 3);
        cr_expect_not_null(next);
        request_records_free(items, n);
        free(next);
    }
    return r;
}

static int do_requests(void)
{
    return requests(&(struct request_filter){0});
}

static int do_requests_of_custom(void)
{
    return requests(
        &(struct request_filter){.custom_keys = keys, .custom_values = values, .n_custom = 1});
}

static int do_requests_of_enrichment_id(void)
{
    return requests(&(struct request_filter){
        .enrichment_id = "E", .custom_keys = keys, .custom_values = values, .n_custom = 1});
}

static int do_find(void)
{
    store_key key;
    int r = reader_request_find(rows.reader, "E", &key);

    countdown = -1;
    return r == READER_E_AMBIGUOUS ? 0 : r;
}

static int do_callback(void)
{
    struct callback_record record;
    int r = reader_callback(rows.reader, 1, &record);

    countdown = -1;
    if (r == 0) {
        cr_expect(record.enrichment_id && record.client && record.headers && record.body);
        callback_record_done(&record);
    }
    return r;
}

static int do_callbacks(void)
{
    const struct callback_filter filter = {0};
    struct callback_record *items;
    char *next;
    size_t n;
    int r = reader_callbacks(rows.reader, &filter, NULL, 3, &items, &n, &next);

    countdown = -1;
    if (r == 0) {
        cr_expect_eq(n, 3);
        callback_records_free(items, n);
        free(next);
    }
    return r;
}

static int do_delivery(void)
{
    struct delivery_record record;
    int r = reader_delivery(rows.reader, 1, &record);

    countdown = -1;
    if (r == 0) {
        cr_expect_eq(record.n_attempt_records, 1);
        delivery_record_done(&record);
    }
    return r;
}

static int do_deliveries(void)
{
    const struct delivery_filter filter = {.has_state = true, .state = DELIVERY_DEAD};
    struct delivery_record *items;
    char *next;
    size_t n;
    int r = reader_deliveries(rows.reader, &filter, NULL, 3, &items, &n, &next);

    countdown = -1;
    if (r == 0) {
        cr_expect_eq(n, 3);
        delivery_records_free(items, n);
        free(next);
    }
    return r;
}

static int do_facts(void)
{
    struct delivery_facts facts;
    int r = reader_delivery_facts(rows.reader, 9, &facts);

    countdown = -1;
    if (r == 0) {
        cr_expect(facts.dead && facts.raw && facts.has_request);
        delivery_facts_done(&facts);
    }
    return r;
}

static int do_events(void)
{
    struct event_record *items;
    size_t n;
    bool gap;
    int r = reader_events(rows.reader, 0, 50, &items, &n, &gap);

    countdown = -1;
    if (r == 0) {
        cr_expect_eq(n, 5);
        event_records_free(items, n);
    }
    return r;
}

static int do_ages(void)
{
    struct hook_counts counts;
    struct store_ages ages;
    int r = reader_ages(rows.reader, &ages);

    if (r == 0)
        r = reader_hook(rows.reader, "crm", &counts);
    countdown = -1;
    return r;
}

static int (*const calls[])(void) = {
    do_open,  do_request,  do_requests,  do_requests_of_custom, do_requests_of_enrichment_id,
    do_find,  do_callback, do_callbacks, do_delivery,           do_deliveries,
    do_facts, do_events,   do_ages,
};

/* Until the call needs no more allocations than it was given. */
static void torture(size_t i, bool sticky)
{
    long n = 0;

    do {
        int r;

        failed = false;
        for_good = sticky;
        countdown = n;
        r = calls[i]();
        cr_assert(r == 0 || r == -ENOMEM, "call %zu, allocation %ld: %d", i, n, r);
        cr_assert(rows_reader_is_idle(&rows), "call %zu, allocation %ld", i, n);
        n++;
    } while (failed);
    cr_expect_gt(n, 1, "call %zu allocates nothing", i);
    cr_expect_eq(calls[i](), 0, "call %zu", i);
}

Test(reader_memory, one_allocation_fails)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        torture(i, false);
}

Test(reader_memory, memory_ends)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        torture(i, true);
}
