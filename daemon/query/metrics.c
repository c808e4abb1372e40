/* GET /metrics: what the writer counts, in the text format of Prometheus (version 0.0.4). Nothing
 * here names a person: labels are states, types and nothing else. */
#include "query/metrics.h"

#include "common/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP prontod_%s %s\n# TYPE prontod_%s %s\n", name, help, name, type);
}

static void print_requests(FILE *out, const struct store_counts *counts)
{
    metrics_head(out, "requests", "gauge", "Requests by state and type.");
    for (int state = 0; state < REQUEST_STATE_MAX_; state++)
        for (int type = 0; type < ENRICHMENT_MAX_; type++)
            fprintf(out, "prontod_requests{state=\"%s\",enrichment_type=\"%s\"} %" PRId64 "\n",
                    request_state_name(state), enrichment_type_name(type),
                    counts->requests[state][type]);
}

static void print_states(FILE *out, const struct store_counts *counts)
{
    metrics_head(out, "callbacks", "gauge", "Callbacks that are kept, by state.");
    for (int state = 0; state < CALLBACK_STATE_MAX_; state++)
        fprintf(out, "prontod_callbacks{state=\"%s\"} %" PRId64 "\n", callback_state_name(state),
                counts->callbacks[state]);
    metrics_head(out, "deliveries", "gauge", "Deliveries by state.");
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        fprintf(out, "prontod_deliveries{state=\"%s\"} %" PRId64 "\n", delivery_state_name(state),
                counts->deliveries[state]);
}

static void print_plain(FILE *out, const struct query *query, const struct store_counts *counts)
{
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } rows[] = {
        {"ready", "gauge", "1 while a commit would succeed.", counts->ready},
        {"uptime_seconds", "gauge", "Seconds since the query socket serves.",
         (time_boot_ms() - query->started_boot_ms) / 1000},
        {"callbacks_differing", "gauge", "Duplicates with another result than the first.",
         counts->differing},
        {"callbacks_duplicates_dropped_total", "counter", "Identical copies that were not kept.",
         counts->duplicates_dropped},
        {"callbacks_erased_refused_total", "counter", "Callbacks of erased requests.",
         counts->erased_refused},
        {"store_commits_total", "counter", "Transactions on disk.", counts->commits},
        {"store_commit_failures_total", "counter", "Transactions that failed.",
         counts->commit_failures},
        {"store_commands_total", "counter", "Commands that were applied.", counts->commands},
        {"store_queue_length", "gauge", "Commands that wait for the writer.", counts->queue_length},
        {"store_queue_bytes", "gauge", "Bytes of these commands.", counts->queue_bytes},
        {"store_database_bytes", "gauge", "Size of the database.", counts->database_bytes},
        {"store_wal_bytes", "gauge", "Size of its write-ahead log.", counts->wal_bytes},
        {"store_free_bytes", "gauge", "Free disk where the database is.", counts->free_bytes},
        {"query_connections", "gauge", "Connections of the query socket.", query->n_connections},
        {"query_connections_max", "gauge", "Their limit.", QUERY_CONNECTIONS_MAX},
        {"query_waiters", "gauge", "Clients that wait for a result or for events.",
         query->n_waiters},
        {"query_waiters_max", "gauge", "Their limit.", QUERY_WAITERS_MAX},
        {"query_waiters_refused_total", "counter", "Clients beyond that limit.",
         query->n_waiters_refused},
        {"query_calls_total", "counter", "Calls of the query socket.", query->n_calls},
        {"query_refused_total", "counter", "Calls answered with a problem.", query->n_refused},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        metrics_head(out, rows[i].name, rows[i].type, rows[i].help);
        fprintf(out, "prontod_%s %" PRId64 "\n", rows[i].name, rows[i].value);
    }
}

static void print_ages(FILE *out, const struct store_ages *ages)
{
    const struct {
        const char *what;
        int64_t at;
    } rows[] = {
        {"queued", ages->oldest_queued},       {"pending", ages->oldest_pending},
        {"delivery", ages->oldest_delivery},   {"dead", ages->oldest_dead},
        {"unmatched", ages->oldest_unmatched},
    };
    int64_t now = time_now();

    metrics_head(out, "oldest_seconds", "gauge",
                 "Age of the oldest of these; 0 when there is none.");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        fprintf(out, "prontod_oldest_seconds{what=\"%s\"} %" PRId64 "\n", rows[i].what,
                rows[i].at != 0 && now > rows[i].at ? (now - rows[i].at) / 1000 : 0);
}

int metrics_show(struct call *call)
{
    const struct query *query = call->query;
    struct store_counts counts;
    struct store_ages ages;
    char *text = NULL;
    size_t size = 0;
    FILE *out;
    bool failed;
    int r = reader_ages(query->backend.reader, &ages);

    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    out = open_memstream(&text, &size);
    if (!out)
        return -ENOMEM;
    store_counts(query->backend.store, &counts);
    metrics_head(out, "build_info", "gauge", "The version that runs.");
    fprintf(out, "prontod_build_info{version=\"%s\",schema=\"%d\"} 1\n", PRONTOD_VERSION,
            store_schema_version());
    print_requests(out, &counts);
    print_states(out, &counts);
    print_plain(out, query, &counts);
    print_ages(out, &ages);
    metrics_head(out, "store_longest_commit_seconds", "gauge",
                 "Duration of the longest transaction.");
    fprintf(out, "prontod_store_longest_commit_seconds %.3f\n",
            (double)counts.longest_commit_ms / 1e3);
    metrics_histogram_head(out, "store_commit_seconds", "Duration of transactions.");
    metrics_histogram(out, "store_commit_seconds", NULL, &counts.commit_times);
    r = metrics_print_live(out, query, &counts);
    failed = r < 0 || ferror(out) != 0;
    failed = fclose(out) != 0 || failed;
    if (failed) {
        free(text);
        return r < 0 ? r : -ENOMEM;
    }
    return answer_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
}
