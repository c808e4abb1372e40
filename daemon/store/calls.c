/* How a call to Pronto ended. */
#include "store/writer.h"

#include <errno.h>

/* 1 with the submission and whether it has ended before, 0, or a negative errno. */
static int find_call(struct writer *writer, store_key call, store_key *ret_submission,
                     bool *ret_ended)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALL);
    int r;

    query_bind_int(&query, call);
    r = query_step(&query);
    if (r > 0) {
        *ret_submission = query_int(&query, 0);
        *ret_ended = query_int(&query, 1) != 0;
    }
    return r;
}

static int end_call(struct writer *writer, const struct store_finish_call *finish)
{
    bool accepted = finish->outcome == SUBMISSION_ACCEPTED;
    cleanup_query struct query query = query_start(&writer->database, SQL_END_CALL);

    query_bind_int(&query, finish->call);
    query_bind_int(&query, finish->now);
    query_bind_int(&query, finish->outcome);
    query_bind_text(&query, accepted ? finish->enrichment_id : NULL);
    query_bind_text(&query, accepted ? NULL : finish->error);
    return query_run(&query);
}

static int delete_refused(struct writer *writer, store_key submission, store_key before)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_REFUSED_CALLS);

    query_bind_int(&query, submission);
    query_bind_int(&query, before);
    return query_run(&query);
}

static int end_request(struct writer *writer, const struct store_finish_call *finish,
                       const struct request_row *row)
{
    if (finish->outcome == SUBMISSION_ACCEPTED)
        return request_accept(writer, row, finish->enrichment_id, finish->now);
    if (finish->outcome == SUBMISSION_REFUSED)
        return request_fail(writer, row, finish->error, finish->now);
    return request_set_error(writer, row->key, finish->error);
}

/* Those that are queued; an early callback has finished the others. */
static int end_requests(struct writer *writer, const struct store_finish_call *finish,
                        store_key submission, size_t *ret_n)
{
    struct request_rows rows;
    int r = requests_of_submission(writer, submission, &rows);

    if (r < 0)
        return r;
    *ret_n = 0;
    for (size_t i = 0; r == 0 && i < rows.n; i++) {
        if (rows.items[i].state != REQUEST_QUEUED)
            continue;
        r = end_request(writer, finish, &rows.items[i]);
        ++*ret_n;
    }
    request_rows_done(&rows);
    return r;
}

static enum submission_state state_after(enum submission_outcome outcome, size_t n_queued)
{
    switch (outcome) {
    case SUBMISSION_ACCEPTED:
        return SUBMISSION_ANSWERED;
    case SUBMISSION_REFUSED:
        return n_queued > 0 ? SUBMISSION_STATE_REFUSED : SUBMISSION_ANSWERED;
    case SUBMISSION_AGAIN:
    case SUBMISSION_MAYBE:
    case SUBMISSION_AUTH:
    case SUBMISSION_CREDITS:
        break;
    }
    return n_queued > 0 ? SUBMISSION_WAITING : SUBMISSION_ANSWERED;
}

static int end_submission(struct writer *writer, const struct store_finish_call *finish,
                          store_key key, size_t n_queued)
{
    enum submission_state state = state_after(finish->outcome, n_queued);
    cleanup_query struct query query = query_start(&writer->database, SQL_END_SUBMISSION_CALL);

    query_bind_int(&query, key);
    query_bind_int(&query, state);
    query_bind_key(&query, state == SUBMISSION_WAITING ? finish->next_at : 0);
    query_bind_int(&query, finish->counts ? 1 : 0);
    query_bind_int(&query, finish->outcome == SUBMISSION_MAYBE ? 1 : 0);
    if (state == SUBMISSION_WAITING)
        writer->changes.submissions = true;
    return query_run(&query);
}

static int apply_end(struct writer *writer, const struct store_finish_call *finish,
                     store_key submission)
{
    size_t n_queued;
    int r = end_call(writer, finish);

    if (r == 0)
        r = delete_refused(writer, submission, finish->call);
    if (r == 0)
        r = end_requests(writer, finish, submission, &n_queued);
    if (r == 0)
        r = end_submission(writer, finish, submission, n_queued);
    if (r == 0 && finish->outcome == SUBMISSION_ACCEPTED)
        r = callbacks_match_waiting(writer, finish->enrichment_id, finish->now);
    return r;
}

int apply_finish_call(struct writer *writer, struct store_command *command)
{
    struct store_finish_call *finish = (struct store_finish_call *)command;
    store_key submission;
    bool ended;
    int r = find_call(writer, finish->call, &submission, &ended);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    return ended ? (int)STORE_E_STATE : apply_end(writer, finish, submission);
}
