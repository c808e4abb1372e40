/* [ingress] verify = fetch: a callback says that there is a result, and Pronto's API says which. */
#include "store/writer.h"

#include <errno.h>

int signal_is(struct writer *writer, const struct request_row *row, bool alone)
{
    struct submission_row submission;
    int r;

    if (!writer->settings.verify_fetch || !alone)
        return 0;
    r = submission_get(writer, row->submission, &submission);
    return r > 0 ? !submission.bulk : r;
}

static int set_callback(struct writer *writer, store_key request, store_key callback)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_REQUEST_CALLBACK);

    query_bind_int(&query, request);
    query_bind_int(&query, callback);
    return query_run(&query);
}

/* While its submit call is under way, the end of that makes it pending. */
static int accept_unanswered(struct writer *writer, const struct request_row *row,
                             const char *enrichment_id, int64_t now)
{
    struct submission_row submission;
    int r = submission_get(writer, row->submission, &submission);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    if (submission.state == SUBMISSION_IN_CALL)
        return request_learn_id(writer, row, enrichment_id);
    r = request_accept(writer, row, enrichment_id, now);
    return r < 0 ? r : submission_settle(writer, row->submission);
}

int signal_take(struct writer *writer, const struct request_row *row, store_key callback,
                const char *enrichment_id, int64_t now)
{
    struct request_row signalled = *row;
    int r = set_callback(writer, row->key, callback);

    signalled.callback = callback;
    if (r < 0)
        return r;
    if (row->state == REQUEST_QUEUED)
        return enrichment_id ? accept_unanswered(writer, &signalled, enrichment_id, now) : 0;
    return poll_at(writer, row->key, now);
}
