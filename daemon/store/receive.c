/* A callback. What it writes when it is matched, the common case: a row of callback, whose body has
 * the result, the narrow row of the request (and its place in the index of classes), a row of delivery for each
 * hook, and an event for each of these. */
#include "store/writer.h"

#include <assert.h>
#include <string.h>

#define IDENTICAL_KEPT 20   /* copies of the first callback of a request */
#define ODD_MAX        1000 /* callbacks of one submission that are no result and no copy of one */

static void show_callback(struct writer *writer, struct store_receive *receive, store_key key)
{
    id_format(writer->database_number, STORE_KIND_CALLBACK, key, receive->id);
}

static void show_request(struct writer *writer, struct store_receive *receive, store_key key)
{
    if (key != 0)
        id_format(writer->database_number, STORE_KIND_REQUEST, key, receive->request_id);
}

static int receive_rejected(struct writer *writer, struct store_receive *receive)
{
    store_key key;
    int r = callback_keep_rejected(writer, receive, &key);

    if (r < 0)
        return r;
    receive->state = CALLBACK_REJECTED;
    receive->reason = receive->rejected;
    show_callback(writer, receive, key);
    return 0;
}

/* A sender that repeats itself for ever must not fill the disk. 1: @submission has its share, 0, or
 * a negative errno. */
static int too_many_odd(struct writer *writer, store_key submission)
{
    int64_t n = 0;
    int r;

    if (submission == 0)
        return 0;
    {
        cleanup_query struct query query =
            query_start(&writer->database, SQL_COUNT_CALLBACKS_OF_SUBMISSION);
        query_bind_int(&query, submission);
        query_bind_int(&query, ODD_MAX);
        r = query_get_int(&query, &n);
    }
    if (r < 0 || n < ODD_MAX)
        return r < 0 ? r : 0;
    cleanup_query struct query query = query_start(&writer->database, SQL_COUNT_ODD_CALLBACKS);
    query_bind_int(&query, submission);
    r = query_get_int(&query, &n);
    return r < 0 ? r : n >= ODD_MAX;
}

/* Likewise for those that wait for one enrichment_id, or for any. */
static int too_many_waiting(struct writer *writer, const char *enrichment_id)
{
    int64_t n = 0;
    int r;

    if (counted_callbacks(writer, CALLBACK_UNMATCHED) >= writer->settings.max_unmatched)
        return 1;
    if (enrichment_id == NULL)
        return 0;
    cleanup_query struct query query = query_start(&writer->database, SQL_COUNT_WAITING_CALLBACKS);
    query_bind_text(&query, enrichment_id);
    r = query_get_int(&query, &n);
    return r < 0 ? r : n >= ODD_MAX;
}

/* 1 with the last of the copies when there are enough of them. */
static int copies_enough(struct writer *writer, store_key request, store_key *ret_last)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_IDENTICAL_CALLBACKS);
    int r;

    query_bind_int(&query, request);
    r = query_step(&query);
    if (r <= 0 || query_int(&query, 0) < IDENTICAL_KEPT)
        return r < 0 ? r : 0;
    *ret_last = query_int(&query, 1);
    return 1;
}

/* Those that are no result. */
static int receive_odd(struct writer *writer, struct store_receive *receive,
                       struct new_callback *new_callback)
{
    bool unmatched = new_callback->state == CALLBACK_UNMATCHED;
    store_key key;
    int r = 0;

    if (unmatched)
        r = too_many_waiting(writer, receive->reading.enrichment_id);
    if (r == 0)
        r = too_many_odd(writer, new_callback->submission);
    if (r != 0)
        return r < 0 ? r : (int)STORE_E_FULL;
    r = callback_create(writer, new_callback, &key);
    if (r < 0)
        return r;
    show_callback(writer, receive, key);
    if (!unmatched)
        return 0;
    struct delivery_cause cause = {
        .event = EVENT_UNMATCHED, .callback = key, .now = receive->received_at};
    return deliveries_create(writer, &cause);
}

static int receive_duplicate(struct writer *writer, struct store_receive *receive,
                             const struct request_row *row, struct new_callback *new_callback)
{
    store_key key;
    int r = 0;

    if (row->state == REQUEST_FINISHED) /* else it was a signal, and the result is being fetched */
        r = result_differs(writer, row->key, &receive->reading, &new_callback->differs);
    if (r < 0)
        return r;
    if (new_callback->differs)
        return receive_odd(writer, receive, new_callback);
    r = copies_enough(writer, new_callback->request, &key);
    if (r > 0) {
        writer->changes.duplicates_dropped++;
        show_callback(writer, receive, key);
        return 0;
    }
    if (r == 0)
        r = callback_create(writer, new_callback, &key);
    if (r == 0)
        show_callback(writer, receive, key);
    return r;
}

static int receive_matched(struct writer *writer, struct store_receive *receive,
                           const struct request_row *row, struct new_callback *new_callback,
                           bool batch)
{
    struct request_end end = {
        .source = SOURCE_CALLBACK,
        .reading = &receive->reading,
        .received_at = receive->received_at,
        .now = receive->received_at,
    };
    int is_signal = signal_is(writer, row, !batch), r;

    if (is_signal < 0)
        return is_signal;
    r = callback_create(writer, new_callback, &end.callback);
    if (r < 0)
        return r;
    show_callback(writer, receive, end.callback);
    return is_signal ? signal_take(writer, row, end.callback, receive->reading.enrichment_id,
                                   receive->received_at)
                     : request_finish(writer, row, &end);
}

static int receive_erased(struct writer *writer, struct store_receive *receive,
                          const struct resolution *resolution)
{
    writer->changes.erased_refused++;
    if (receive->submission != 0)
        return (int)STORE_E_NOT_FOUND;
    receive->state = resolution->verdict.state;
    receive->reason = resolution->verdict.reason;
    return 0;
}

static int receive_resolved(struct writer *writer, struct store_receive *receive,
                            const struct resolution *resolution)
{
    int index = resolution->verdict.index;
    const struct request_row *row = index >= 0 ? &resolution->rows.items[index] : NULL;
    struct new_callback new_callback = {
        .receive = receive,
        .state = resolution->verdict.state,
        .reason = resolution->verdict.reason,
        .submission = resolution->submission,
        .request = row ? row->key : 0,
    };

    if (resolution->erased)
        return receive_erased(writer, receive, resolution);
    receive->state = new_callback.state;
    receive->reason = new_callback.reason;
    show_request(writer, receive, new_callback.request);
    assert(row ||
           (new_callback.state != CALLBACK_MATCHED && new_callback.state != CALLBACK_DUPLICATE));
    if (new_callback.state == CALLBACK_MATCHED)
        return receive_matched(writer, receive, row, &new_callback, resolution->batch);
    if (new_callback.state == CALLBACK_DUPLICATE)
        return receive_duplicate(writer, receive, row, &new_callback);
    return receive_odd(writer, receive, &new_callback);
}

/* A token tells by itself whose it is, but not whether that submission is there still, nor whether it
 * is the same: a database that was restored gives keys again. */
static bool is_its_token(const struct store_receive *receive, const struct token *token)
{
    return !receive->token || secret_equal(receive->token->bytes, sizeof(receive->token->bytes),
                                           token->bytes, sizeof(token->bytes));
}

static int is_there(struct writer *writer, const struct store_receive *receive)
{
    struct submission_row row;
    int r = submission_get(writer, receive->submission, &row);

    return r > 0 ? is_its_token(receive, &row.token) : r;
}

int apply_receive(struct writer *writer, struct store_command *command)
{
    struct store_receive *receive = (struct store_receive *)command;
    struct resolution resolution;
    int r;

    receive->id[0] = '\0';
    receive->request_id[0] = '\0';
    if (writer->disk_low)
        return (int)STORE_E_FULL;
    if (receive->rejected != REASON_NONE) {
        r = receive->submission != 0 ? is_there(writer, receive) : 1;
        if (r <= 0)
            return r < 0 ? r : (int)STORE_E_NOT_FOUND;
        return receive_rejected(writer, receive);
    }
    r = resolve(writer, &receive->reading, receive->submission, &resolution);
    if (r < 0)
        return r;
    if (receive->submission != 0 &&
        (resolution.rows.n == 0 || !is_its_token(receive, &resolution.token)))
        r = (int)STORE_E_NOT_FOUND; /* its last request was erased, and the submission with it */
    else
        r = receive_resolved(writer, receive, &resolution);
    resolution_done(&resolution);
    return r;
}
