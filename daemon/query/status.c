/* GET /v1/status. */
#include "query/json_records.h"
#include "query/query_internal.h"

#include "common/timestamp.h"

#include <errno.h>

static struct json_object *make_requests(const struct store_counts *counts)
{
    struct builder b = build_begin();

    for (int state = 0; state < REQUEST_STATE_MAX_; state++) {
        int64_t n = 0;

        for (int type = 0; type < ENRICHMENT_MAX_; type++)
            n += counts->requests[state][type];
        build_int(&b, request_state_name(state), n);
    }
    return build_end(&b);
}

static struct json_object *make_callbacks(const struct store_counts *counts)
{
    struct builder b = build_begin();

    for (int state = 0; state < CALLBACK_STATE_MAX_; state++)
        build_int(&b, callback_state_name(state), counts->callbacks[state]);
    build_int(&b, "differing", counts->differing);
    build_int(&b, "duplicates_dropped", counts->duplicates_dropped);
    build_int(&b, "erased_refused", counts->erased_refused);
    return build_end(&b);
}

static struct json_object *make_deliveries(const struct store_counts *counts)
{
    struct builder b = build_begin();

    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        build_int(&b, delivery_state_name(state), counts->deliveries[state]);
    return build_end(&b);
}

static void build_age(struct builder *b, const char *key, int64_t now, int64_t at)
{
    if (at == 0)
        build_string(b, key, NULL);
    else
        build_int(b, key, now > at ? (now - at) / 1000 : 0);
}

static struct json_object *make_oldest(const struct store_ages *ages)
{
    struct builder b = build_begin();
    int64_t now = time_now();

    build_age(&b, "queued", now, ages->oldest_queued);
    build_age(&b, "pending", now, ages->oldest_pending);
    build_age(&b, "delivery", now, ages->oldest_delivery);
    build_age(&b, "dead", now, ages->oldest_dead);
    build_age(&b, "unmatched", now, ages->oldest_unmatched);
    return build_end(&b);
}

static struct json_object *make_store(const struct store_counts *counts)
{
    struct builder b = build_begin();

    build_int(&b, "commits", counts->commits);
    build_int(&b, "commit_failures", counts->commit_failures);
    build_int(&b, "commands", counts->commands);
    build_int(&b, "queue_length", counts->queue_length);
    build_int(&b, "queue_length_max", STORE_QUEUE_MAX);
    build_int(&b, "queue_bytes", counts->queue_bytes);
    build_int(&b, "queue_bytes_max", (int64_t)STORE_QUEUE_BYTES);
    build_int(&b, "last_commit_ms", counts->last_commit_ms);
    build_int(&b, "longest_commit_ms", counts->longest_commit_ms);
    build_int(&b, "database_bytes", counts->database_bytes);
    build_int(&b, "wal_bytes", counts->wal_bytes);
    build_int(&b, "free_bytes", counts->free_bytes);
    build_int(&b, "tombstones", counts->tombstones);
    build_int(&b, "tombstones_max", counts->tombstones_max);
    return build_end(&b);
}

static struct json_object *make_query(const struct query *query)
{
    struct builder b = build_begin();

    build_int(&b, "connections", query->n_connections);
    build_int(&b, "connections_max", QUERY_CONNECTIONS_MAX);
    build_int(&b, "waiters", query->n_waiters);
    build_int(&b, "waiters_max", QUERY_WAITERS_MAX);
    build_int(&b, "waiters_refused", query->n_waiters_refused);
    build_int(&b, "calls", query->n_calls);
    build_int(&b, "refused", query->n_refused);
    return build_end(&b);
}

static struct json_object *make_credits(const struct query *query,
                                        const struct store_counts *counts)
{
    struct builder b = build_begin();

    credits_build(query, counts, &b);
    return build_end(&b);
}

int status_show(struct call *call)
{
    const struct query *query = call->query;
    struct builder b = build_begin();
    struct store_counts counts;
    struct store_ages ages;
    struct json_object *object;
    int r = reader_ages(query->backend.reader, &ages);

    if (r != READER_OK) {
        json_object_put(build_end(&b));
        return r < 0 ? r : -EBADMSG;
    }
    store_counts(query->backend.store, &counts);
    build_string(&b, "version", PRONTOD_VERSION);
    build_int(&b, "schema", store_schema_version());
    build_bool(&b, "ready", counts.ready);
    build_string(&b, "not_ready_reason", counts.not_ready_reason);
    build_int(&b, "uptime_s", (time_boot_ms() - query->started_boot_ms) / 1000);
    build_value(&b, "requests", make_requests(&counts));
    build_value(&b, "callbacks", make_callbacks(&counts));
    build_value(&b, "deliveries", make_deliveries(&counts));
    build_value(&b, "oldest", make_oldest(&ages));
    build_value(&b, "store", make_store(&counts));
    build_value(&b, "credits", make_credits(query, &counts));
    build_value(&b, "query", make_query(query));
    object = build_end(&b);
    if (!object)
        return -ENOMEM;
    r = query->backend.status(object, query->backend.userdata);
    if (r < 0) {
        json_object_put(object);
        return r;
    }
    return answer_json(call, 200, object);
}
