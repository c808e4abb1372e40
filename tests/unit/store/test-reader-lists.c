/* Lists against a plain model of what they should give: any filter, any page size, page by page. */
#include "test-reader-rows.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define N 300

struct item {
    int64_t at, key;
    int state, type;
    bool tagged, deep, named;
};

static struct rows rows;
static struct item items[N]; /* in the order of their keys, which are 1..N */

static void setup(void)
{
    rows_open(&rows);
}

static void teardown(void)
{
    rows_close(&rows);
}

TestSuite(reader_lists, .init = setup, .fini = teardown);

static int newest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return x->key < y->key ? 1 : -1;
}

/* The keys that a walk through all pages gave. */
struct walk {
    int64_t keys[N + 1];
    size_t n, pages;
};

static void expect_walk(const struct walk *walk, const struct item *expected, size_t n,
                        const char *what)
{
    cr_assert_eq(walk->n, n, "%s: %zu items, not %zu", what, walk->n, n);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(walk->keys[i], expected[i].key, "%s: item %zu is %lld, not %lld", what, i,
                     (long long)walk->keys[i], (long long)expected[i].key);
    cr_assert(rows_reader_is_idle(&rows), "%s: a transaction is left", what);
}

static void make_requests(void)
{
    rows_sql(&rows, "BEGIN");
    for (int i = 0; i < N; i++) {
        struct item *item = &items[i];

        /* Few different times. */
        *item = (struct item){.at = 1000 + i / 10, .key = i + 1};
        item->state = rows_pick(REQUEST_STATE_MAX_);
        item->type = rows_pick(ENRICHMENT_MAX_);
        item->tagged = rows_pick(3) == 0;
        item->deep = rows_pick(2) == 0;
        rows_request(&rows, item->key, (enum request_state)item->state,
                     (enum enrichment_type)item->type, item->at);
        if (item->tagged)
            rows_custom(&rows, item->key, "tag", "a b");
        if (item->deep)
            rows_custom(&rows, item->key, "deep", "1");
        item->named = rows_pick(10) == 0;
        if (item->named)
            rows_sql(&rows, "UPDATE request SET enrichment_id = 'E' WHERE id = %lld",
                     (long long)item->key);
    }
    rows_sql(&rows, "COMMIT");
}

static bool request_wanted(const struct item *item, const struct request_filter *filter)
{
    for (size_t i = 0; i < filter->n_custom; i++) {
        if (strcmp(filter->custom_keys[i], "tag") == 0 ? !item->tagged : !item->deep)
            return false;
    }
    return (!filter->has_state || item->state == (int)filter->state) &&
           (!filter->has_type || item->type == (int)filter->type) && item->at >= filter->since &&
           (filter->until == 0 || item->at < filter->until) &&
           (!filter->enrichment_id || item->named);
}

static void walk_requests(const struct request_filter *filter, size_t limit, struct walk *walk)
{
    cleanup_free char *after = NULL;

    *walk = (struct walk){0};
    do {
        struct request_record *page;
        char *next;
        size_t n;

        cr_assert_eq(reader_requests(rows.reader, filter, after, limit, &page, &n, &next), 0);
        cr_assert_leq(n, limit);
        cr_assert_leq(walk->n + n, N);
        for (size_t i = 0; i < n; i++) {
            walk->keys[walk->n++] = page[i].key;
            cr_assert_eq(page[i].created_at, items[page[i].key - 1].at);
            cr_assert_eq((int)page[i].state, items[page[i].key - 1].state);
            cr_assert_eq((int)page[i].type, items[page[i].key - 1].type);
            cr_assert_not_null(page[i].content);
        }
        request_records_free(page, n);
        free(after);
        after = next;
        walk->pages++;
    } while (after);
}

Test(reader_lists, requests_of_any_filter_in_pages_of_any_size)
{
    static const char *const keys[] = {"tag", "deep"}, *const values[] = {"a b", "1"};

    make_requests();
    for (int round = 0; round < 400; round++) {
        struct request_filter filter = {
            .has_state = rows_pick(2),
            .has_type = rows_pick(2),
            .state = (enum request_state)rows_pick(REQUEST_STATE_MAX_),
            .type = (enum enrichment_type)rows_pick(ENRICHMENT_MAX_),
            .enrichment_id = rows_pick(4) == 0 ? "E" : NULL,
            .custom_keys = keys,
            .custom_values = values,
            .n_custom = rows_pick(2) ? 0 : (size_t)rows_pick(3),
            .since = rows_pick(2) ? 0 : 1000 + rows_pick(35) - 3,
            .until = rows_pick(2) ? 0 : 1000 + rows_pick(35) - 3,
        };
        size_t limits[] = {1, 2, 7, 50, N, LIMIT_PAGE_MAX}, n = 0;
        struct item expected[N];
        struct walk walk;

        for (int i = 0; i < N; i++) {
            if (request_wanted(&items[i], &filter))
                expected[n++] = items[i];
        }
        qsort(expected, n, sizeof(expected[0]), newest_first);
        walk_requests(&filter, limits[rows_pick(ARRAY_SIZE(limits))], &walk);
        expect_walk(&walk, expected, n, "requests");
    }
}

Test(reader_lists, nothing_is_a_page_without_a_cursor)
{
    const struct request_filter filter = {.since = 1};
    struct request_record *page;
    size_t n = 1;
    char *next = (char *)&n;

    cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), 0);
    cr_expect_eq(n, 0);
    cr_expect_null(next);
    request_records_free(page, n);
    request_records_free(NULL, 0);
}

Test(reader_lists, a_cursor_does_not_reach_below_since)
{
    const struct request_filter filter = {.since = 1001};
    struct request_record *page;
    size_t n;
    char *next;

    rows_request(&rows, 1, REQUEST_PENDING, ENRICHMENT_EMAIL, 1000);
    rows_request(&rows, 2, REQUEST_PENDING, ENRICHMENT_EMAIL, 1000);
    cr_assert_eq(reader_requests(rows.reader, &filter, "r0000000000000002", 50, &page, &n, &next),
                 READER_OK);
    cr_expect_eq(n, 0);
    cr_expect_null(next);
    request_records_free(page, n);
}

/* The clock was set back from 2000 to 1500, and on the way to 2000 again requests were made. */
Test(reader_lists, a_clock_that_was_set_back_lists_nothing_outside_of_the_filter)
{
    static const int64_t at[] = {1000, 1500, 2000, 1500, 1750, 2000, 2500};

    for (size_t i = 0; i < ARRAY_SIZE(at); i++)
        rows_request(&rows, (int64_t)i + 1, REQUEST_PENDING, ENRICHMENT_EMAIL, at[i]);
    for (int64_t since = 900; since <= 2600; since += 50) {
        const struct request_filter filter = {.since = since, .until = since + 300};
        struct request_record *page;
        size_t n;
        char *next;

        cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), 0);
        cr_expect_null(next);
        for (size_t i = 0; i < n; i++)
            cr_expect(page[i].created_at >= since && page[i].created_at < since + 300);
        request_records_free(page, n);
    }
}

Test(reader_lists, one_value_of_custom_is_not_another_with_its_hash)
{
    static const char *const keys[] = {"tag"}, *const values[] = {"right"};
    const struct request_filter filter = {
        .custom_keys = keys, .custom_values = values, .n_custom = 1};
    struct request_record *page;
    size_t n;
    char *next;

    rows_request(&rows, 1, REQUEST_PENDING, ENRICHMENT_EMAIL, 5);
    rows_request(&rows, 2, REQUEST_PENDING, ENRICHMENT_EMAIL, 5);
    rows_custom(&rows, 1, "tag", "right");
    /* As if the two values had one hash. */
    rows_sql(&rows,
             "INSERT INTO custom_member SELECT hash, 2 FROM custom_member;"
             "UPDATE content SET json = '{\"custom\":{\"tag\":\"wrong\"}}' WHERE request = 2");
    cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(page[0].key, 1);
    cr_expect_null(next);
    request_records_free(page, n);
}

Test(reader_lists, a_rare_member_is_looked_for_in_bounded_steps)
{
    static const char *const keys[] = {"tag"}, *const values[] = {"x"};
    const struct request_filter filter = {.has_state = true,
                                          .state = REQUEST_FAILED,
                                          .custom_keys = keys,
                                          .custom_values = values,
                                          .n_custom = 1};
    cleanup_free char *next = NULL;
    struct request_record *page;
    char *end;
    size_t n;

    rows_request(&rows, 1, REQUEST_FAILED, ENRICHMENT_EMAIL, 5);
    rows_custom(&rows, 1, "tag", "x");
    rows_sql(&rows,
             "WITH RECURSIVE k (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM k WHERE n < %d)"
             "INSERT INTO request (id, class, submission, created_at, custom_digest)"
             " SELECT n, 0, 1, 5, x'00' FROM k;"
             "INSERT INTO custom_member SELECT m.hash, r.id FROM custom_member AS m, request AS r"
             " WHERE r.id > 1",
             READER_SCAN_MAX + 1);
    cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), 0);
    cr_expect_eq(n, 0);
    cr_assert_not_null(next);
    request_records_free(page, n);
    cr_assert_eq(reader_requests(rows.reader, &filter, next, 50, &page, &n, &end), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(page[0].key, 1);
    cr_expect_null(end);
    request_records_free(page, n);
}

Test(reader_lists, a_page_of_large_requests_is_short)
{
    const struct request_filter filter = {0};
    struct request_record *page;
    cleanup_free char *next = NULL;
    size_t n;

    for (int64_t key = 1; key <= 30; key++)
        rows_request(&rows, key, REQUEST_QUEUED, ENRICHMENT_EMAIL, 5);
    rows_sql(&rows, "UPDATE content SET json = json_object('custom',"
                    " json_object('long', printf('%%.*c', 200000, 'x')))");
    cr_assert_eq(reader_requests(rows.reader, &filter, NULL, 50, &page, &n, &next), 0);
    cr_expect_eq(n, READER_PAGE_BYTES / 200000 + 1);
    cr_assert_not_null(next);
    request_records_free(page, n);
}

Test(reader_lists, only_own_cursors_are_taken)
{
    static const char good[] = "r0000000000000001";
    static const char *const bad[] = {
        "",
        "r",
        "x0000000000000001",
        "c0000000000000001",  /* another list */
        "r000000000000001",   /* short */
        "r00000000000000010", /* long */
        "r000000000000000A",  /* another spelling */
        "r000000000000000g",
        "r0000000 00000001",
        "r0000000000000000", /* no key */
        "rffffffffffffffff",
        "r' OR 1=1 --00000",
    };
    const struct request_filter filter = {0};
    struct request_record *page;
    size_t n;
    char *next;

    cr_assert_eq(reader_requests(rows.reader, &filter, good, 50, &page, &n, &next), READER_OK);
    request_records_free(page, n);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_eq(reader_requests(rows.reader, &filter, bad[i], 50, &page, &n, &next),
                     READER_E_CURSOR, "%s", bad[i]);
}
