/* Idempotency keys of local clients. A key names a range of requests; it is gone when all of these
 * were erased, and nothing of a person is in it. */
#include "store/writer.h"

int idempotency_get(struct writer *writer, const struct idempotency *idempotency,
                    struct idempotent *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_IDEMPOTENCY);
    struct digest body;
    int r;

    query_bind_digest(&query, &idempotency->key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret = (struct idempotent){
        .first_request = query_int(&query, 1),
        .n = query_int(&query, 2),
        .conflict = !query_digest(&query, 0, &body) || !digest_equal(&body, &idempotency->body),
    };
    return 1;
}

int idempotency_requests(struct writer *writer, const struct idempotent *known, store_key *keys,
                         size_t max, size_t *ret_n)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_REQUESTS_BETWEEN);
    size_t n = 0;
    int r = 0;

    query_bind_int(&query, known->first_request);
    query_bind_int(&query, known->first_request + known->n - 1);
    while (n < max && (r = query_step(&query)) > 0)
        keys[n++] = query_int(&query, 0);
    *ret_n = n;
    return r < 0 ? r : 0;
}

int idempotency_create(struct writer *writer, const struct idempotency *idempotency,
                       store_key first_request, size_t n, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_IDEMPOTENCY);

    query_bind_digest(&query, &idempotency->key);
    query_bind_digest(&query, &idempotency->body);
    query_bind_int(&query, first_request);
    query_bind_int(&query, (int64_t)n);
    query_bind_int(&query, now);
    return query_run(&query);
}

int idempotency_forget(struct writer *writer, store_key request)
{
    cleanup_query struct query query =
        query_start(&writer->database, SQL_DELETE_UNUSED_IDEMPOTENCY);

    query_bind_int(&query, request);
    query_bind_int(&query, LIMIT_BATCH);
    return query_run(&query);
}
