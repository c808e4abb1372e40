/* The call that a submission makes next: which of its requests go, and what they may cost. The call
 * is on disk before it is sent; after a crash it counts as one that may have reached Pronto. */
#include "store/writer.h"

#include <assert.h>
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

/* bulk_enrich has one list of phone_country_codes for all of its contacts. */
int job_may_have_both(struct json_object *content, struct json_object *other)
{
    return json_equal(json_get(content, "phone_country_codes"),
                      json_get(other, "phone_country_codes"), false);
}

/* 1 when it goes with this call, 0 when the call ends before it, or a negative errno. */
static int add_content(struct writer *writer, store_key key, struct submission_job *job)
{
    struct json_object *content;
    int r = request_content(writer, key, &content);

    if (r < 0)
        return r;
    r = job->n > 0 ? job_may_have_both(job->contents[0], content) : 1;
    if (r <= 0) {
        json_object_put(content);
        return r;
    }
    job->contents[job->n] = content;
    job->requests[job->n++] = key;
    return 1;
}

/* Likewise. It is reserved at once, so that the next one is asked what is left of the day. */
static int add_request(struct writer *writer, struct request_row *row, int64_t now,
                       struct submission_job *job)
{
    size_t room;
    int r = budget_room(writer, row->type, now, &room);

    if (r < 0)
        return r;
    assert(room > 0 || job->n > 0);
    if (room == 0)
        return 0;
    r = add_content(writer, row->key, job);
    if (r <= 0)
        return r;
    r = budget_reserve(writer, row, now);
    return r < 0 ? r : 1;
}

/* An unbroken run of those that are queued, so that the range of its keys tells which they are. */
static int fill_job(struct writer *writer, const struct request_rows *rows, size_t most,
                    int64_t now, struct submission_job *job)
{
    for (size_t i = 0; i < rows->n && job->n < most; i++) {
        struct request_row *row = &rows->items[i];
        int r;

        if (row->state != REQUEST_QUEUED)
            continue;
        /* An early callback named it: Pronto has it, and is not asked, nor paid, again. */
        r = row->enrichment_id[0] != '\0' ? request_accept(writer, row, row->enrichment_id, now)
                                          : add_request(writer, row, now, job);
        if (r < 0)
            return r;
        if (row->enrichment_id[0] == '\0' && r == 0)
            break;
    }
    return 0;
}

static int insert_call(struct writer *writer, struct submission_job *job, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_CALL);
    int r;

    query_bind_int(&query, job->submission);
    query_bind_int(&query, now);
    query_bind_int(&query, job->requests[0]);
    query_bind_int(&query, job->requests[job->n - 1]);
    query_bind_int(&query, (int64_t)job->n);
    query_bind_int(&query, writer->settings.credit_prices[job->type]);
    r = query_run(&query);
    if (r == 0)
        job->call = writer_last_key(writer);
    return r;
}

static int enter_call(struct writer *writer, store_key submission)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_BEGIN_SUBMISSION_CALL);

    query_bind_int(&query, submission);
    return query_run(&query);
}

static struct submission_job *new_job(const struct submission_row *row)
{
    struct submission_job *job = calloc(1, sizeof(*job));

    if (!job)
        return NULL;
    job->submission = row->key;
    job->token = row->token;
    job->type = row->type;
    job->tries = row->tries;
    return job;
}

static size_t most_of(const struct submission_row *row)
{
    return row->part > 0 && row->part < LIMIT_BATCH ? (size_t)row->part : LIMIT_BATCH;
}

static int begin_call(struct writer *writer, const struct submission_row *row, int64_t now,
                      struct submission_job *job)
{
    struct request_rows rows;
    int r = requests_of_submission(writer, row->key, &rows);

    if (r < 0)
        return r;
    r = fill_job(writer, &rows, most_of(row), now, job);
    request_rows_done(&rows);
    if (r < 0)
        return r;
    if (job->n == 0)
        return submission_set_state(writer, row->key, SUBMISSION_ANSWERED, 0);
    r = insert_call(writer, job, now);
    return r < 0 ? r : enter_call(writer, row->key);
}

int job_make(struct writer *writer, const struct submission_row *row, int64_t now,
             struct submission_job **ret)
{
    struct submission_job *job = new_job(row);
    int r = job ? begin_call(writer, row, now, job) : -ENOMEM;

    *ret = NULL;
    if (r < 0 || job->n == 0)
        submission_job_free(job);
    else
        *ret = job;
    return r;
}
