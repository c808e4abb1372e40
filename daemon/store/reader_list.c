/* How a page stays cheap at any size of the store: the rows of each range come
 * ordered by key, and a step of it is a seek and a few neighbours. The page
 * takes the greatest head of all ranges until it is full. Three bounds end a page early, with a
 * cursor to go on: its items, the rows that were looked at, and the bytes that were read. */
#include "store/reader_list.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_FIRST_STEP 4 /* most ranges of a merge give the page a few rows or none */

/* A letter and the last key in hexadecimal digits. */
#define CURSOR_DIGITS 16
#define CURSOR_LENGTH (1 + CURSOR_DIGITS)

static int cursor_format(const struct list *list, store_key key, char **ret)
{
    char *text = NULL;

    if (asprintf(&text, "%c%016" PRIx64, list->cursor, (uint64_t)key) < 0)
        return -ENOMEM;
    assert(strlen(text) == CURSOR_LENGTH);
    *ret = text;
    return 0;
}

/* Lower case only, so that a position has one cursor. */
static bool digits_parse(const char *text, int64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < CURSOR_DIGITS; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

        if (digit == NULL)
            return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *ret = (int64_t)value;
    return true;
}

static bool cursor_parse(const struct list *list, const char *text, store_key *ret)
{
    store_key key;

    if (strlen(text) != CURSOR_LENGTH || text[0] != list->cursor || !digits_parse(text + 1, &key) ||
        key < 1)
        return false;
    *ret = key;
    return true;
}

int list_start(struct list *list, const char *after)
{
    list->start = INT64_MAX;
    if (after && !cursor_parse(list, after, &list->start))
        return READER_E_CURSOR;
    return READER_OK;
}

int list_ranges(struct list *list, size_t n)
{
    list->ranges = calloc(n > 0 ? n : 1, sizeof(*list->ranges));
    if (!list->ranges)
        return -ENOMEM;
    list->n_ranges = n;
    for (size_t i = 0; i < n; i++)
        list->ranges[i].last = list->start;
    return 0;
}

void list_done(struct list *list)
{
    free(list->ranges);
    list->ranges = NULL;
}

int range_read(struct range *range, struct query *query)
{
    int r;

    while ((r = query_step(query)) > 0) {
        assert(range->n < RANGE_STEP);
        range->last = query_int(query, 0);
        range->heads[range->n++] = range->last;
    }
    return r;
}

static int range_fill(struct list *list, struct range *range)
{
    int r;

    if (range->next < range->n || range->end)
        return 0;
    range->n = range->next = 0;
    range->step = range->step == 0 ? RANGE_FIRST_STEP : range->step * 2;
    if (range->step > RANGE_STEP)
        range->step = RANGE_STEP;
    r = list->fetch(list, range);
    range->end = range->n < range->step;
    return r;
}

/* The next item of all ranges; what stands in several of them comes once. 1, 0 at the end, or a
 * negative errno. */
static int list_next(struct list *list, store_key *ret)
{
    store_key first = 0;

    for (size_t i = 0; i < list->n_ranges; i++) {
        struct range *range = &list->ranges[i];
        int r = range_fill(list, range);

        if (r < 0)
            return r;
        if (range->next == range->n)
            continue;
        if (range->heads[range->next] > first)
            first = range->heads[range->next];
    }
    if (first == 0)
        return 0;
    for (size_t i = 0; i < list->n_ranges; i++) {
        struct range *range = &list->ranges[i];

        if (range->next < range->n && range->heads[range->next] == first)
            range->next++;
    }
    *ret = first;
    return 1;
}

int list_find_time(struct list *list, enum sql_query from, int64_t at, store_key *ret)
{
    store_key low = 1, high = KEY_MAX;

    while (low < high) {
        cleanup_query struct query query = query_start(&list->reader->database, from);
        store_key middle = low + (high - low) / 2;
        int r;

        query_bind_int(&query, middle);
        r = query_step(&query);
        if (r < 0)
            return r;
        if (r == 0 || query_int(&query, 1) >= at)
            high = middle;
        else
            low = query_int(&query, 0) + 1;
    }
    *ret = low;
    return 0;
}

struct page {
    char *items;
    size_t n, limit;
    bool more;
    store_key last; /* that was looked at */
};

static int page_fill(struct list *list, struct page *page)
{
    for (size_t rows = 0;; rows++) {
        store_key key;
        int r = list_next(list, &key);

        if (r <= 0)
            return r;
        page->more =
            page->n == page->limit || rows == READER_SCAN_MAX || list->size >= READER_PAGE_BYTES;
        if (page->more)
            return 0;
        r = list->load(list, key, page->items + page->n * list->item_size);
        if (r < 0)
            return r;
        page->n += (size_t)r;
        page->last = key;
    }
}

int list_page(struct list *list, size_t limit, void **ret_items, size_t *ret_n, char **ret_next)
{
    struct page page = {.limit = limit < LIMIT_PAGE_MAX ? limit : LIMIT_PAGE_MAX};
    char *next = NULL;
    int r;

    assert(limit > 0);
    page.items = calloc(page.limit, list->item_size);
    if (!page.items)
        return -ENOMEM;
    r = page_fill(list, &page);
    if (r == 0 && page.more)
        r = cursor_format(list, page.last, &next);
    if (r < 0) {
        list_free_items(page.items, page.n, list->item_size, list->item_done);
        return r;
    }
    *ret_items = page.items;
    *ret_n = page.n;
    *ret_next = next;
    return 0;
}

void list_free_items(void *items, size_t n, size_t item_size, void (*item_done)(void *item))
{
    for (size_t i = 0; i < n; i++)
        item_done((char *)items + i * item_size);
    free(items);
}
