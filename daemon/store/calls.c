/* How a call to Pronto ended. */
#include "store/writer.h"

#include <errno.h>

static const char refused_together[] =
    "Pronto refused a batch that this contact was in; it is sent again in smaller ones";

int call_get(struct writer *writer, store_key key, struct call_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALL);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r > 0)
        *ret = (struct call_row){
            .key = key,
            .submission = query_int(&query, 0),
            .ended = query_int(&query, 1) != 0,
            .first_request = query_int(&query, 2),
            .last_request = query_int(&query, 3),
            .contacts = (size_t)query_int(&query, 4),
            .price = query_int(&query, 5),
        };
    return r;
}

/* How many of its requests are still there. */
static int count_left(struct writer *writer, const struct call_row *call, int64_t *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_COUNT_REQUESTS_OF_CALL);
    int r;

    query_bind_int(&query, call->submission);
    query_bind_int(&query, call->first_request);
    query_bind_int(&query, call->last_request);
    r = query_get_int(&query, ret);
    return r < 0 ? r : 0;
}

/* Nothing of who was erased meanwhile is kept: an error may name any of the contacts, an identifier
 * is that of those who are left. */
static int end_call(struct writer *writer, const struct store_finish_call *finish,
                    const struct call_row *call)
{
    bool accepted = finish->outcome == SUBMISSION_ACCEPTED;
    int64_t left = 0;
    int r = count_left(writer, call, &left);

    if (r == 0 && accepted && left == 0)
        r = tombstone_add_id(writer, finish->enrichment_id, finish->now);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_END_CALL);
    query_bind_int(&query, finish->call);
    query_bind_int(&query, finish->now);
    query_bind_int(&query, finish->outcome);
    query_bind_text(&query, accepted && left > 0 ? finish->enrichment_id : NULL);
    query_bind_text(&query, accepted || left < (int64_t)call->contacts ? NULL : finish->error);
    return query_run(&query);
}

static int delete_refused(struct writer *writer, store_key submission, store_key before)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_REFUSED_CALLS);

    query_bind_int(&query, submission);
    query_bind_int(&query, before);
    return query_run(&query);
}

/* What the end of a call means. */
struct ending {
    struct writer *writer;
    const struct store_finish_call *finish;
    const struct call_row *call;
    size_t n_queued; /* contacts of the submission that are still to be sent */
    size_t n_failed;
    const char *proof; /* the identifier that a callback of one of its contacts brought; or NULL */
};

/* Pronto enqueues none of a batch when it refuses one of its contacts, and does not say which. */
static bool is_refused_together(const struct ending *ending)
{
    return ending->finish->outcome == SUBMISSION_REFUSED && ending->call->contacts > 1;
}

/* Pronto does not have it, and takes nothing for it. */
static int end_without_answer(struct ending *ending, struct request_row *row)
{
    const struct store_finish_call *finish = ending->finish;
    int r = 0;

    if (finish->outcome != SUBMISSION_MAYBE)
        r = budget_take_back(ending->writer, row, ending->call->price);
    if (r < 0)
        return r;
    if (finish->outcome == SUBMISSION_REFUSED && !is_refused_together(ending)) {
        ending->n_failed++;
        return request_fail(ending->writer, row, finish->error, finish->now);
    }
    ending->n_queued++;
    return request_set_error(ending->writer, row->key,
                             is_refused_together(ending) ? refused_together : finish->error);
}

static int end_request(struct ending *ending, struct request_row *row)
{
    const struct store_finish_call *finish = ending->finish;

    if (finish->outcome == SUBMISSION_ACCEPTED)
        return request_accept(ending->writer, row, finish->enrichment_id, finish->now);
    /* An early callback named it: whatever became of the call, Pronto has it. */
    if (row->enrichment_id[0] != '\0')
        return request_accept(ending->writer, row, row->enrichment_id, finish->now);
    if (ending->proof && finish->outcome != SUBMISSION_REFUSED)
        return request_accept(ending->writer, row, ending->proof, finish->now);
    return end_without_answer(ending, row);
}

static bool is_in(const struct call_row *call, const struct request_row *row)
{
    return row->key >= call->first_request && row->key <= call->last_request;
}

/* Pronto takes a batch whole or not at all: a callback of one of its contacts proves that it has all. */
static const char *find_proof(const struct call_row *call, const struct request_rows *rows)
{
    for (size_t i = 0; call->contacts > 1 && i < rows->n; i++) {
        const struct request_row *row = &rows->items[i];

        if (is_in(call, row) && row->state != REQUEST_QUEUED && row->enrichment_id[0] != '\0')
            return row->enrichment_id;
    }
    return NULL;
}

/* Those that are queued; an early callback has finished the others. */
static int end_requests(struct ending *ending)
{
    const struct call_row *call = ending->call;
    struct request_rows rows;
    int r = requests_of_submission(ending->writer, call->submission, &rows);

    if (r < 0)
        return r;
    ending->proof = find_proof(call, &rows);
    for (size_t i = 0; r == 0 && i < rows.n; i++) {
        struct request_row *row = &rows.items[i];

        if (row->state != REQUEST_QUEUED)
            continue;
        if (is_in(call, row))
            r = end_request(ending, row);
        else
            ending->n_queued++;
    }
    ending->proof = NULL; /* it was in the rows */
    request_rows_done(&rows);
    return r;
}

/* 1 when the last call that had @row had others too, and was not answered; 0, or a negative errno. An
 * older one says nothing: what was sent again since was accepted or refused by itself. */
static int get_unanswered(struct writer *writer, const struct request_row *row,
                          struct call_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_LAST_CALL);
    int r;

    query_bind_int(&query, row->submission);
    query_bind_int(&query, row->key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret = (struct call_row){.submission = row->submission,
                             .first_request = query_int(&query, 0),
                             .last_request = query_int(&query, 1),
                             .contacts = (size_t)query_int(&query, 2)};
    return ret->contacts > 1 && !query_is_null(&query, 3) &&
           query_int(&query, 3) == (int64_t)SUBMISSION_MAYBE;
}

int call_is_proven(struct writer *writer, const struct request_row *row, const char *enrichment_id,
                   int64_t now)
{
    struct request_rows rows;
    struct call_row call;
    int r = enrichment_id ? get_unanswered(writer, row, &call) : 0;

    if (r <= 0)
        return r;
    r = requests_of_submission(writer, row->submission, &rows);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < rows.n; i++)
        if (is_in(&call, &rows.items[i]) && rows.items[i].state == REQUEST_QUEUED)
            r = request_accept(writer, &rows.items[i], enrichment_id, now);
    request_rows_done(&rows);
    return r;
}

/* Half of a batch that was refused, until the contact that Pronto refuses is alone; twice as many
 * again when one was accepted. A refused contact is mostly not the only one of its kind. */
static int64_t part_after(const struct ending *ending, int64_t part)
{
    int64_t twice = part * 2;

    switch (ending->finish->outcome) {
    case SUBMISSION_ACCEPTED:
        return twice >= (int64_t)ending->n_queued ? 0 : twice;
    case SUBMISSION_REFUSED:
        return ending->call->contacts > 1 ? (int64_t)(ending->call->contacts / 2) : 1;
    case SUBMISSION_AGAIN:
    case SUBMISSION_MAYBE:
    case SUBMISSION_AUTH:
    case SUBMISSION_CREDITS:
        break;
    }
    return part;
}

static int set_part(const struct ending *ending)
{
    struct submission_row row;
    int64_t part;
    int r;

    if (ending->n_queued == 0)
        return 0;
    r = submission_get(ending->writer, ending->call->submission, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    part = part_after(ending, row.part);
    return part == row.part ? 0 : submission_set_part(ending->writer, row.key, part);
}

static enum submission_state state_after(const struct ending *ending)
{
    if (ending->n_queued > 0)
        return SUBMISSION_WAITING;
    return ending->n_failed > 0 ? SUBMISSION_STATE_REFUSED : SUBMISSION_ANSWERED;
}

/* What is left after an answer goes on at once. */
static int64_t next_after(const struct ending *ending)
{
    const struct store_finish_call *finish = ending->finish;
    bool answered = finish->outcome == SUBMISSION_ACCEPTED || finish->outcome == SUBMISSION_REFUSED;

    if (ending->n_queued == 0)
        return 0;
    return answered ? finish->now : finish->next_at;
}

/* To split a batch is no failure of its contacts: it is not counted as a try of theirs. */
static int end_submission(const struct ending *ending)
{
    const struct store_finish_call *finish = ending->finish;
    cleanup_query struct query query =
        query_start(&ending->writer->database, SQL_END_SUBMISSION_CALL);

    query_bind_int(&query, ending->call->submission);
    query_bind_int(&query, state_after(ending));
    query_bind_key(&query, next_after(ending));
    query_bind_int(&query, finish->counts && !is_refused_together(ending) ? 1 : 0);
    query_bind_int(&query, finish->outcome == SUBMISSION_MAYBE ? 1 : 0);
    if (ending->n_queued > 0)
        ending->writer->changes.submissions = true;
    return query_run(&query);
}

int call_end(struct writer *writer, const struct store_finish_call *finish,
             const struct call_row *call)
{
    struct ending ending = {.writer = writer, .finish = finish, .call = call};
    int r = end_call(writer, finish, call);

    if (r == 0)
        r = delete_refused(writer, call->submission, call->key);
    if (r == 0)
        r = end_requests(&ending);
    if (r == 0)
        r = set_part(&ending);
    if (r == 0)
        r = end_submission(&ending);
    if (r == 0 && finish->outcome == SUBMISSION_ACCEPTED)
        r = callbacks_match_waiting(writer, finish->enrichment_id, finish->now);
    return r;
}

int apply_finish_call(struct writer *writer, struct store_command *command)
{
    struct store_finish_call *finish = (struct store_finish_call *)command;
    struct call_row call;
    int r = call_get(writer, finish->call, &call);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    return call.ended ? (int)STORE_E_STATE : call_end(writer, finish, &call);
}
