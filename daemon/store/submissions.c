/* Which submissions are sent next. The call is on disk before it is sent; after a crash it counts
 * as one that may have reached Pronto. */
#include "store/writer.h"

#include <errno.h>
#include <stdlib.h>

void submission_job_free(struct submission_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->n; i++)
        json_object_put(job->contents[i]);
    secret_wipe(&job->token, sizeof(job->token));
    free(job);
}

void drop_claim_submissions(struct store_command *command)
{
    struct store_claim_submissions *claim = (struct store_claim_submissions *)command;

    for (size_t i = 0; i < claim->n; i++)
        submission_job_free(claim->jobs[i]);
    claim->n = 0;
}

static int fill_job(struct writer *writer, const struct request_rows *rows,
                    struct submission_job *job)
{
    for (size_t i = 0; i < rows->n && job->n < LIMIT_BATCH; i++) {
        const struct request_row *row = &rows->items[i];

        if (row->state != REQUEST_QUEUED)
            continue;
        int r = request_content(writer, row->key, &job->contents[job->n]);
        if (r < 0)
            return r;
        job->requests[job->n++] = row->key;
    }
    return 0;
}

static int make_job(struct writer *writer, const struct submission_row *row,
                    struct submission_job **ret)
{
    struct submission_job *job = calloc(1, sizeof(*job));
    struct request_rows rows;
    int r;

    if (!job)
        return -ENOMEM;
    job->submission = row->key;
    job->token = row->token;
    job->type = row->type;
    job->tries = row->tries;
    r = requests_of_submission(writer, row->key, &rows);
    if (r == 0) {
        r = fill_job(writer, &rows, job);
        request_rows_done(&rows);
    }
    if (r < 0) {
        submission_job_free(job);
        return r;
    }
    *ret = job;
    return 0;
}

static int insert_call(struct writer *writer, store_key submission, int64_t now, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_CALL);
    int r;

    query_bind_int(&query, submission);
    query_bind_int(&query, now);
    r = query_run(&query);
    if (r == 0)
        *ret = writer_last_key(writer);
    return r;
}

static int claim_one(struct writer *writer, store_key key, struct store_claim_submissions *claim)
{
    struct submission_row row;
    struct submission_job *job;
    int r = submission_get(writer, key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = make_job(writer, &row, &job);
    if (r < 0)
        return r;
    if (job->n == 0) { /* nothing left to ask for */
        submission_job_free(job);
        return submission_set_state(writer, key, SUBMISSION_ANSWERED, 0);
    }
    claim->jobs[claim->n++] = job;
    r = insert_call(writer, key, claim->now, &job->call);
    return r < 0 ? r : submission_set_state(writer, key, SUBMISSION_IN_CALL, 0);
}

static int find_due(struct writer *writer, const struct store_claim_submissions *claim,
                    store_key *keys, size_t *ret_n)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DUE_SUBMISSIONS);
    size_t max = claim->max < STORE_CLAIM_MAX ? claim->max : STORE_CLAIM_MAX, n = 0;
    int r;

    query_bind_int(&query, claim->now);
    query_bind_int(&query, (int64_t)max);
    while ((r = query_step(&query)) > 0)
        keys[n++] = query_int(&query, 0);
    *ret_n = n;
    return r;
}

int apply_claim_submissions(struct writer *writer, struct store_command *command)
{
    struct store_claim_submissions *claim = (struct store_claim_submissions *)command;
    store_key keys[STORE_CLAIM_MAX];
    size_t n = 0;
    int r;

    claim->n = 0;
    claim->next_due_at = 0;
    r = find_due(writer, claim, keys, &n);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = claim_one(writer, keys[i], claim);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEXT_SUBMISSION_DUE);
    r = query_get_int(&query, &claim->next_due_at);
    return r < 0 ? r : 0;
}
