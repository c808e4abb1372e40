#include "store/writer.h"

#include <errno.h>
#include <string.h>

int submission_get(struct writer *writer, store_key key, struct submission_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_SUBMISSION);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret = (struct submission_row){
        .key = key,
        .state = (enum submission_state)query_int(&query, 0),
        .type = (enum enrichment_type)query_int(&query, 1),
        .bulk = query_int(&query, 2) != 0,
        .tries = query_int(&query, 3),
        .unanswered = query_int(&query, 4),
        .part = query_int(&query, 6),
    };
    query_token(&query, 5, &ret->token);
    return 1;
}

int submission_create(struct writer *writer, const struct new_submission *new_submission,
                      store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_SUBMISSION);
    store_key key = next_key(writer, STORE_KIND_SUBMISSION);
    uint8_t nonce[TOKEN_NONCE_BYTES];
    struct token token;
    int r;

    random_fill(nonce, sizeof(nonce));
    token_seal(writer->secret, key, nonce, &token);
    query_bind_int(&query, key);
    query_bind_int(&query, new_submission->state);
    query_bind_int(&query, new_submission->type);
    query_bind_int(&query, new_submission->bulk);
    query_bind_key(&query, new_submission->next_at);
    query_bind_blob(&query, new_submission->state == SUBMISSION_REGISTERED ? NULL : token.bytes,
                    sizeof(token.bytes));
    r = query_run(&query);
    secret_wipe(&token, sizeof(token));
    if (r == 0)
        *ret = key;
    return r;
}

int submission_set_state(struct writer *writer, store_key key, enum submission_state state,
                         int64_t next_at)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_SUBMISSION_STATE);

    query_bind_int(&query, key);
    query_bind_int(&query, state);
    query_bind_key(&query, next_at);
    return query_run(&query);
}

int submission_set_part(struct writer *writer, store_key key, int64_t part)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_SUBMISSION_PART);

    query_bind_int(&query, key);
    query_bind_int(&query, part);
    return query_run(&query);
}

static int any_queued(struct writer *writer, store_key key, bool *ret)
{
    struct request_rows rows;
    int r = requests_of_submission(writer, key, &rows);

    if (r < 0)
        return r;
    *ret = false;
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].state == REQUEST_QUEUED)
            *ret = true;
    request_rows_done(&rows);
    return 0;
}

int submission_settle(struct writer *writer, store_key key)
{
    struct submission_row row;
    bool queued;
    int r = submission_get(writer, key, &row);

    if (r <= 0 || row.state != SUBMISSION_WAITING)
        return r < 0 ? r : 0;
    r = any_queued(writer, key, &queued);
    if (r < 0 || queued)
        return r;
    return submission_set_state(writer, key, SUBMISSION_ANSWERED, 0);
}
