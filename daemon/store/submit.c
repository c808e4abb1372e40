/* New requests of local clients, to be submitted to Pronto. */
#include "store/writer.h"

#include <errno.h>
#include <string.h>

/* 1 when the key is there already: then @ret_submission and whether the body is the same. */
static int find_idempotency(struct writer *writer, const struct store_submit *submit,
                            store_key *ret_submission, bool *ret_same)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_IDEMPOTENCY);
    struct digest body;
    int r;

    query_bind_digest(&query, &submit->idempotency.key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret_same = query_digest(&query, 0, &body) && digest_equal(&body, &submit->idempotency.body);
    *ret_submission = query_int(&query, 1);
    return 1;
}

static int insert_idempotency(struct writer *writer, const struct store_submit *submit,
                              store_key submission)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_IDEMPOTENCY);

    query_bind_digest(&query, &submit->idempotency.key);
    query_bind_digest(&query, &submit->idempotency.body);
    query_bind_int(&query, submission);
    query_bind_int(&query, submit->now);
    return query_run(&query);
}

static int submit_again(struct writer *writer, struct store_submit *submit, store_key submission,
                        bool same)
{
    struct request_rows rows;
    int r;

    if (!same)
        return (int)STORE_E_CONFLICT;
    r = requests_of_submission(writer, submission, &rows);
    if (r < 0)
        return r;
    for (submit->n_keys = 0; submit->n_keys < rows.n && submit->n_keys < LIMIT_BATCH;
         submit->n_keys++)
        submit->keys[submit->n_keys] = rows.items[submit->n_keys].key;
    request_rows_done(&rows);
    submit->existing = true;
    return 0;
}

static int submit_new(struct writer *writer, struct store_submit *submit)
{
    struct token token;
    struct new_submission new_submission = {
        .state = SUBMISSION_WAITING,
        .type = submit->contacts[0].type,
        .bulk = submit->n_contacts > 1,
        .next_at = submit->now,
        .token = &token,
    };
    struct new_request new_request = {.state = REQUEST_QUEUED, .now = submit->now};
    int r;

    token_random(&token);
    r = submission_create(writer, &new_submission, &new_request.submission);
    for (size_t i = 0; r == 0 && i < submit->n_contacts; i++) {
        new_request.contact = &submit->contacts[i];
        r = request_create(writer, &new_request, &submit->keys[i]);
    }
    secret_wipe(&token, sizeof(token));
    if (r == 0 && submit->has_idempotency)
        r = insert_idempotency(writer, submit, new_request.submission);
    if (r < 0)
        return r;
    submit->n_keys = submit->n_contacts;
    writer->changes.submissions = true;
    return 0;
}

int apply_submit(struct writer *writer, struct store_command *command)
{
    struct store_submit *submit = (struct store_submit *)command;
    store_key submission;
    bool same;
    int r = 0;

    submit->n_keys = 0;
    submit->existing = false;
    if (writer->disk_low)
        return (int)STORE_E_FULL;
    if (submit->has_idempotency)
        r = find_idempotency(writer, submit, &submission, &same);
    if (r != 0)
        return r < 0 ? r : submit_again(writer, submit, submission, same);
    return submit_new(writer, submit);
}
