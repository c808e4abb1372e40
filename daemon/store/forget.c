/* Erasing what was found to be about one person, a slice in each transaction. */
#include "store/writer.h"

#include <string.h>

#define SLICE_ERASED 100 /* in one transaction: callbacks wait meanwhile */
#define SLICE_ROWS   500 /* callbacks and deliveries that go with them */

/* A callback's own enrichment_id in @ret; "" when it has none, or a request has it. */
static int id_of_callback(struct writer *writer, store_key key,
                          char ret[static ENRICHMENT_ID_MAX + 1])
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALLBACK_COUNTS);
    const char *text;
    size_t size;
    int r;

    ret[0] = '\0';
    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    text = query_text(&query, 4, &size);
    if (text && size <= ENRICHMENT_ID_MAX)
        memcpy(ret, text, size + 1);
    return 0;
}

static int is_of_request(struct writer *writer, const char *enrichment_id)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_OTHER_REQUEST_OF_ID);
    int64_t key;

    query_bind_text(&query, enrichment_id);
    query_bind_int(&query, 0);
    return query_get_int(&query, &key);
}

/* The same does not come back when Pronto repeats it. 1: erased, 0: not there. */
static int forget_callback(struct writer *writer, store_key key, int64_t now, size_t *rows)
{
    char id[ENRICHMENT_ID_MAX + 1];
    int r = id_of_callback(writer, key, id), erased;

    if (r < 0)
        return r;
    erased = callback_erase(writer, key, rows);
    if (erased <= 0 || id[0] == '\0')
        return erased;
    r = is_of_request(writer, id);
    if (r == 0)
        r = tombstone_add_id(writer, id, now);
    return r < 0 ? r : 1;
}

/* There are few, since their number is bounded when they come. */
static int forget_waiting(struct writer *writer, struct store_forget *command, size_t *rows)
{
    store_key key = 0;
    int r;

    do {
        {
            cleanup_query struct query query =
                query_start(&writer->database, SQL_GET_WAITING_CALLBACKS);
            query_bind_text(&query, command->enrichment_id);
            query_bind_int(&query, key);
            r = query_get_int(&query, &key);
        }
        if (r > 0)
            r = forget_callback(writer, key, command->now, rows);
        if (r > 0)
            command->next.n++;
    } while (r > 0);
    return r;
}

/* 1: erased, 0: not there, or a negative errno. */
static int forget_one(struct writer *writer, const struct store_forget *command, size_t at,
                      size_t *rows)
{
    if (at < command->n_requests)
        return request_erase(writer, command->requests[at], command->now, rows);
    return forget_callback(writer, command->callbacks[at - command->n_requests], command->now,
                           rows);
}

int apply_forget(struct writer *writer, struct store_command *base)
{
    struct store_forget *command = (struct store_forget *)base;
    struct forget_slice *slice = &command->next;
    size_t all = command->n_requests + command->n_callbacks, rows = 0;
    int r = 0;

    *slice = command->sofar;
    for (size_t n = 0; slice->at < all && n < SLICE_ERASED && rows < SLICE_ROWS; n++) {
        r = forget_one(writer, command, slice->at, &rows);
        if (r < 0)
            return r;
        slice->n += r;
        slice->at++;
    }
    slice->more = slice->at < all;
    if (!slice->more && command->enrichment_id)
        r = forget_waiting(writer, command, &rows);
    command->n = slice->n;
    return r < 0 ? r : 0;
}

bool forget_goes_on(struct store_command *base)
{
    struct store_forget *command = (struct store_forget *)base;

    if (!command->next.more)
        return false;
    command->sofar = command->next;
    return true;
}
