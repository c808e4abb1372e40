/* The requests of an idempotency key. They follow each other, and are few: always one page. */
#include "store/reader_internal.h"

#include "common/limits.h"
#include "model/contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool passes(const struct request_filter *filter, const struct request_record *record)
{
    struct json_object *custom = json_get(record->content, "custom");

    if ((filter->has_state && record->state != filter->state) ||
        (filter->has_type && record->type != filter->type) || record->created_at < filter->since ||
        (filter->until != 0 && record->created_at >= filter->until))
        return false;
    if (filter->enrichment_id &&
        (!record->enrichment_id || strcmp(record->enrichment_id, filter->enrichment_id) != 0))
        return false;
    for (size_t i = 0; i < filter->n_custom; i++)
        if (!custom_has(custom, filter->custom_keys[i], filter->custom_values[i]))
            return false;
    return true;
}

/* Newest first. */
static int read_range(struct store_reader *reader, const struct request_filter *filter,
                      store_key first, int64_t n, struct request_record *items, size_t *ret_n)
{
    for (store_key key = first + n - 1; key >= first; key--) {
        struct request_record *record = &items[*ret_n];
        int r = reader_read_request(reader, key, record, NULL);

        if (r < 0)
            return r;
        if (r != READER_OK)
            continue; /* erased */
        if (passes(filter, record))
            ++*ret_n;
        else
            request_record_done(record);
    }
    return READER_OK;
}

/* No key: an empty range. */
static int find_range(struct store_reader *reader, const struct digest *key, store_key *ret_first,
                      int64_t *ret_n)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_IDEMPOTENCY);
    int r;

    *ret_first = 1;
    *ret_n = 0;
    query_bind_digest(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret_first = query_int(&query, 0);
    *ret_n = query_int(&query, 1);
    return *ret_n > LIMIT_BATCH ? -EUCLEAN : 0;
}

static int list(struct store_reader *reader, const struct request_filter *filter,
                struct request_record *items, size_t *ret_n)
{
    store_key first;
    int64_t n;
    int r = reader_begin(reader);

    if (r == 0)
        r = find_range(reader, filter->idempotency_key, &first, &n);
    if (r == 0)
        r = read_range(reader, filter, first, n, items, ret_n);
    reader_end(reader);
    return r;
}

int reader_list_idempotent(struct store_reader *reader, const struct request_filter *filter,
                           const char *after, struct request_record **ret_items, size_t *ret_n,
                           char **ret_next)
{
    struct request_record *items;
    size_t n = 0;
    int r;

    if (after)
        return READER_E_CURSOR; /* there is no next page */
    items = calloc(LIMIT_BATCH + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    r = list(reader, filter, items, &n);
    if (r < 0) {
        request_records_free(items, n);
        return r;
    }
    *ret_items = items;
    *ret_n = n;
    *ret_next = NULL;
    return READER_OK;
}
