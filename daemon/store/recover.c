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
        .cpu_ms = -1,
        .memory_bytes = -1,
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

/* 1 with a call of @submission that has not ended, 0, or a negative errno. */
static int next_open_call(struct writer *writer, store_key submission, struct call_row *ret)
{
    store_key key;
    int r;

    {
        cleanup_query struct query query = query_start(&writer->database, SQL_GET_OPEN_CALL);
        query_bind_int(&query, submission);
        r = query_get_int(&query, &key);
    }
    return r <= 0 ? r : call_get(writer, key, ret);
}

/* Pronto may have it: waits for its callback before it is sent again. */
static int recover_submission(struct writer *writer, store_key key, int64_t now)
{
    struct store_finish_call finish = {
        .outcome = SUBMISSION_MAYBE,
        .error = interrupted_call,
        .counts = true,
        .next_at = now + writer->settings.resend_after_ms,
        .now = now,
    };
    struct call_row call;
    int r = submission_set_state(writer, key, SUBMISSION_WAITING, finish.next_at);

    if (r < 0)
        return r;
    while ((r = next_open_call(writer, key, &call)) > 0) {
        finish.call = call.key;
        r = call_end(writer, &finish, &call);
        if (r < 0)
            break;
    }
    return r;
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

    if (r == 0)
        r = recover_submissions(writer, now);
    return r < 0 ? r : polls_recover(writer, now);
}
