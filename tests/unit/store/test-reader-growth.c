/* What a list or a lookup costs is the same in a store of 1,000 and of 100,000 requests, counted in
 * instructions of SQLite's machine. */
#include "test-reader-rows.h"

#include "model/contact.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 1000
#define LARGE 100000

static const char *const keys[] = {"tag", "deep"}, *const values[] = {"x", "1"};
static const char *const first_key[] = {"tag"};
static struct rows rows;
static struct token unknown;

static int64_t newest(void)
{
    store_key key = 0;
    struct database *database = &rows.reader->database;

    cr_assert_eq(database_get_int(database, "SELECT max(id) FROM request", &key), 0);
    return key;
}

/* Rows @from..@to of each table. @stuck: all in one millisecond. */
static void fill(int from, int to, bool stuck)
{
    rows_sql(&rows,
             "BEGIN; CREATE TEMP TABLE k AS"
             " WITH RECURSIVE k (n) AS (SELECT %d UNION ALL SELECT n + 1 FROM k WHERE n < %d)"
             " SELECT n FROM k",
             from, to);
    rows_sql(&rows,
             "INSERT INTO submission (id, state, enrichment_type, bulk, token, token_digest)"
             " SELECT n, 2, 0, 0, randomblob(32), randomblob(16) FROM k;"
             "INSERT INTO request (id, class, submission, created_at, custom_digest, enrichment_id)"
             " SELECT n, n * 7 %% 15, n, %s, x'00', 'E-' || n FROM k;"
             "INSERT INTO content SELECT n, '{\"custom\":{\"tag\":\"x\",\"deep\":\"1\"}}' FROM k;",
             stuck ? "1000" : "1000 + n / 3");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        rows_sql(
            &rows, "INSERT INTO custom_member SELECT %lld, n FROM k",
            (long long)custom_index_key(keys[i], strlen(keys[i]), values[i], strlen(values[i])));
    rows_sql(&rows,
             "INSERT INTO callback (id, state, reason, request, received_at, body)"
             " SELECT n, n * 5 %% 6, 0, n, n, x'7b7d' FROM k;"
             "UPDATE request SET callback = id WHERE id IN (SELECT n FROM k);"
             "INSERT OR IGNORE INTO hook (id, name) VALUES (1, 'crm'), (2, 'mail'), (3, 'idle');"
             "INSERT INTO delivery (id, hook, state, event, request, created_at)"
             " SELECT n, 1 + n %% 2, n / 2 %% 5, 0, n, n FROM k;"
             "INSERT INTO attempt SELECT n, 1, 1, 1, 1, NULL, 0, 0, NULL, NULL, 1, 1 FROM k;"
             "INSERT INTO event (at, name, request) SELECT n, 2, n FROM k;"
             "DROP TABLE temp.k; COMMIT");
}

static void requests(const struct request_filter *filter)
{
    struct request_record *page;
    size_t n;
    char *next;

    cr_assert_eq(reader_requests(rows.reader, filter, NULL, 50, &page, &n, &next), READER_OK);
    cr_expect(n == 50 || filter->enrichment_id);
    request_records_free(page, n);
    free(next);
}

static void all_requests(void)
{
    requests(&(struct request_filter){0});
}

static void second_page(void)
{
    const struct request_filter filter = {.has_state = true, .state = REQUEST_PENDING};
    cleanup_free char *after = NULL;
    struct request_record *page;
    size_t n;
    char *next;

    cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 5, &page, &n, &after), READER_OK);
    request_records_free(page, n);
    cr_assert_not_null(after);
    cr_assert_eq(reader_requests(rows.reader, &filter, after, 50, &page, &n, &next), READER_OK);
    cr_expect_eq(n, 50);
    request_records_free(page, n);
    free(next);
}

static void requests_of_state(void)
{
    requests(&(struct request_filter){.has_state = true, .state = REQUEST_FAILED});
}

static void requests_of_type(void)
{
    requests(&(struct request_filter){.has_type = true, .type = ENRICHMENT_PHONE});
}

static void requests_of_both(void)
{
    requests(&(struct request_filter){
        .has_state = true, .state = REQUEST_QUEUED, .has_type = true, .type = ENRICHMENT_EMAIL});
}

static void requests_of_a_time(void)
{
    requests(&(struct request_filter){.since = 1000, .until = 1100});
}

static void requests_of_an_enrichment_id(void)
{
    requests(&(struct request_filter){.enrichment_id = "E-77"});
}

static void requests_of_custom(void)
{
    requests(
        &(struct request_filter){.custom_keys = first_key, .custom_values = values, .n_custom = 1});
}

static void requests_of_custom_and_state(void)
{
    requests(&(struct request_filter){.has_state = true,
                                      .state = REQUEST_EXPIRED,
                                      .custom_keys = keys,
                                      .custom_values = values,
                                      .n_custom = 2});
}

static void callbacks(const struct callback_filter *filter)
{
    struct callback_record *page;
    size_t n;
    char *next;

    cr_assert_eq(reader_callbacks(rows.reader, filter, NULL, 50, &page, &n, &next), READER_OK);
    cr_expect_neq(n, 0);
    callback_records_free(page, n);
    free(next);
}

static void all_callbacks(void)
{
    callbacks(&(struct callback_filter){0});
}

static void callbacks_of_state(void)
{
    callbacks(&(struct callback_filter){.has_state = true, .state = CALLBACK_UNMATCHED});
}

static void callbacks_of_request(void)
{
    callbacks(&(struct callback_filter){.request = 77});
}

static void deliveries(const struct delivery_filter *filter)
{
    struct delivery_record *page;
    size_t n;
    char *next;

    cr_assert_eq(reader_deliveries(rows.reader, filter, NULL, 50, &page, &n, &next), READER_OK);
    cr_expect_neq(n, 0);
    delivery_records_free(page, n);
    free(next);
}

static void all_deliveries(void)
{
    deliveries(&(struct delivery_filter){0});
}

static void deliveries_of_state(void)
{
    deliveries(&(struct delivery_filter){.has_state = true, .state = DELIVERY_DEAD});
}

static void deliveries_of_hook(void)
{
    deliveries(&(struct delivery_filter){.hook = "crm"});
}

static void deliveries_of_both(void)
{
    deliveries(
        &(struct delivery_filter){.has_state = true, .state = DELIVERY_SUCCEEDED, .hook = "mail"});
}

static void deliveries_of_request(void)
{
    deliveries(&(struct delivery_filter){.request = 77});
}

static void lookups(void)
{
    struct request_record request;
    struct callback_record callback;
    struct delivery_record delivery;
    struct delivery_facts facts;
    store_key key;

    cr_assert_eq(reader_token(rows.reader, &unknown, &key), READER_E_NOT_FOUND);
    cr_assert_eq(reader_request_find(rows.reader, "E-500", &key), READER_OK);
    cr_assert_eq(reader_request(rows.reader, newest(), &request), READER_OK);
    cr_assert_eq(reader_callback(rows.reader, 500, &callback), READER_OK);
    cr_assert_eq(reader_delivery(rows.reader, 500, &delivery), READER_OK);
    cr_assert_eq(reader_delivery_facts(rows.reader, 500, &facts), READER_OK);
    request_record_done(&request);
    callback_record_done(&callback);
    delivery_record_done(&delivery);
    delivery_facts_done(&facts);
}

static void events(void)
{
    struct event_record *items;
    size_t n;
    bool gap;

    cr_assert_eq(reader_events(rows.reader, newest() - 50, 50, &items, &n, &gap), READER_OK);
    cr_expect_eq(n, 50);
    event_records_free(items, n);
}

static void status(void)
{
    struct hook_counts counts;
    struct store_ages ages;

    cr_assert_eq(reader_hook(rows.reader, "crm", &counts), READER_OK);
    cr_assert_eq(reader_ages(rows.reader, &ages), READER_OK);
    cr_expect_neq(ages.oldest_dead, 0);
}

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }
static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    CASE(all_requests),
    CASE(second_page),
    CASE(requests_of_state),
    CASE(requests_of_type),
    CASE(requests_of_both),
    CASE(requests_of_an_enrichment_id),
    CASE(requests_of_custom),
    CASE(requests_of_custom_and_state),
    CASE(all_callbacks),
    CASE(callbacks_of_state),
    CASE(callbacks_of_request),
    CASE(all_deliveries),
    CASE(deliveries_of_state),
    CASE(deliveries_of_hook),
    CASE(deliveries_of_both),
    CASE(deliveries_of_request),
    CASE(lookups),
    CASE(events),
    CASE(status),
    CASE(requests_of_a_time), /* last: 100 milliseconds hold 300 requests in both stores */
};

static int64_t measure(size_t i)
{
    (void)rows_steps(&rows);
    cases[i].run();
    return rows_steps(&rows);
}

static void compare(bool stuck)
{
    const size_t n = ARRAY_SIZE(cases) - (stuck ? 1 : 0);
    int64_t small[ARRAY_SIZE(cases)];

    rows_open(&rows);
    random_fill(unknown.bytes, sizeof(unknown.bytes));
    fill(1, SMALL, stuck);
    for (size_t i = 0; i < n; i++)
        small[i] = measure(i);
    fill(SMALL + 1, LARGE, stuck);
    for (size_t i = 0; i < n; i++) {
        int64_t large = measure(i);

        cr_expect(large > 0 && large <= 2 * small[i] && small[i] <= 2 * large,
                  "%s: %lld steps in a small store, %lld in a large one", cases[i].name,
                  (long long)small[i], (long long)large);
    }
    rows_close(&rows);
}

Test(reader_growth, costs_do_not_grow)
{
    compare(false);
}

Test(reader_growth, costs_do_not_grow_when_the_clock_stands_still)
{
    compare(true);
}
