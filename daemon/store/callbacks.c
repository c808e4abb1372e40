/* Rows of callbacks. They are kept as received; what is stored beside the body says what was made
 * of it. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <assert.h>
#include <errno.h>

#define REJECTED_MAX       1000                        /* the newest are kept */
#define REJECTED_BYTES_MAX (INT64_C(16) * 1024 * 1024) /* of their bodies, in all */

static int insert(struct writer *writer, const struct new_callback *new_callback, store_key *ret)
{
    const struct store_receive *receive = new_callback->receive;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_CALLBACK);
    store_key key = next_key(writer, STORE_KIND_CALLBACK);
    int r;

    query_bind_int(&query, key);
    query_bind_int(&query, new_callback->state);
    query_bind_int(&query, new_callback->reason);
    query_bind_int(&query, new_callback->differs);
    query_bind_key(&query, new_callback->submission);
    query_bind_key(&query, new_callback->request);
    query_bind_int(&query, receive->received_at);
    query_bind_text(&query,
                    receive->rejected == REASON_NONE ? receive->reading.enrichment_id : NULL);
    query_bind_text(&query, receive->client);
    query_bind_text(&query, receive->headers);
    query_bind_blob(&query, receive->body_size > 0 ? receive->body : "", receive->body_size);
    r = query_run(&query);
    if (r == 0)
        *ret = key;
    return r;
}

int callback_create(struct writer *writer, const struct new_callback *new_callback, store_key *ret)
{
    int r = insert(writer, new_callback, ret);

    if (r < 0)
        return r;
    count_callback(writer, new_callback->state, 1);
    count_differing(writer, new_callback->differs ? 1 : 0);
    return event_append(writer, new_callback->receive->received_at,
                        EVENT_NAME_CALLBACK + (int)new_callback->state, new_callback->request, 0,
                        *ret);
}

static int callback_delete(struct writer *writer, store_key key)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_CALLBACK);

    query_bind_int(&query, key);
    return query_run(&query);
}

static int delete_oldest_rejected(struct writer *writer)
{
    store_key key = 0;
    int64_t size = 0;
    int r;

    {
        cleanup_query struct query query = query_start(&writer->database, SQL_GET_OLDEST_REJECTED);
        r = query_step(&query);
        if (r <= 0)
            return r < 0 ? r : -EUCLEAN; /* counted, but not there */
        key = query_int(&query, 0);
        size = query_int(&query, 1);
    }
    r = callback_delete(writer, key);
    if (r < 0)
        return r;
    count_callback(writer, CALLBACK_REJECTED, -1);
    count_rejected_bytes(writer, -size);
    return 0;
}

int callback_keep_rejected(struct writer *writer, const struct store_receive *receive,
                           store_key *ret)
{
    struct new_callback new_callback = {
        .receive = receive,
        .state = CALLBACK_REJECTED,
        .reason = receive->rejected,
        .submission = receive->submission,
    };
    int r = callback_create(writer, &new_callback, ret);

    if (r < 0)
        return r;
    count_rejected_bytes(writer, (int64_t)receive->body_size);
    /* The new one is kept even when it alone is larger. */
    while (counted_callbacks(writer, CALLBACK_REJECTED) > REJECTED_MAX ||
           (counted_rejected_bytes(writer) > REJECTED_BYTES_MAX &&
            counted_callbacks(writer, CALLBACK_REJECTED) > 1)) {
        r = delete_oldest_rejected(writer);
        if (r < 0)
            return r;
    }
    return 0;
}

void callback_row_done(struct callback_row *row)
{
    json_object_put(row->body);
    row->body = NULL;
}

int callback_get(struct writer *writer, store_key key, struct callback_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALLBACK);
    const char *body;
    size_t size;
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret = (struct callback_row){
        .key = key,
        .state = (enum callback_state)query_int(&query, 0),
        .reason = (enum callback_reason)query_int(&query, 1),
        .differs = query_int(&query, 2) != 0,
        .submission = query_int(&query, 3),
        .request = query_int(&query, 4),
        .received_at = query_int(&query, 5),
    };
    body = query_blob(&query, 6, &size);
    r = json_parse_strict(body ? body : "", size, true, &ret->body);
    return r < 0 ? r : 1;
}

int result_differs(struct writer *writer, store_key request, const struct reading *reading,
                   bool *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_FIRST_RESULT);
    cleanup_json struct json_object *result = NULL;
    struct digest first, second;
    const char *body;
    size_t size;
    int r;

    query_bind_int(&query, request);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    body = query_blob(&query, 1, &size);
    if (!query_digest(&query, 0, &first)) {
        r = result_read(body, size, &result);
        if (r == 0)
            r = result_digest(result, &first);
    }
    if (r < 0)
        return r;
    r = result_digest(reading->result, &second);
    if (r == 0)
        *ret = !digest_equal(&first, &second);
    return r;
}

static int match_row(struct writer *writer, const struct callback_row *row)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_MATCH_CALLBACK);

    query_bind_int(&query, row->key);
    query_bind_int(&query, row->state);
    query_bind_int(&query, row->reason);
    query_bind_int(&query, row->differs);
    query_bind_key(&query, row->submission);
    query_bind_key(&query, row->request);
    return query_run(&query);
}

static int end_request(struct writer *writer, const struct callback_row *row,
                       const struct callback_match *match)
{
    struct request_end end = {
        .source = SOURCE_CALLBACK,
        .callback = row->key,
        .reading = match->reading,
        .received_at = row->received_at,
        .now = match->now,
    };
    int r = signal_is(writer, match->request, !match->batch);

    if (r > 0)
        return signal_take(writer, match->request, row->key, match->reading->enrichment_id,
                           match->now);
    return r < 0 ? r : request_finish(writer, match->request, &end);
}

static int look_at_first(struct writer *writer, const struct callback_match *match, bool *ret)
{
    *ret = false;
    if (match->request->state != REQUEST_FINISHED)
        return 0;
    return result_differs(writer, match->request->key, match->reading, ret);
}

int callback_match(struct writer *writer, struct callback_row *row,
                   const struct callback_match *match)
{
    const struct request_row *request = match->request;
    bool duplicate = request->state == REQUEST_FINISHED || request->callback != 0, differs;
    enum callback_state from = row->state, to = duplicate ? CALLBACK_DUPLICATE : CALLBACK_MATCHED;
    int r = look_at_first(writer, match, &differs);

    assert(callback_may_become(from, to));
    if (r < 0)
        return r;
    row->state = to;
    row->reason = match->reason;
    row->differs = differs;
    row->request = request->key;
    if (row->submission == 0)
        row->submission = request->submission;
    r = match_row(writer, row);
    if (r < 0)
        return r;
    count_callback(writer, from, -1);
    count_callback(writer, to, 1);
    count_differing(writer, differs ? 1 : 0);
    r = event_append(writer, match->now, EVENT_NAME_CALLBACK + (int)to, request->key, 0, row->key);
    return r < 0 || duplicate ? r : end_request(writer, row, match);
}
