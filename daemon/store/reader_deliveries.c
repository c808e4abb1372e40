/* Deliveries in lists: those of a request, or a merge of one range for each hook and state that the
 * filter allows, or all by key. */
#include "store/reader_list.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

enum delivery_column {
    COLUMN_STATE,
    COLUMN_EVENT,
    COLUMN_HOOK,
    COLUMN_REQUEST,
    COLUMN_CREATED_AT,
    COLUMN_NEXT_AT,
    COLUMN_FINISHED_AT,
    COLUMN_ATTEMPTS,
    COLUMN_INTERRUPTIONS,
    COLUMN_CALLBACK,
    COLUMN_DEAD,
    COLUMN_RENEWED_AT,
};

static int read_columns(struct store_reader *reader, struct query *query,
                        struct delivery_record *record)
{
    int state, event;
    int r = reader_enum(query, COLUMN_STATE, DELIVERY_STATE_MAX_, &state);

    if (r == 0)
        r = reader_enum(query, COLUMN_EVENT, HOOK_EVENT_MAX_, &event);
    if (r == 0)
        r = reader_id_of_key(reader, STORE_KIND_DELIVERY, record->key, record->id);
    if (r == 0)
        r = reader_id(reader, query, COLUMN_REQUEST, STORE_KIND_REQUEST, record->request_id);
    if (r == 0)
        r = query_copy(query, COLUMN_HOOK, &record->hook, NULL);
    if (r < 0)
        return r;
    record->state = (enum delivery_state)state;
    record->event = (enum hook_event)event;
    record->created_at = query_int(query, COLUMN_CREATED_AT);
    record->since = query_int(query, query_is_null(query, COLUMN_RENEWED_AT) ? COLUMN_CREATED_AT
                                                                             : COLUMN_RENEWED_AT);
    record->finished_at = query_int(query, COLUMN_FINISHED_AT);
    if (state == DELIVERY_QUEUED || state == DELIVERY_RETRYING)
        record->next_attempt_at = query_int(query, COLUMN_NEXT_AT);
    record->waits_for_earlier = state == DELIVERY_QUEUED && query_is_null(query, COLUMN_NEXT_AT);
    record->n_attempts = query_int(query, COLUMN_ATTEMPTS);
    record->interruptions = query_int(query, COLUMN_INTERRUPTIONS);
    return 0;
}

int reader_read_delivery(struct store_reader *reader, store_key key, struct delivery_record *ret,
                         struct delivery_links *ret_links, size_t *size)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_DELIVERY);
    struct delivery_record record = {.key = key};
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    r = read_columns(reader, &query, &record);
    if (r < 0) {
        delivery_record_done(&record);
        return r;
    }
    *ret = record;
    if (ret_links)
        *ret_links = (struct delivery_links){
            .request = query_int(&query, COLUMN_REQUEST),
            .callback = query_int(&query, COLUMN_CALLBACK),
            .dead = query_int(&query, COLUMN_DEAD),
        };
    if (size)
        *size += sizeof(record);
    return READER_OK;
}

/* What the list is made with: the caller's filter, and the oldest key that its times allow. */
struct window {
    struct delivery_filter filter;
    store_key first;
};

static const struct window *window_of(const struct list *list)
{
    return list->filter;
}

static int fetch_all(struct list *list, struct range *range)
{
    cleanup_query struct query query = query_start(&list->reader->database, SQL_READ_DELIVERIES);

    query_bind_int(&query, range->last);
    query_bind_int(&query, window_of(list)->first);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

/* Range a is the hook, b the state. */
static int fetch_class(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_DELIVERIES_OF_CLASS);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->b);
    query_bind_int(&query, range->last);
    query_bind_int(&query, window_of(list)->first);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

/* Range a is the request. */
static int fetch_request(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_DELIVERIES_OF_REQUEST);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->last);
    query_bind_int(&query, window_of(list)->first);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

static int load_delivery(struct list *list, store_key key, void *item)
{
    const struct delivery_filter *filter = &window_of(list)->filter;
    struct delivery_record *record = item;
    int r = reader_read_delivery(list->reader, key, record, NULL, &list->size);

    if (r != READER_OK)
        return r < 0 ? r : 0;
    if ((!filter->has_state || record->state == filter->state) &&
        (!filter->has_event || record->event == filter->event) &&
        (!filter->hook || strcmp(record->hook, filter->hook) == 0) &&
        record->created_at >= filter->since &&
        (filter->until == 0 || record->created_at < filter->until))
        return 1;
    delivery_record_done(record);
    return 0;
}

static void done_delivery(void *item)
{
    delivery_record_done(item);
}

static int add_classes(struct list *list, const int64_t *hooks, size_t n_hooks)
{
    const struct delivery_filter *filter = &window_of(list)->filter;
    int r = list_ranges(list, n_hooks * DELIVERY_STATE_MAX_);

    if (r < 0)
        return r;
    list->n_ranges = 0;
    for (size_t i = 0; i < n_hooks; i++) {
        for (int state = 0; state < DELIVERY_STATE_MAX_; state++) {
            struct range *range = &list->ranges[list->n_ranges];

            if (filter->has_state && state != (int)filter->state)
                continue;
            range->a = hooks[i];
            range->b = state;
            list->n_ranges++;
        }
    }
    return 0;
}

static int plan_classes(struct list *list)
{
    const struct delivery_filter *filter = &window_of(list)->filter;
    cleanup_free int64_t *hooks = NULL;
    int64_t hook;
    size_t n = 1;
    int r;

    list->fetch = fetch_class;
    if (!filter->hook) {
        r = reader_read_hooks(list->reader, &hooks, &n);
        return r < 0 ? r : add_classes(list, hooks, n);
    }
    r = reader_read_hook(list->reader, filter->hook, &hook);
    return r < 0 ? r : add_classes(list, &hook, hook != 0);
}

/* Inside of the snapshot. 0 or a negative errno. */
static int plan_times(struct list *list, struct window *window)
{
    const struct delivery_filter *filter = &window->filter;
    store_key behind;
    int r = 0;

    if (filter->since != 0)
        r = list_find_time(list, SQL_READ_DELIVERY_TIME, filter->since, &window->first);
    if (r == 0 && filter->until != 0) {
        r = list_find_time(list, SQL_READ_DELIVERY_TIME, filter->until, &behind);
        if (r == 0 && behind < list->start)
            list->start = behind;
    }
    return r;
}

/* Inside of the snapshot. 0 or a negative errno. */
static int plan(struct list *list)
{
    const struct delivery_filter *filter = &window_of(list)->filter;
    int r;

    if (filter->request == 0 && (filter->has_state || filter->hook))
        return plan_classes(list);
    list->fetch = filter->request != 0 ? fetch_request : fetch_all;
    r = list_ranges(list, 1);
    if (r == 0)
        list->ranges[0].a = filter->request;
    return r;
}

int reader_deliveries(struct store_reader *reader, const struct delivery_filter *filter,
                      const char *after, size_t limit, struct delivery_record **ret_items,
                      size_t *ret_n, char **ret_next)
{
    struct window window = {.filter = *filter};
    cleanup_list struct list list = {
        .reader = reader,
        .filter = &window,
        .cursor = 'd',
        .load = load_delivery,
        .item_size = sizeof(struct delivery_record),
        .item_done = done_delivery,
    };
    void *items;
    int r = list_start(&list, after);

    if (r != READER_OK)
        return r;
    r = reader_begin(reader);
    if (r == 0)
        r = plan_times(&list, &window);
    if (r == 0)
        r = plan(&list);
    if (r == 0)
        r = list_page(&list, limit, &items, ret_n, ret_next);
    reader_end(reader);
    if (r == 0)
        *ret_items = items;
    return r;
}

void delivery_records_free(struct delivery_record *items, size_t n)
{
    list_free_items(items, n, sizeof(*items), done_delivery);
}
