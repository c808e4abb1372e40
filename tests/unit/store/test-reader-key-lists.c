/* Lists of callbacks and deliveries against a plain model of what they should give. */
#include "test-reader-rows.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define N 300

struct item {
    int64_t key, request;
    int state, hook;
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

TestSuite(reader_key_lists, .init = setup, .fini = teardown);

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

static void make_callbacks(void)
{
    rows_sql(&rows, "BEGIN");
    for (int64_t key = 1; key <= 20; key++)
        rows_request(&rows, key, REQUEST_PENDING, ENRICHMENT_EMAIL, 5);
    for (int i = 0; i < N; i++) {
        struct item *item = &items[i];

        *item = (struct item){.key = i + 1, .state = rows_pick(CALLBACK_STATE_MAX_)};
        item->request = item->state == CALLBACK_UNMATCHED ? 0 : 1 + rows_pick(20);
        if (item->state == CALLBACK_MATCHED) {
            if (i >= 20)
                item->state = CALLBACK_DUPLICATE;
            item->request = i < 20 ? i + 1 : item->request;
        }
        rows_sql(&rows,
                 "INSERT INTO callback (id, state, reason, request, received_at, headers, body)"
                 " VALUES (%lld, %d, 0, nullif(%lld, 0), %lld, '{}', x'7b7d')",
                 (long long)item->key, item->state, (long long)item->request,
                 (long long)item->key * 10);
        if (item->state == CALLBACK_MATCHED)
            rows_sql(&rows, "UPDATE request SET callback = %lld WHERE id = %lld",
                     (long long)item->key, (long long)item->request);
    }
    rows_sql(&rows, "COMMIT");
}

static void walk_callbacks(const struct callback_filter *filter, size_t limit, struct walk *walk)
{
    cleanup_free char *after = NULL;

    *walk = (struct walk){0};
    do {
        struct callback_record *page;
        char *next;
        size_t n;

        cr_assert_eq(reader_callbacks(rows.reader, filter, after, limit, &page, &n, &next), 0);
        cr_assert_leq(walk->n + n, N);
        for (size_t i = 0; i < n; i++) {
            walk->keys[walk->n++] = page[i].key;
            cr_assert_eq((int)page[i].state, items[page[i].key - 1].state);
            cr_assert_null(page[i].body);
        }
        callback_records_free(page, n);
        free(after);
        after = next;
        walk->pages++;
    } while (after);
}

Test(reader_key_lists, callbacks)
{
    make_callbacks();
    for (int round = 0; round < 200; round++) {
        struct callback_filter filter = {
            .has_state = rows_pick(2),
            .state = (enum callback_state)rows_pick(CALLBACK_STATE_MAX_),
            .request = rows_pick(2) ? 0 : rows_pick(22),
        };
        size_t limits[] = {1, 3, 50, N}, n = 0;
        struct item expected[N];
        struct walk walk;

        for (int i = N - 1; i >= 0; i--) {
            if ((!filter.has_state || items[i].state == (int)filter.state) &&
                (filter.request == 0 || items[i].request == filter.request))
                expected[n++] = items[i];
        }
        walk_callbacks(&filter, limits[rows_pick(ARRAY_SIZE(limits))], &walk);
        expect_walk(&walk, expected, n, "callbacks");
    }
}

Test(reader_key_lists, a_callback_that_two_indexes_know_comes_once)
{
    const struct callback_filter filter = {.request = 1};
    struct walk walk;

    rows_request(&rows, 1, REQUEST_FINISHED, ENRICHMENT_EMAIL, 5);
    rows_sql(&rows, "INSERT INTO callback (id, state, reason, request, received_at, body)"
                    " VALUES (7, 1, 0, 1, 5, x'7b7d'); UPDATE request SET callback = 7");
    items[6].state = CALLBACK_DUPLICATE;
    walk_callbacks(&filter, 50, &walk);
    cr_assert_eq(walk.n, 1);
    cr_expect_eq(walk.keys[0], 7);
}

static const char *const hooks[] = {"crm", "mail", "idle"};

static void make_deliveries(void)
{
    rows_sql(&rows, "BEGIN");
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
        rows_sql(&rows, "INSERT INTO hook (id, name) VALUES (%d, %Q)", (int)i + 1, hooks[i]);
    for (int i = 0; i < N; i++) {
        struct item *item = &items[i];

        *item = (struct item){.key = i + 1, .state = rows_pick(DELIVERY_STATE_MAX_)};
        item->hook = rows_pick(2);
        item->request = rows_pick(20);
        rows_sql(&rows,
                 "INSERT INTO delivery (id, hook, state, event, request, created_at)"
                 " VALUES (%lld, %d, %d, 0, nullif(%lld, 0), 5)",
                 (long long)item->key, item->hook + 1, item->state, (long long)item->request);
    }
    rows_sql(&rows, "COMMIT");
}

static void walk_deliveries(const struct delivery_filter *filter, size_t limit, struct walk *walk)
{
    cleanup_free char *after = NULL;

    *walk = (struct walk){0};
    do {
        struct delivery_record *page;
        char *next;
        size_t n;

        cr_assert_eq(reader_deliveries(rows.reader, filter, after, limit, &page, &n, &next), 0);
        cr_assert_leq(walk->n + n, N);
        for (size_t i = 0; i < n; i++) {
            walk->keys[walk->n++] = page[i].key;
            cr_assert_str_eq(page[i].hook, hooks[items[page[i].key - 1].hook]);
            cr_assert_null(page[i].attempts);
        }
        delivery_records_free(page, n);
        free(after);
        after = next;
        walk->pages++;
    } while (after);
}

Test(reader_key_lists, deliveries)
{
    make_deliveries();
    for (int round = 0; round < 300; round++) {
        int hook = rows_pick(5); /* 3: any, 4: one that is not there */
        struct delivery_filter filter = {
            .has_state = rows_pick(2),
            .state = (enum delivery_state)rows_pick(DELIVERY_STATE_MAX_),
            .hook = hook < 3    ? hooks[hook]
                    : hook == 3 ? NULL
                                : "unheard-of",
            .request = rows_pick(2) ? 0 : rows_pick(22),
        };
        size_t limits[] = {1, 3, 50, N}, n = 0;
        struct item expected[N];
        struct walk walk;

        for (int i = N - 1; i >= 0; i--) {
            if ((!filter.has_state || items[i].state == (int)filter.state) &&
                (!filter.hook || items[i].hook == hook) &&
                (filter.request == 0 || items[i].request == filter.request))
                expected[n++] = items[i];
        }
        walk_deliveries(&filter, limits[rows_pick(ARRAY_SIZE(limits))], &walk);
        expect_walk(&walk, expected, n, "deliveries");
    }
}

Test(reader_key_lists, a_cursor_of_one_list_is_none_of_another)
{
    const struct callback_filter callbacks = {0};
    const struct delivery_filter deliveries = {.hook = "crm"};
    struct callback_record *page;
    struct delivery_record *other;
    size_t n;
    char *next;

    cr_expect_eq(
        reader_callbacks(rows.reader, &callbacks, "r0000000000000001", 50, &page, &n, &next),
        READER_E_CURSOR);
    cr_expect_eq(
        reader_deliveries(rows.reader, &deliveries, "c0000000000000001", 50, &other, &n, &next),
        READER_E_CURSOR);
    cr_assert_eq(
        reader_callbacks(rows.reader, &callbacks, "c0000000000000001", 50, &page, &n, &next),
        READER_OK);
    callback_records_free(page, n);
}
