#include "store/reader_list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum event_column {
    COLUMN_KEY,
    COLUMN_AT,
    COLUMN_NAME,
    COLUMN_REQUEST,
    COLUMN_DELIVERY,
    COLUMN_ENRICHMENT_ID,
    COLUMN_HOOK,
};

static int read_columns(struct store_reader *reader, struct query *query,
                        struct event_record *event)
{
    int r;

    event->key = query_int(query, COLUMN_KEY);
    event->at = query_int(query, COLUMN_AT);
    event->name = event_name(query_int(query, COLUMN_NAME));
    if (!event->name)
        return -EBADMSG;
    r = reader_id_of_key(reader, STORE_KIND_EVENT, event->key, event->id);
    if (r == 0)
        r = reader_id(reader, query, COLUMN_REQUEST, STORE_KIND_REQUEST, event->request_id);
    if (r == 0)
        r = reader_id(reader, query, COLUMN_DELIVERY, STORE_KIND_DELIVERY, event->delivery_id);
    if (r == 0)
        r = query_copy(query, COLUMN_ENRICHMENT_ID, &event->enrichment_id, NULL);
    if (r == 0)
        r = query_copy(query, COLUMN_HOOK, &event->hook, NULL);
    return r;
}

/* Counts also the event that failed half-way. */
static int read_events(struct store_reader *reader, store_key since, size_t limit,
                       struct event_record *events, size_t *n)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_EVENTS);
    int r;

    query_bind_int(&query, since);
    query_bind_int(&query, (int64_t)limit);
    while ((r = query_step(&query)) > 0) {
        assert(*n < limit);
        r = read_columns(reader, &query, &events[(*n)++]);
        if (r < 0)
            return r;
    }
    return r;
}

/* Are events after @since gone from the old end? Holes between are those of erased requests, of
 * which nobody is told. */
static int read_gap(struct store_reader *reader, store_key since, bool *ret)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_OLDEST_EVENT);
    int64_t oldest = 0;
    int r = query_get_int(&query, &oldest);

    if (r < 0)
        return r;
    *ret = since != 0 && since < oldest - 1;
    return 0;
}

int reader_events(struct store_reader *reader, store_key since, size_t limit,
                  struct event_record **ret_items, size_t *ret_n, bool *ret_gap)
{
    struct event_record *events;
    size_t n = 0;
    bool gap = false;
    int r;

    assert(limit > 0);
    if (limit > LIMIT_PAGE_MAX)
        limit = LIMIT_PAGE_MAX;
    events = calloc(limit, sizeof(*events));
    if (!events)
        return -ENOMEM;
    r = reader_begin(reader);
    if (r == 0)
        r = read_gap(reader, since, &gap);
    if (r == 0)
        r = read_events(reader, since, limit, events, &n);
    reader_end(reader);
    if (r < 0) {
        event_records_free(events, n);
        return r;
    }
    *ret_items = events;
    *ret_n = n;
    *ret_gap = gap;
    return READER_OK;
}

static void done_event(void *item)
{
    event_record_done(item);
}

void event_records_free(struct event_record *items, size_t n)
{
    list_free_items(items, n, sizeof(*items), done_event);
}
