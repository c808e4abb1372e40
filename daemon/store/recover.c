/* What a crash, or a stop that could not wait, left half done. */
#include "store/writer.h"

#include <errno.h>

#define WAIT_MAX_MS (INT64_C(30) * 24 * 60 * 60 * 1000) /* longer than any wait that we store */

static const char interrupted_call[] = "prontod ended during the call";
static const char interrupted_run[] = "prontod ended during the run";

/* Runs again at once. The third interruption in a row uses up an attempt: the hook may be what ends
 * us. */
static int recover_delivery(struct writer *writer, store_key key, int64_t now)
{
    struct store_finish_attempt attempt = {
        .started_at = now,
        .end = {.exit_code = -1, .interrupted = true},
        .error = interrupted_run,
    };
    struct delivery_row row;
    int r = delivery_get(writer, key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = attempt_append(writer, key, &attempt);
    if (r < 0)
        return r;
    if (row.interruptions + 1 < INTERRUPTIONS_MAX) {
        row.interruptions++;
        return delivery_become(writer, &row, DELIVERY_QUEUED, now, now);
    }
    row.interruptions = 0;
    row.attempts++;
    return delivery_become(writer, &row, DELIVERY_RETRYING, now, now);
}

/* 1 with one that is running. */
static int next_running(struct writer *writer, store_key hook, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_RUNNING_DELIVERIES);

    query_bind_int(&query, hook);
    return query_get_int(&query, ret);
}

static int recover_waits(struct writer *writer, store_key hook, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_RECOVER_DELIVERIES);

    query_bind_int(&query, hook);
    query_bind_int(&query, now);
    query_bind_int(&query, now + WAIT_MAX_MS);
    return query_run(&query);
}

static int recover_hook(struct writer *writer, store_key hook, int64_t now)
{
    store_key key;
    int r;

    while ((r = next_running(writer, hook, &key)) > 0) {
        r = recover_delivery(writer, key, now);
        if (r < 0)
            break;
    }
    return r < 0 ? r : recover_waits(writer, hook, now);
}

static int recover_deliveries(struct writer *writer, int64_t now)
{
    store_key hook = 0;
    int r;

    while ((r = hook_after(writer, hook, &hook)) > 0) {
        r = recover_hook(writer, hook, now);
        if (r < 0)
            break;
    }
    return r;
}

static int end_open_calls(struct writer *writer, store_key submission, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_END_OPEN_CALLS);

    query_bind_int(&query, submission);
    query_bind_int(&query, now);
    query_bind_int(&query, SUBMISSION_MAYBE);
    query_bind_text(&query, interrupted_call);
    return query_run(&query);
}

static int set_errors(struct writer *writer, store_key submission, bool *ret_queued)
{
    struct request_rows rows;
    int r = requests_of_submission(writer, submission, &rows);

    if (r < 0)
        return r;
    *ret_queued = false;
    for (size_t i = 0; r == 0 && i < rows.n; i++) {
        if (rows.items[i].state != REQUEST_QUEUED)
            continue;
        *ret_queued = true;
        r = request_set_error(writer, rows.items[i].key, interrupted_call);
    }
    request_rows_done(&rows);
    return r;
}

/* Pronto may have it: waits for its callback before it is sent again. */
static int recover_submission(struct writer *writer, store_key key, int64_t now)
{
    bool queued;
    int r = end_open_calls(writer, key, now);

    if (r == 0)
        r = set_errors(writer, key, &queued);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_END_SUBMISSION_CALL);
    query_bind_int(&query, key);
    query_bind_int(&query, queued ? SUBMISSION_WAITING : SUBMISSION_ANSWERED);
    query_bind_key(&query, queued ? now + writer->settings.resend_after_ms : 0);
    query_bind_int(&query, 1);
    query_bind_int(&query, 1);
    return query_run(&query);
}

static int next_in_call(struct writer *writer, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_SUBMISSIONS_IN_CALL);

    return query_get_int(&query, ret);
}

static int recover_submissions(struct writer *writer, int64_t now)
{
    store_key key;
    int r;

    while ((r = next_in_call(writer, &key)) > 0) {
        r = recover_submission(writer, key, now);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_RECOVER_SUBMISSIONS);
    query_bind_int(&query, now);
    query_bind_int(&query, now + WAIT_MAX_MS);
    return query_run(&query);
}

int recover(struct writer *writer, int64_t now)
{
    int r = recover_deliveries(writer, now);

    return r < 0 ? r : recover_submissions(writer, now);
}
