#include "store/writer.h"

#include "common/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Places of the fixed counters. */
#define AT_CALLBACKS      (REQUEST_STATE_MAX_ * ENRICHMENT_MAX_)
#define AT_DIFFERING      (AT_CALLBACKS + CALLBACK_STATE_MAX_)
#define AT_REJECTED_BYTES (AT_DIFFERING + 1)
#define AT_TOMBSTONES     (AT_REJECTED_BYTES + 1)
#define AT_LAST_KEYS      (AT_TOMBSTONES + 1)
#define AT_HOOKS          (AT_LAST_KEYS + STORE_KIND_SUBMISSION - STORE_KIND_CALLBACK + 1)

static size_t at_request(int64_t state, int64_t type)
{
    return (size_t)(state * ENRICHMENT_MAX_ + type);
}

static void add(struct counter *cell, int64_t delta)
{
    if (delta == 0)
        return;
    cell->n += delta;
    cell->dirty = true;
}

void count_request(struct writer *writer, enum request_state state, enum enrichment_type type,
                   int64_t delta)
{
    add(&writer->counters.cells[at_request(state, type)], delta);
}

void count_callback(struct writer *writer, enum callback_state state, int64_t delta)
{
    add(&writer->counters.cells[AT_CALLBACKS + state], delta);
}

void count_differing(struct writer *writer, int64_t delta)
{
    add(&writer->counters.cells[AT_DIFFERING], delta);
}

void count_rejected_bytes(struct writer *writer, int64_t delta)
{
    add(&writer->counters.cells[AT_REJECTED_BYTES], delta);
}

void count_tombstones(struct writer *writer, int64_t delta)
{
    add(&writer->counters.cells[AT_TOMBSTONES], delta);
}

store_key next_key(struct writer *writer, enum store_kind kind)
{
    struct counter *cell = &writer->counters.cells[AT_LAST_KEYS + kind - STORE_KIND_CALLBACK];

    assert(kind >= STORE_KIND_CALLBACK && kind <= STORE_KIND_SUBMISSION);
    add(cell, 1);
    return cell->n;
}

int64_t counted_tombstones(const struct writer *writer)
{
    return writer->counters.cells[AT_TOMBSTONES].n;
}

int64_t counted_callbacks(const struct writer *writer, enum callback_state state)
{
    return writer->counters.cells[AT_CALLBACKS + state].n;
}

int64_t counted_rejected_bytes(const struct writer *writer)
{
    return writer->counters.cells[AT_REJECTED_BYTES].n;
}

/* The block of a hook, made when there is none. NULL: out of memory. */
static struct counter *hook_cells(struct counters *counters, store_key hook)
{
    struct counter *cells;

    for (size_t i = AT_HOOKS; i < counters->n; i += DELIVERY_STATE_MAX_)
        if (counters->cells[i].a == hook)
            return &counters->cells[i];
    cells = realloc(counters->cells, (counters->n + DELIVERY_STATE_MAX_) * sizeof(*cells));
    if (cells == NULL)
        return NULL;
    counters->cells = cells;
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        cells[counters->n + (size_t)state] =
            (struct counter){.kind = COUNTER_DELIVERY, .a = hook, .b = state};
    counters->n += DELIVERY_STATE_MAX_;
    return &cells[counters->n - DELIVERY_STATE_MAX_];
}

int count_delivery(struct writer *writer, store_key hook, enum delivery_state state, int64_t delta)
{
    struct counter *cells = hook_cells(&writer->counters, hook);

    if (cells == NULL)
        return -ENOMEM;
    add(&cells[state], delta);
    return 0;
}

static int counters_new(struct counters *ret)
{
    struct counter *cells = calloc(AT_HOOKS, sizeof(*cells));

    if (cells == NULL)
        return -ENOMEM;
    for (int state = 0; state < REQUEST_STATE_MAX_; state++)
        for (int type = 0; type < ENRICHMENT_MAX_; type++)
            cells[at_request(state, type)] =
                (struct counter){.kind = COUNTER_REQUEST, .a = state, .b = type};
    for (int state = 0; state < CALLBACK_STATE_MAX_; state++)
        cells[AT_CALLBACKS + state] = (struct counter){.kind = COUNTER_CALLBACK, .a = state};
    cells[AT_DIFFERING] = (struct counter){.kind = COUNTER_DIFFERING};
    cells[AT_REJECTED_BYTES] = (struct counter){.kind = COUNTER_REJECTED_BYTES};
    cells[AT_TOMBSTONES] = (struct counter){.kind = COUNTER_TOMBSTONES};
    for (int kind = STORE_KIND_CALLBACK; kind <= STORE_KIND_SUBMISSION; kind++)
        cells[AT_LAST_KEYS + kind - STORE_KIND_CALLBACK] =
            (struct counter){.kind = COUNTER_LAST_KEY, .a = kind};
    *ret = (struct counters){.cells = cells, .n = AT_HOOKS};
    return 0;
}

/* The cell of a row of the table; NULL when there is no such counter. */
static struct counter *cell_of(struct counters *counters, int64_t kind, int64_t a, int64_t b)
{
    struct counter *cells;

    for (size_t i = 0; i < AT_HOOKS; i++) {
        struct counter *cell = &counters->cells[i];

        if ((int64_t)cell->kind == kind && cell->a == a && cell->b == b)
            return cell;
    }
    if (kind != COUNTER_DELIVERY || b < 0 || b >= DELIVERY_STATE_MAX_)
        return NULL;
    cells = hook_cells(counters, a);
    return cells ? &cells[b] : NULL;
}

static int raise_last_keys(struct writer *writer, struct counters *counters)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_LAST_KEYS);
    int r = query_step(&query);

    for (int i = 0; r > 0 && i < AT_HOOKS - AT_LAST_KEYS; i++) {
        struct counter *cell = &counters->cells[AT_LAST_KEYS + i];

        if (cell->n < query_int(&query, i))
            cell->n = query_int(&query, i);
    }
    return r < 0 ? r : 0;
}

static int read_counters(struct writer *writer, struct counters *counters)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_COUNTERS);
    int r;

    while ((r = query_step(&query)) > 0) {
        struct counter *cell =
            cell_of(counters, query_int(&query, 0), query_int(&query, 1), query_int(&query, 2));

        if (cell == NULL)
            return -ENOMEM;
        cell->n = query_int(&query, 3);
    }
    return r;
}

int counters_load(struct writer *writer)
{
    struct counters counters;
    int r = counters_new(&counters);

    if (r < 0)
        return r;
    r = read_counters(writer, &counters);
    if (r == 0)
        r = raise_last_keys(writer, &counters);
    if (r < 0) {
        counters_done(&counters);
        return r;
    }
    counters_done(&writer->counters);
    writer->counters = counters;
    return 0;
}

int counters_flush(struct writer *writer)
{
    for (size_t i = 0; i < writer->counters.n; i++) {
        struct counter *cell = &writer->counters.cells[i];

        if (!cell->dirty)
            continue;
        cleanup_query struct query query = query_start(&writer->database, SQL_SET_COUNTER);
        query_bind_int(&query, cell->kind);
        query_bind_int(&query, cell->a);
        query_bind_int(&query, cell->b);
        query_bind_int(&query, cell->n);
        int r = query_run(&query);
        if (r < 0)
            return r;
        cell->dirty = false;
    }
    return 0;
}

void counters_done(struct counters *counters)
{
    free(counters->cells);
    *counters = (struct counters){0};
}

void counters_read(const struct counters *counters, struct store_counts *ret)
{
    const struct counter *cells = counters->cells;

    for (int state = 0; state < REQUEST_STATE_MAX_; state++)
        for (int type = 0; type < ENRICHMENT_MAX_; type++)
            ret->requests[state][type] = cells[at_request(state, type)].n;
    for (int state = 0; state < CALLBACK_STATE_MAX_; state++)
        ret->callbacks[state] = cells[AT_CALLBACKS + state].n;
    ret->differing = cells[AT_DIFFERING].n;
    ret->tombstones = cells[AT_TOMBSTONES].n;
    ret->tombstones_max = TOMBSTONES_MAX;
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        ret->deliveries[state] = 0;
    for (size_t i = AT_HOOKS; i < counters->n; i++)
        ret->deliveries[cells[i].b] += cells[i].n;
}
