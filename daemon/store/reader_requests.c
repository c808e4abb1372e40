/* Requests: by key, by what people write for one, and lists.
 *
 * A list is driven by the index that leaves the fewest rows: enrichment_id, else the first custom
 * member; else class_block, one range for each class that the filter allows. What the driving index
 * does not know is asked of the narrow row and of custom_member, and only then are content and result
 * read. */
#include "store/reader_list.h"

#include "model/contact.h"

#include <errno.h>
#include <string.h>

#define SUBMISSION_WAITING 0 /* submission.state, see the schema */
#define CLASS_MAX          ((int64_t)REQUEST_STATE_MAX_ * ENRICHMENT_MAX_)

enum request_column {
    COLUMN_CLASS,
    COLUMN_SUBMISSION,
    COLUMN_CREATED_AT,
    COLUMN_SUBMITTED_AT,
    COLUMN_FINISHED_AT,
    COLUMN_SOURCE,
    COLUMN_ENRICHMENT_ID,
    COLUMN_ERROR,
    COLUMN_SUBMISSION_STATE,
    COLUMN_TRIES,
    COLUMN_UNANSWERED,
    COLUMN_NEXT_AT,
    COLUMN_CONTENT,
    COLUMN_RESULT,
    COLUMN_BODY, /* of the callback that brought the result; then there is no other */
    COLUMN_POLL_AT,
};

static int read_plain_columns(struct query *query, struct request_record *record)
{
    int class, source;
    int r = reader_enum(query, COLUMN_CLASS, CLASS_MAX, &class);

    if (r == 0)
        r = reader_enum(query, COLUMN_SOURCE, SOURCE_MAX_, &source);
    if (r < 0)
        return r;
    record->state = (enum request_state)(class / ENRICHMENT_MAX_);
    record->type = (enum enrichment_type)(class % ENRICHMENT_MAX_);
    record->source = (enum result_source)source;
    record->submission = query_int(query, COLUMN_SUBMISSION);
    record->created_at = query_int(query, COLUMN_CREATED_AT);
    record->submitted_at = query_int(query, COLUMN_SUBMITTED_AT);
    record->finished_at = query_int(query, COLUMN_FINISHED_AT);
    record->tries = query_int(query, COLUMN_TRIES);
    record->maybe_sent = query_int(query, COLUMN_UNANSWERED) > 0;
    if (record->state == REQUEST_PENDING)
        record->next_poll_at = query_int(query, COLUMN_POLL_AT);
    if (record->state == REQUEST_QUEUED &&
        query_int(query, COLUMN_SUBMISSION_STATE) == SUBMISSION_WAITING)
        record->next_try_at = query_int(query, COLUMN_NEXT_AT);
    return 0;
}

static int read_brought_result(struct query *query, struct request_record *record, size_t *size)
{
    size_t length;
    const char *body;

    if (query_is_null(query, COLUMN_BODY))
        return 0;
    body = query_blob(query, COLUMN_BODY, &length);
    *size += length;
    return result_read(body, length, &record->result);
}

static int read_columns(struct query *query, struct request_record *record, size_t *size)
{
    int r = read_plain_columns(query, record);

    if (r == 0)
        r = query_copy(query, COLUMN_ENRICHMENT_ID, &record->enrichment_id, NULL);
    if (r == 0)
        r = query_copy(query, COLUMN_ERROR, &record->error, NULL);
    if (r == 0)
        r = reader_json(query, COLUMN_CONTENT, &record->content, size);
    if (r == 0)
        r = reader_json(query, COLUMN_RESULT, &record->result, size);
    if (r == 0)
        r = read_brought_result(query, record, size);
    return r;
}

int reader_read_request(struct store_reader *reader, store_key key, struct request_record *ret,
                        size_t *size)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_REQUEST);
    struct request_record record = {.key = key};
    size_t bytes = sizeof(record);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    r = reader_id_of_key(reader, STORE_KIND_REQUEST, key, record.id);
    if (r == 0)
        r = read_columns(&query, &record, &bytes);
    if (r < 0) {
        request_record_done(&record);
        return r;
    }
    *ret = record;
    if (size)
        *size += bytes;
    return READER_OK;
}

int reader_request(struct store_reader *reader, store_key key, struct request_record *ret)
{
    return reader_read_request(reader, key, ret, NULL); /* one statement is one snapshot */
}

static int find_by_key(struct store_reader *reader, store_key key, store_key *ret)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_REQUEST_NARROW);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    *ret = key;
    return READER_OK;
}

static int find_by_enrichment_id(struct store_reader *reader, const char *text, store_key *ret)
{
    cleanup_query struct query query =
        query_start(&reader->database, SQL_READ_REQUESTS_OF_ENRICHMENT_ID);
    store_key key;
    int r;

    query_bind_text(&query, text);
    query_bind_int(&query, INT64_MAX);
    query_bind_int(&query, 2);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    key = query_int(&query, 0);
    r = query_step(&query);
    if (r != 0)
        return r < 0 ? r : READER_E_AMBIGUOUS;
    *ret = key;
    return READER_OK;
}

int reader_request_find(struct store_reader *reader, const char *text, store_key *ret)
{
    struct uuid id;
    store_key key;

    if (uuid_parse(text, &id) == 0 &&
        uuid_to_key(&id, STORE_KIND_REQUEST, reader->database_number, &key))
        return find_by_key(reader, key, ret);
    if (strlen(text) > ENRICHMENT_ID_MAX)
        return READER_E_NOT_FOUND;
    return find_by_enrichment_id(reader, text, ret);
}

/* Range a is a class. */
static int fetch_class(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_REQUESTS_OF_CLASS);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->last);
    query_bind_int(&query, list->oldest);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

static int fetch_enrichment_id(struct list *list, struct range *range)
{
    const struct request_filter *filter = list->filter;
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_REQUESTS_OF_ENRICHMENT_ID);

    query_bind_text(&query, filter->enrichment_id);
    query_bind_int(&query, range->last);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

static int64_t custom_key_of(const struct request_filter *filter, size_t i)
{
    const char *key = filter->custom_keys[i], *value = filter->custom_values[i];

    return custom_index_key(key, strlen(key), value, strlen(value));
}

/* Range a is the hash of the first pair. */
static int fetch_custom(struct list *list, struct range *range)
{
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_REQUESTS_OF_CUSTOM);

    query_bind_int(&query, range->a);
    query_bind_int(&query, range->last);
    query_bind_int(&query, (int64_t)range->step);
    return range_read(range, &query);
}

static bool class_passes(const struct request_filter *filter, int64_t class)
{
    return (!filter->has_state || class / ENRICHMENT_MAX_ == (int64_t)filter->state) &&
           (!filter->has_type || class % ENRICHMENT_MAX_ == (int64_t)filter->type);
}

/* What the driving index does not know of; where there is an enrichment_id, it drives. 1, 0, or a
 * negative errno. */
static int narrow_passes(struct list *list, store_key key)
{
    const struct request_filter *filter = list->filter;
    cleanup_query struct query query =
        query_start(&list->reader->database, SQL_READ_REQUEST_NARROW);
    int64_t created_at;
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    created_at = query_int(&query, 1);
    return class_passes(filter, query_int(&query, 0)) && created_at >= filter->since &&
           (filter->until == 0 || created_at < filter->until);
}

/* By hash; 1, 0, or a negative errno. */
static int custom_passes(struct list *list, store_key key)
{
    const struct request_filter *filter = list->filter;
    size_t first = list->fetch == fetch_custom ? 1 : 0; /* the range is of the first */

    for (size_t i = first; i < filter->n_custom; i++) {
        cleanup_query struct query query =
            query_start(&list->reader->database, SQL_READ_CUSTOM_MEMBER);
        int r;

        query_bind_int(&query, custom_key_of(filter, i));
        query_bind_int(&query, key);
        r = query_step(&query);
        if (r <= 0)
            return r;
    }
    return 1;
}

/* Hashes may collide; the content decides. */
static bool content_passes(const struct request_filter *filter, const struct request_record *record)
{
    struct json_object *custom = json_get(record->content, "custom");

    for (size_t i = 0; i < filter->n_custom; i++) {
        if (!custom_has(custom, filter->custom_keys[i], filter->custom_values[i]))
            return false;
    }
    return true;
}

static int load_request(struct list *list, store_key key, void *item)
{
    struct request_record *record = item;
    const struct request_filter *filter = list->filter;
    bool class_alone = list->fetch == fetch_class && filter->since == 0 && filter->until == 0;
    int r = class_alone ? 1 : narrow_passes(list, key);

    if (r == 1)
        r = custom_passes(list, key);
    if (r != 1)
        return r;
    r = reader_read_request(list->reader, key, record, &list->size);
    if (r != READER_OK)
        return r < 0 ? r : 0;
    if (content_passes(list->filter, record))
        return 1;
    request_record_done(record);
    return 0;
}

static void done_request(void *item)
{
    request_record_done(item);
}

static int add_classes(struct list *list, const struct request_filter *filter)
{
    int r = list_ranges(list, CLASS_MAX);

    if (r < 0)
        return r;
    list->n_ranges = 0;
    for (int64_t class = 0; class < CLASS_MAX; class ++) {
        if (class_passes(filter, class))
            list->ranges[list->n_ranges++].a = class;
    }
    return 0;
}

/* Between which keys the times of the filter are. */
static int find_bounds(struct list *list, const struct request_filter *filter)
{
    store_key until;
    int r = 0;

    if (filter->since != 0)
        r = list_find_time(list, SQL_READ_REQUEST_TIME, filter->since, &list->oldest);
    if (r < 0 || filter->until == 0)
        return r;
    r = list_find_time(list, SQL_READ_REQUEST_TIME, filter->until, &until);
    if (r == 0 && until < list->start)
        list->start = until;
    return r;
}

/* Chooses what drives the list, and starts there. 0 or a negative errno. */
static int plan(struct list *list, const struct request_filter *filter)
{
    int r = find_bounds(list, filter);

    if (r < 0)
        return r;
    list->fetch = filter->enrichment_id  ? fetch_enrichment_id
                  : filter->n_custom > 0 ? fetch_custom
                                         : fetch_class;
    if (list->fetch == fetch_class)
        return add_classes(list, filter);
    r = list_ranges(list, 1);
    if (r == 0 && list->fetch == fetch_custom)
        list->ranges[0].a = custom_key_of(filter, 0);
    return r;
}

int reader_requests(struct store_reader *reader, const struct request_filter *filter,
                    const char *after, size_t limit, struct request_record **ret_items,
                    size_t *ret_n, char **ret_next)
{
    cleanup_list struct list list = {
        .reader = reader,
        .filter = filter,
        .cursor = 'r',
        .load = load_request,
        .item_size = sizeof(struct request_record),
        .item_done = done_request,
    };
    void *items;
    int r;

    if (filter->idempotency_key)
        return reader_list_idempotent(reader, filter, after, ret_items, ret_n, ret_next);
    r = list_start(&list, after);
    if (r != READER_OK)
        return r;
    r = reader_begin(reader);
    if (r == 0)
        r = plan(&list, filter);
    if (r == 0)
        r = list_page(&list, limit, &items, ret_n, ret_next);
    reader_end(reader);
    if (r == 0)
        *ret_items = items;
    return r;
}

void request_records_free(struct request_record *items, size_t n)
{
    list_free_items(items, n, sizeof(*items), done_request);
}
