/* Callbacks: in lists by state or all, or those of one request, which are the one that finished it
 * (request.callback) and those beside it. */
#include "store/reader_list.h"

#include "common/cleanup.h"

#include <errno.h>

enum callback_column {
    COLUMN_STATE,
    COLUMN_REASON,
    COLUMN_DIFFERS,
    COLUMN_REQUEST,
    COLUMN_RECEIVED_AT,
    COLUMN_ENRICHMENT_ID,
    COLUMN_CLIENT,
    COLUMN_HEADERS,
    COLUMN_BODY,
};

static int read_plain_columns(struct store_reader *reader, struct query *query,
                              struct callback_record *record)
{
    int state, reason;
    int r = reader_enum(query, COLUMN_STATE, CALLBACK_STATE_MAX_, &state);

    if (r == 0)
        r = reader_enum(query, COLUMN_REASON, REASON_MAX_, &reason);
    if (r == 0)
        r = reader_id_of_key(reader, STORE_KIND_CALLBACK, record->key, record->id);
    if (r == 0)
        r = reader_id(reader, query, COLUMN_REQUEST, STORE_KIND_REQUEST, record->request_id);
    if (r < 0)
        return r;
    record->state = (enum callback_state)state;
    record->reason = (enum callback_reason)reason;
    record->differs = query_int(query, COLUMN_DIFFERS) != 0;
    record->received_at = query_int(query, COLUMN_RECEIVED_AT);
    return 0;
}

static int read_columns(struct store_reader *reader, struct query *query, bool with_body,
                        struct callback_record *record, size_t *size)
{
    int r = read_plain_columns(reader, query, record);

    if (r == 0)
        r = query_copy(query, COLUMN_ENRICHMENT_ID, &record->enrichment_id, NULL);
    if (r == 0)
        r = query_copy(query, COLUMN_CLIENT, &record->client, NULL);
    if (r == 0)
        r = reader_json(query, COLUMN_HEADERS, &record->headers, size);
    if (r == 0 && with_body)
        r = query_copy(query, COLUMN_BODY, &record->body, &record->body_size);
    return r;
}

int reader_read_callback(struct store_reader *reader, store_key key, bool with_body,
                         struct callback_record *ret, size_t *size)
{
    cleanup_query struct query query = query_start(
        &reader->database, with_body ? SQL_READ_CALLBACK : SQL_READ_CALLBACK_WITHOUT_BODY);
    struct callback_record record = {.key = key};
    size_t bytes = sizeof(record);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    r = read_columns(reader, &query, with_body, &record, &bytes);
    if (r < 0) {
        callback_record_done(&record);
        return r;
    }
    *ret = record;
    if (size)
        *size += bytes;
    return READER_OK;
}

int reader_callback(struct store_reader *reader, store_key key, struct callback_record *ret)
{
    return reader_read_callback(reader, key, true, ret, NULL); /* one statement is one snapshot */
}

static int fetch_all(struct list *list, struct range *range)
{
    cleanup_query struct query query = query_start(&list->reader->database, SQL_READ_CALLBACKS);

    query_bind_int(&query, range->last);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

/* Range a is the state; not matched ones, which nearly all are and no index has. */
static int fetch_state(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_CALLBACKS_OF_STATE);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->last);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

/* Range a is the request; b is 0 for the callback that finished it, and 1 for those beside it. */
static int fetch_request(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, range->b == 0 ? SQL_READ_CALLBACK_OF_REQUEST
                                                           : SQL_READ_CALLBACKS_BESIDE_REQUEST);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->last);
    if (range->b != 0)
        query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

static int load_callback(struct list *list, store_key key, void *item)
{
    const struct callback_filter *filter = list->filter;
    struct callback_record *record = item;
    int r = reader_read_callback(list->reader, key, false, record, &list->size);

    if (r != READER_OK)
        return r < 0 ? r : 0;
    if (!filter->has_state || record->state == filter->state)
        return 1;
    callback_record_done(record);
    return 0;
}

static void done_callback(void *item)
{
    callback_record_done(item);
}

/* READER_OK, READER_E_CURSOR or a negative errno. */
static int plan(struct list *list, const struct callback_filter *filter, const char *after)
{
    int r = list_start(list, after);

    if (r != READER_OK)
        return r;
    list->fetch = filter->request != 0                                     ? fetch_request
                  : filter->has_state && filter->state != CALLBACK_MATCHED ? fetch_state
                                                                           : fetch_all;
    r = list_ranges(list, filter->request != 0 ? 2 : 1);
    if (r < 0)
        return r;
    if (filter->request != 0) {
        list->ranges[0].a = list->ranges[1].a = filter->request;
        list->ranges[1].b = 1;
    } else {
        list->ranges[0].a = (int64_t)filter->state;
    }
    return READER_OK;
}

int reader_callbacks(struct store_reader *reader, const struct callback_filter *filter,
                     const char *after, size_t limit, struct callback_record **ret_items,
                     size_t *ret_n, char **ret_next)
{
    cleanup_list struct list list = {
        .reader = reader,
        .filter = filter,
        .cursor = 'c',
        .load = load_callback,
        .item_size = sizeof(struct callback_record),
        .item_done = done_callback,
    };
    void *items;
    int r = plan(&list, filter, after);

    if (r != READER_OK)
        return r;
    r = reader_begin(reader);
    if (r == 0)
        r = list_page(&list, limit, &items, ret_n, ret_next);
    reader_end(reader);
    if (r == 0)
        *ret_items = items;
    return r;
}

void callback_records_free(struct callback_record *items, size_t n)
{
    list_free_items(items, n, sizeof(*items), done_callback);
}
