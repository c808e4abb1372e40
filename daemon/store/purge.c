/* What is older than the retention goes, a slice in each transaction: callbacks wait for no more
 * than that. First the ended requests, class by class in the order of their creation, since nothing
 * ends before it was created; what ended later than it is to is looked at once a run, then passed.
 * Then the callbacks that belong to no request, then the tombstones. */
#include "store/writer.h"

#include <errno.h>

/* Of one transaction. A request goes whole, whatever hangs on it. */
#define SLICE_LOOKED     1000 /* rows that are looked at */
#define SLICE_ERASED     100  /* requests and callbacks that go */
#define SLICE_ROWS       500  /* callbacks and deliveries that go with them */
#define SLICE_TOMBSTONES 1000
#define YOUNG_MAX        1000 /* of a class, in a row: then so are all behind them */

static const enum request_state ended[] = {REQUEST_FINISHED, REQUEST_FAILED, REQUEST_EXPIRED};

#define STAGE_CALLBACKS  (sizeof(ended) / sizeof(ended[0]) * ENRICHMENT_MAX_)
#define STAGE_TOMBSTONES (STAGE_CALLBACKS + 1)
#define STAGE_END        (STAGE_TOMBSTONES + 1)

struct purge {
    struct writer *writer;
    const struct store_purge *command;
    struct purge_slice *slice;
    size_t looked, erased, rows;
};

/* The next one of the stage's class: 1, 0 at its end, or a negative errno. */
static int next_request(struct purge *purge, int64_t *ret_created_at, int64_t *ret_ended_at)
{
    struct purge_slice *slice = purge->slice;
    cleanup_query struct query query = query_start(&purge->writer->database, SQL_GET_REQUEST_AFTER);
    int r;

    query_bind_int(&query, (int64_t)ended[slice->stage / ENRICHMENT_MAX_] * ENRICHMENT_MAX_ +
                               (int64_t)(slice->stage % ENRICHMENT_MAX_));
    query_bind_int(&query, slice->key);
    r = query_step(&query);
    if (r > 0) {
        slice->key = query_int(&query, 0);
        *ret_created_at = query_int(&query, 1);
        *ret_ended_at = query_int(&query, 2);
    }
    return r;
}

/* Whether those behind one that was created at @created_at are worth a look. They are younger, but for
 * what a clock that was wrong has dated into the future. */
static bool may_be_old(struct purge *purge, int64_t created_at)
{
    struct purge_slice *slice = purge->slice;

    slice->young = created_at >= purge->command->before ? slice->young + 1 : 0;
    return slice->young < YOUNG_MAX;
}

/* 1 when a delivery of it still waits or runs. */
static int is_wanted(struct purge *purge, enum sql_query which, store_key key)
{
    cleanup_query struct query query = query_start(&purge->writer->database, which);
    int64_t found;

    query_bind_int(&query, key);
    return query_get_int(&query, &found);
}

static int purge_request(struct purge *purge)
{
    struct purge_slice *slice = purge->slice;
    int64_t created_at, ended_at;
    int r = next_request(purge, &created_at, &ended_at);

    if (r <= 0)
        return r;
    if (ended_at >= purge->command->before)
        return may_be_old(purge, created_at);
    r = is_wanted(purge, SQL_GET_WAITING_DELIVERY_OF_REQUEST, slice->key);
    if (r != 0)
        return r;
    r = request_erase(purge->writer, slice->key, purge->command->now, &purge->rows);
    if (r > 0) {
        slice->requests++;
        purge->erased++;
    }
    return r < 0 ? r : 1;
}

static int next_callback(struct purge *purge, int64_t *ret_received_at)
{
    cleanup_query struct query query =
        query_start(&purge->writer->database, SQL_GET_UNCLAIMED_CALLBACK);
    int r;

    query_bind_int(&query, purge->slice->key);
    r = query_step(&query);
    if (r > 0) {
        purge->slice->key = query_int(&query, 0);
        *ret_received_at = query_int(&query, 1);
    }
    return r;
}

static int purge_callback(struct purge *purge)
{
    struct purge_slice *slice = purge->slice;
    int64_t received_at;
    int r = next_callback(purge, &received_at);

    if (r <= 0)
        return r;
    /* Keys grow with time, so those behind are younger; but not what a clock that was wrong has
     * dated into the future. */
    if (received_at >= purge->command->before)
        return received_at > purge->command->now;
    r = is_wanted(purge, SQL_GET_WAITING_DELIVERY_OF_CALLBACK, slice->key);
    if (r != 0)
        return r;
    r = callback_erase(purge->writer, slice->key, &purge->rows);
    if (r > 0) {
        slice->callbacks++;
        purge->erased++;
    }
    return r < 0 ? r : 1;
}

static int purge_tombstones(struct purge *purge)
{
    int64_t n;
    int r = tombstones_trim(purge->writer, purge->command->tombstones_before, SLICE_TOMBSTONES, &n);

    purge->slice->tombstones += n;
    purge->erased = SLICE_ERASED; /* that was enough for one transaction */
    return r < 0 ? r : n == SLICE_TOMBSTONES;
}

/* One step of the stage: 1, 0 at its end, or a negative errno. */
static int step(struct purge *purge)
{
    if (purge->slice->stage < STAGE_CALLBACKS)
        return purge_request(purge);
    if (purge->slice->stage == STAGE_CALLBACKS)
        return purge_callback(purge);
    return purge_tombstones(purge);
}

static bool is_full(const struct purge *purge)
{
    return purge->looked >= SLICE_LOOKED || purge->erased >= SLICE_ERASED ||
           purge->rows >= SLICE_ROWS;
}

int apply_purge(struct writer *writer, struct store_command *base)
{
    struct store_purge *command = (struct store_purge *)base;
    struct purge_slice *slice = &command->next;
    struct purge purge = {.writer = writer, .command = command, .slice = slice};

    *slice = command->sofar;
    while (slice->stage < STAGE_END && !is_full(&purge)) {
        int r = step(&purge);

        if (r < 0)
            return r;
        purge.looked++;
        if (r > 0)
            continue;
        slice->stage++;
        slice->young = 0;
        slice->key = 0;
    }
    slice->more = slice->stage < STAGE_END;
    command->requests = slice->requests;
    command->callbacks = slice->callbacks;
    command->tombstones = slice->tombstones;
    return 0;
}

bool old_goes_on(struct store_command *base)
{
    struct store_purge *command = (struct store_purge *)base;

    if (!command->next.more)
        return false;
    command->sofar = command->next;
    return true;
}
