/* When Pronto is asked for a request that no callback has finished, and what came of it.
 *
 * request.poll_at says when; the table poll is a queue in that order. A callback touches neither: a row
 * whose request is not pending any more, or has another poll_at, is stale, and goes when its time comes.
 * So a pending request costs nothing until it is due.
 *
 * What is asked for is due again after a lease, and after a crash at once: asking costs no credits. */
#include "store/writer.h"

#include "model/schedule.h"

#include <errno.h>
#include <string.h>

#define LOOKED_AT_MAX 256 /* rows of one command */

#define FAILED_LONGEST_MS (5 * 60 * 1000) /* until one that failed is asked for again */
#define FAILED_LEAST_MS   1000
#define SIGNAL_FIRST_MS   1000 /* after a callback: the result should be there */

int poll_at(struct writer *writer, store_key request, int64_t at)
{
    int r;

    {
        cleanup_query struct query query = query_start(&writer->database, SQL_SET_REQUEST_POLL);
        query_bind_int(&query, request);
        query_bind_int(&query, at);
        r = query_run(&query);
    }
    if (r < 0)
        return r;
    writer->changes.polls = true;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_POLL);
    query_bind_int(&query, at);
    query_bind_int(&query, request);
    return query_run(&query);
}

static int run(struct writer *writer, enum sql_query which, store_key request)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    query_bind_int(&query, request);
    return query_run(&query);
}

static int lease(struct writer *writer, store_key request, int64_t until)
{
    int r = run(writer, SQL_INSERT_ASKED, request);

    return r < 0 ? r : poll_at(writer, request, until);
}

/* 1 with one that was being asked for when prontod ended, 0, or a negative errno. */
static int next_asked(struct writer *writer, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_ASKED);

    return query_get_int(&query, ret);
}

int polls_recover(struct writer *writer, int64_t now)
{
    store_key request;
    int r;

    while ((r = next_asked(writer, &request)) > 0) {
        r = run(writer, SQL_DELETE_ASKED, request);
        if (r == 0)
            r = poll_at(writer, request, now);
        if (r < 0)
            break;
    }
    return r;
}

/* How many contacts the call that got @enrichment_id had; 0: no call of ours did. */
static int contacts_of(struct writer *writer, store_key submission, const char *enrichment_id,
                       int64_t *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CALL_CONTACTS);
    int r;

    *ret = 0;
    query_bind_int(&query, submission);
    query_bind_text(&query, enrichment_id);
    r = query_get_int(&query, ret);
    return r < 0 ? r : 0;
}

int poll_is_of_batch(struct writer *writer, const struct request_row *row,
                     const char *enrichment_id)
{
    struct submission_row submission;
    int64_t contacts;
    int r = contacts_of(writer, row->submission, enrichment_id, &contacts);

    if (r < 0 || contacts > 0)
        return r < 0 ? r : contacts > 1;
    /* An early callback brought the identifier, and its call was not answered. */
    r = submission_get(writer, row->submission, &submission);
    return r > 0 ? submission.bulk : r;
}

/* From when on its time counts: its submission, or the callback that was its signal. */
static int start_of(struct writer *writer, const struct request_row *row, int64_t *ret)
{
    int r;

    *ret = row->submitted_at ? row->submitted_at : row->created_at;
    if (row->callback == 0)
        return 0;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_RECEIVED_AT);
    query_bind_int(&query, row->callback);
    r = query_get_int(&query, ret);
    return r < 0 ? r : 0;
}

/* Pending, or signalled after its end. */
static bool is_to_be_asked(const struct request_row *row)
{
    return row->state == REQUEST_PENDING ||
           (row->callback != 0 && (row->state == REQUEST_EXPIRED || row->state == REQUEST_FAILED));
}

static int give_up(struct writer *writer, const struct request_row *row, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_REQUEST_POLL);
    int r;

    query_bind_int(&query, row->key);
    query_bind_key(&query, 0);
    r = query_run(&query);
    return r < 0 || row->state != REQUEST_PENDING ? r : request_expire(writer, row, now);
}

int poll_begin(struct writer *writer, const struct request_row *row, const char *enrichment_id,
               int64_t now)
{
    int64_t deadline = now + writer->settings.deadline_ms,
            first = now + writer->settings.poll_after_ms;
    int r = poll_is_of_batch(writer, row, enrichment_id);

    if (r < 0)
        return r;
    if (r > 0)
        return poll_at(writer, row->key, deadline);
    if (row->callback != 0)
        return poll_at(writer, row->key, now);
    return poll_at(writer, row->key, first < deadline ? first : deadline);
}

static int delete_poll(struct writer *writer, int64_t due_at, store_key request)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_POLL);

    query_bind_int(&query, due_at);
    query_bind_int(&query, request);
    return query_run(&query);
}

static void fill_job(const struct request_row *row, struct poll_job *job)
{
    job->request = row->key;
    memcpy(job->enrichment_id, row->enrichment_id, sizeof(job->enrichment_id));
}

/* It cannot be asked for now, and not soon. */
static int put_off(struct writer *writer, const struct store_claim_polls *claim,
                   const struct request_row *row, int64_t start)
{
    int64_t deadline = start + writer->settings.deadline_ms;
    /* One random number for many rows: spread by their keys. */
    uint32_t random = claim->random + (uint32_t)row->key * UINT32_C(0x9E3779B9);

    if (claim->now >= deadline && deadline <= claim->expire_before)
        return give_up(writer, row, claim->now);
    return poll_at(writer, row->key,
                   poll_next(claim->now >= deadline ? claim->now : start,
                             writer->settings.poll_after_ms, deadline, claim->now, random));
}

/* Who sets the deadline before the first question does not want any. */
static bool is_never_asked(const struct writer *writer, const struct request_row *row)
{
    return row->callback == 0 && writer->settings.poll_after_ms >= writer->settings.deadline_ms;
}

static int claim_row(struct writer *writer, struct store_claim_polls *claim,
                     const struct request_row *row)
{
    int64_t start, deadline;
    int batch = poll_is_of_batch(writer, row, row->enrichment_id), r;

    if (batch < 0)
        return batch;
    r = start_of(writer, row, &start);
    if (r < 0)
        return r;
    deadline = start + writer->settings.deadline_ms;
    if (batch > 0 && claim->now < deadline)
        return poll_at(writer, row->key, deadline);
    if (claim->now >= deadline && (batch > 0 || is_never_asked(writer, row)))
        return give_up(writer, row, claim->now);
    if (claim->cannot_ask)
        return put_off(writer, claim, row, start);
    fill_job(row, &claim->jobs[claim->n++]);
    return lease(writer, row->key, claim->now + claim->lease_ms);
}

/* A row of poll that is due, and whether it is the current one of its request. */
struct due {
    int64_t at;
    store_key request;
    bool current;
};

static int find_due(struct writer *writer, int64_t now, struct due *due, size_t *ret_n)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DUE_POLLS);
    size_t n = 0;
    int r;

    query_bind_int(&query, now);
    query_bind_int(&query, LOOKED_AT_MAX);
    while ((r = query_step(&query)) > 0) {
        due[n] = (struct due){.at = query_int(&query, 0), .request = query_int(&query, 1)};
        due[n].current = query_int(&query, 2) == due[n].at;
        n++;
    }
    *ret_n = n;
    return r;
}

/* Takes it out of the queue; it comes back with its next time. */
static int take(struct writer *writer, struct store_claim_polls *claim, const struct due *due)
{
    struct request_row row;
    int r = delete_poll(writer, due->at, due->request);

    if (r < 0 || !due->current)
        return r;
    r = request_get(writer, due->request, &row);
    if (r <= 0 || !is_to_be_asked(&row))
        return r < 0 ? r : 0;
    return claim_row(writer, claim, &row);
}

int apply_claim_polls(struct writer *writer, struct store_command *command)
{
    struct store_claim_polls *claim = (struct store_claim_polls *)command;
    size_t max = claim->max < STORE_CLAIM_MAX ? claim->max : STORE_CLAIM_MAX, n, i;
    struct due due[LOOKED_AT_MAX];
    int r = find_due(writer, claim->now, due, &n);

    claim->n = 0;
    claim->next_due_at = 0;
    for (i = 0; r == 0 && i < n && (claim->cannot_ask || claim->n < max); i++)
        r = take(writer, claim, &due[i]);
    if (r < 0)
        return r;
    claim->more = i < n || n == LOOKED_AT_MAX;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEXT_POLL);
    r = query_get_int(&query, &claim->next_due_at);
    return r < 0 ? r : 0;
}

int apply_claim_poll(struct writer *writer, struct store_command *command)
{
    struct store_claim_poll *claim = (struct store_claim_poll *)command;
    struct request_row row;
    int r = request_get(writer, claim->request, &row);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    if ((row.state != REQUEST_PENDING && row.state != REQUEST_EXPIRED) ||
        row.enrichment_id[0] == '\0')
        return (int)STORE_E_STATE;
    r = poll_is_of_batch(writer, &row, row.enrichment_id);
    if (r != 0)
        return r < 0 ? r : (int)STORE_E_CONFLICT;
    fill_job(&row, &claim->job);
    return row.state == REQUEST_PENDING ? lease(writer, row.key, claim->now + claim->lease_ms) : 0;
}

/* Pronto failed: soon again after a signal, else some time within the first wait. */
static int64_t failed_at(const struct writer *writer, const struct store_finish_poll *finish,
                         int64_t start, int64_t first_ms, int64_t deadline)
{
    int64_t longest = writer->settings.poll_after_ms < FAILED_LONGEST_MS
                          ? writer->settings.poll_after_ms
                          : FAILED_LONGEST_MS;
    int64_t wait = backoff_full_jitter(longest, longest, 1, finish->random);

    if (first_ms < longest)
        return poll_next(start, first_ms, deadline, finish->now, finish->random);
    return finish->now + (wait > FAILED_LEAST_MS ? wait : FAILED_LEAST_MS);
}

static int go_on(struct writer *writer, struct store_finish_poll *finish,
                 const struct request_row *row)
{
    int64_t first_ms = row->callback != 0 ? SIGNAL_FIRST_MS : writer->settings.poll_after_ms;
    int64_t start, deadline;
    int r = start_of(writer, row, &start);

    if (r < 0 || finish->outcome == POLL_NOT_ASKED)
        return r < 0 ? r : poll_at(writer, row->key, finish->now);
    deadline = start + writer->settings.deadline_ms;
    if (finish->now >= deadline) {
        if (row->state == REQUEST_PENDING) {
            finish->state = REQUEST_EXPIRED;
            finish->expired = true;
        }
        return give_up(writer, row, finish->now);
    }
    return poll_at(writer, row->key,
                   finish->outcome == POLL_FAILED
                       ? failed_at(writer, finish, start, first_ms, deadline)
                       : poll_next(start, first_ms, deadline, finish->now, finish->random));
}

static int end_with_result(struct writer *writer, struct store_finish_poll *finish,
                           const struct request_row *row)
{
    struct request_end end = {
        .source = row->callback != 0 ? SOURCE_FETCH : SOURCE_POLL,
        .reading = &finish->reading,
        .raw = finish->raw,
        .raw_size = finish->raw_size,
        .received_at = finish->now,
        .now = finish->now,
    };

    finish->state = REQUEST_FINISHED;
    return request_finish(writer, row, &end);
}

static int finish_poll(struct writer *writer, struct store_finish_poll *finish,
                       const struct request_row *row)
{
    static const char another[] = "Pronto answered with another contact";
    const char *error = finish->error;
    int r;

    if (finish->outcome == POLL_FINISHED) {
        r = answer_is_about(writer, row, &finish->reading);
        if (r != 0)
            return r < 0 ? r : end_with_result(writer, finish, row);
        finish->mismatched = true;
        finish->outcome = POLL_FAILED;
        error = another;
    }
    if (!is_to_be_asked(row))
        return 0; /* an operator asked for one that had expired */
    if (row->state == REQUEST_PENDING && finish->outcome != POLL_NOT_ASKED) {
        r = request_set_error(writer, row->key, finish->outcome == POLL_FAILED ? error : NULL);
        if (r < 0)
            return r;
    }
    return go_on(writer, finish, row);
}

int apply_finish_poll(struct writer *writer, struct store_command *command)
{
    struct store_finish_poll *finish = (struct store_finish_poll *)command;
    struct request_row row;
    int r = request_get(writer, finish->request, &row);

    finish->mismatched = false;
    finish->expired = false;
    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    r = run(writer, SQL_DELETE_ASKED, row.key);
    if (r < 0)
        return r;
    finish->state = row.state;
    if (!is_to_be_asked(&row) && row.state != REQUEST_EXPIRED)
        return 0; /* a callback was faster */
    return finish_poll(writer, finish, &row);
}
