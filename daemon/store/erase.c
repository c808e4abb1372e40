/* Erasing a person: first everything that is about the request is linked to it, then what is linked
 * goes. What is overwritten in the pages (secure_delete) is still in the WAL; the engine ends the
 * command when a truncating checkpoint has emptied that. */
#include "store/writer.h"

#include "model/contact.h"
#include "model/state_machine.h"

#include <errno.h>
#include <string.h>

struct erasure {
    struct writer *writer;
    struct request_row row;
    struct json_object *content;
    bool last; /* of its submission, which goes, too */
    int64_t now;
    size_t rows; /* callbacks and deliveries that went, or were looked at */
};

static int run(struct writer *writer, enum sql_query which, int64_t first)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    query_bind_int(&query, first);
    return query_run(&query);
}

static int run_with(struct writer *writer, enum sql_query which, int64_t first, int64_t second)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    query_bind_int(&query, first);
    query_bind_int(&query, second);
    return query_run(&query);
}

static int run_of_id(struct writer *writer, enum sql_query which, const char *id, int64_t second)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    query_bind_text(&query, id);
    query_bind_int(&query, second);
    return query_run(&query);
}

/* 1 when it has a row, 0, or a negative errno. */
static int any(struct query *query)
{
    int64_t key;

    return query_get_int(query, &key);
}

static int look_around(struct erasure *erasure)
{
    struct request_row *row = &erasure->row;
    int r;

    {
        cleanup_query struct query query =
            query_start(&erasure->writer->database, SQL_GET_REQUEST_OF_SUBMISSION);
        query_bind_int(&query, row->submission);
        query_bind_int(&query, row->key);
        r = any(&query);
    }
    erasure->last = r == 0;
    return r < 0 ? r : request_content(erasure->writer, row->key, &erasure->content);
}

/* One of the identifiers that Pronto gave it, unless another request has it, too. */
static int erase_id(struct erasure *erasure, const char *id)
{
    struct writer *writer = erasure->writer;
    int r;

    {
        cleanup_query struct query query =
            query_start(&writer->database, SQL_GET_OTHER_REQUEST_OF_ID);
        query_bind_text(&query, id);
        query_bind_int(&query, erasure->row.key);
        r = any(&query);
    }
    if (r != 0)
        return r < 0 ? r : 0;
    r = tombstone_add_id(writer, id, erasure->now);
    if (r == 0)
        r = run_of_id(writer, SQL_LINK_WAITING_CALLBACKS, id, erasure->row.key);
    return r;
}

static int erase_ids(struct erasure *erasure)
{
    int r = 0;

    if (erasure->row.enrichment_id[0] != '\0')
        r = erase_id(erasure, erasure->row.enrichment_id);
    if (r < 0)
        return r;
    cleanup_query struct query query =
        query_start(&erasure->writer->database, SQL_GET_CALL_IDS_OF_REQUEST);
    query_bind_int(&query, erasure->row.submission);
    query_bind_int(&query, erasure->row.key);
    while ((r = query_step(&query)) > 0) {
        const char *id = query_text(&query, 0, NULL);

        if (id == NULL)
            return -ENOMEM;
        r = erase_id(erasure, id);
        if (r < 0)
            break;
    }
    return r;
}

static int bury_contact(struct erasure *erasure)
{
    struct json_object *custom = json_get(erasure->content, "custom");
    struct erased_contact contact = {
        .submission = erasure->row.submission,
        .custom = custom_is_absent(custom) ? NULL : &erasure->row.custom_digest,
        .first_name = json_get_string(erasure->content, "firstname"),
        .last_name = json_get_string(erasure->content, "lastname"),
    };

    return erasure->last ? 0 : tombstone_add_contact(erasure->writer, &contact, erasure->now);
}

/* A callback of the batch that belongs to no contact for sure. What cannot be read may be about
 * anyone, so it goes with the first. */
static int is_about(struct erasure *erasure, const struct callback_row *callback, bool *ret)
{
    struct reading reading;
    int r;

    *ret = true;
    if (callback->body == NULL)
        return 0;
    r = reading_parse(callback->body, &reading);
    if (r < 0)
        return r;
    *ret = match_name_equal(erasure->content, &reading) ||
           (reading.custom != NULL &&
            digest_equal(&reading.custom_digest, &erasure->row.custom_digest));
    reading_done(&reading);
    return 0;
}

static int link_loose(struct erasure *erasure, store_key key)
{
    struct callback_row callback;
    bool about;
    int r = callback_get(erasure->writer, key, &callback);

    if (r <= 0)
        return r;
    r = is_about(erasure, &callback, &about);
    callback_row_done(&callback);
    if (r < 0 || !about)
        return r;
    return run_with(erasure->writer, SQL_LINK_CALLBACK, key, erasure->row.key);
}

/* 1 with the next of the batch's callbacks without a request. */
static int next_loose(struct erasure *erasure, store_key *key)
{
    cleanup_query struct query query =
        query_start(&erasure->writer->database, SQL_GET_LOOSE_CALLBACKS);

    query_bind_int(&query, erasure->row.submission);
    query_bind_int(&query, *key);
    return query_get_int(&query, key);
}

static int link_callbacks(struct erasure *erasure)
{
    store_key key = 0;
    int r;

    if (erasure->last)
        return run_with(erasure->writer, SQL_LINK_CALLBACKS, erasure->row.submission,
                        erasure->row.key);
    while ((r = next_loose(erasure, &key)) > 0) {
        r = link_loose(erasure, key);
        if (r < 0)
            break;
        erasure->rows++;
    }
    return r;
}

static void uncount_callback(struct writer *writer, enum callback_state state, int64_t differs,
                             int64_t body_bytes)
{
    count_callback(writer, state, -1);
    count_differing(writer, -differs);
    if (state == CALLBACK_REJECTED)
        count_rejected_bytes(writer, -body_bytes);
}

static int uncount_callbacks(struct erasure *erasure)
{
    struct writer *writer = erasure->writer;
    cleanup_query struct query query =
        query_start(&writer->database, SQL_COUNT_CALLBACKS_OF_REQUEST);
    int r;

    query_bind_int(&query, erasure->row.key);
    while ((r = query_step(&query)) > 0) {
        int64_t state = query_int(&query, 0);

        if (state < 0 || state >= CALLBACK_STATE_MAX_)
            return -EUCLEAN;
        r = events_forget(writer, STORE_KIND_CALLBACK, query_int(&query, 3));
        if (r < 0)
            break;
        uncount_callback(writer, (enum callback_state)state, query_int(&query, 1),
                         query_int(&query, 2));
        erasure->rows++;
    }
    return r;
}

/* Of a row (hook, state, id). What runs is to be told to stop. */
static int uncount_delivery(struct writer *writer, struct query *query, store_key *ret)
{
    int64_t state = query_int(query, 1);
    int r;

    *ret = query_int(query, 2);
    if (state < 0 || state >= DELIVERY_STATE_MAX_)
        return -EUCLEAN;
    r = events_forget(writer, STORE_KIND_DELIVERY, *ret);
    if (r == 0)
        r = count_delivery(writer, query_int(query, 0), (enum delivery_state)state, -1);
    if (r == 0 && state == DELIVERY_RUNNING)
        r = keys_add(&writer->changes.cancelled, *ret);
    return r;
}

static int uncount_deliveries(struct erasure *erasure)
{
    struct writer *writer = erasure->writer;
    cleanup_query struct query query =
        query_start(&writer->database, SQL_COUNT_DELIVERIES_OF_REQUEST);
    store_key key;
    int r;

    query_bind_int(&query, erasure->row.key);
    while ((r = query_step(&query)) > 0) {
        r = uncount_delivery(writer, &query, &key);
        if (r < 0)
            break;
        erasure->rows++;
    }
    return r;
}

static int delete_linked(struct erasure *erasure)
{
    struct writer *writer = erasure->writer;
    store_key key = erasure->row.key;
    int r = run(writer, SQL_LINK_DELIVERIES, key);

    if (r == 0)
        r = run(writer, SQL_LINK_DEAD_DELIVERIES, key);
    if (r == 0)
        r = uncount_callbacks(erasure);
    if (r == 0)
        r = uncount_deliveries(erasure);
    if (r == 0)
        r = events_forget(writer, STORE_KIND_REQUEST, key);
    if (r == 0)
        r = run(writer, SQL_DELETE_DELIVERIES_OF_REQUEST, key);
    if (r == 0)
        r = run(writer, SQL_DELETE_CALLBACKS_OF_REQUEST, key);
    return r;
}

static int delete_request(struct erasure *erasure)
{
    struct writer *writer = erasure->writer;
    const struct request_row *row = &erasure->row;
    int r = run(writer, SQL_DELETE_REQUEST, row->key);

    if (r == 0)
        r = idempotency_forget(writer, row->key);
    if (r == 0)
        r = request_uncount(writer, row);
    if (r == 0 && !request_state_is_final(row->state))
        r = note_settled(writer, row->key);
    if (r < 0)
        return r;
    if (erasure->last)
        return run(writer, SQL_DELETE_SUBMISSION, row->submission);
    r = run_with(writer, SQL_FORGET_CALLS_OF_REQUEST, row->submission, row->key);
    return r < 0 ? r : submission_settle(writer, row->submission);
}

static int erase(struct erasure *erasure)
{
    int r = look_around(erasure);

    if (r == 0)
        r = erase_ids(erasure);
    if (r == 0)
        r = bury_contact(erasure);
    if (r == 0)
        r = link_callbacks(erasure);
    if (r == 0)
        r = delete_linked(erasure);
    return r < 0 ? r : delete_request(erasure);
}

int request_erase(struct writer *writer, store_key key, int64_t now, size_t *rows)
{
    struct erasure erasure = {.writer = writer, .now = now};
    int r = request_get(writer, key, &erasure.row);

    if (r <= 0)
        return r;
    r = erase(&erasure);
    json_object_put(erasure.content);
    *rows += erasure.rows;
    return r < 0 ? r : 1;
}

/* Deliveries of event unmatched, and those that told of their death. */
static int deliveries_of_callback(struct writer *writer, store_key callback, struct keys *keys)
{
    cleanup_query struct query query =
        query_start(&writer->database, SQL_GET_DELIVERIES_OF_CALLBACK);
    store_key key;
    int r;

    query_bind_int(&query, callback);
    while ((r = query_step(&query)) > 0) {
        r = uncount_delivery(writer, &query, &key);
        if (r == 0)
            r = keys_add(keys, key);
        if (r < 0)
            break;
    }
    return r;
}

static int erase_deliveries_of_callback(struct writer *writer, store_key callback, size_t *rows)
{
    struct keys keys = {0};
    int r = deliveries_of_callback(writer, callback, &keys);

    for (size_t i = 0; r == 0 && i < keys.n; i++)
        r = run(writer, SQL_DELETE_DELIVERY, keys.items[i]);
    *rows += keys.n;
    keys_done(&keys);
    return r;
}

static bool has_request(struct query *query)
{
    return !query_is_null(query, 3);
}

/* 1 when it was there without a request, and is counted no more. */
static int take_unclaimed(struct writer *writer, store_key key)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALLBACK_COUNTS);
    int64_t state;
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    if (has_request(&query))
        return 0;
    state = query_int(&query, 0);
    if (state < 0 || state >= CALLBACK_STATE_MAX_)
        return -EUCLEAN;
    uncount_callback(writer, (enum callback_state)state, query_int(&query, 1),
                     query_int(&query, 2));
    return 1;
}

int callback_erase(struct writer *writer, store_key key, size_t *rows)
{
    int r = take_unclaimed(writer, key);

    if (r <= 0)
        return r;
    r = erase_deliveries_of_callback(writer, key, rows);
    if (r == 0)
        r = events_forget(writer, STORE_KIND_CALLBACK, key);
    if (r == 0)
        r = run(writer, SQL_DELETE_CALLBACK, key);
    (*rows)++;
    return r < 0 ? r : 1;
}

int apply_erase(struct writer *writer, struct store_command *base)
{
    struct store_erase *command = (struct store_erase *)base;
    size_t rows = 0;
    int r = request_erase(writer, command->request, command->now, &rows);

    if (r == 0)
        return (int)STORE_E_NOT_FOUND;
    return r < 0 ? r : 0;
}
