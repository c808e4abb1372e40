#include "query/metrics.h"

#include "common/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void metrics_histogram_head(FILE *out, const char *name, const char *help)
{
    metrics_head(out, name, "histogram", help);
}

void metrics_histogram(FILE *out, const char *name, const char *hook,
                       const struct histogram *histogram)
{
    const char *before = hook ? "hook=\"" : "", *label = hook ? hook : "",
               *after = hook ? "\"" : "", *comma = hook ? "," : "";
    const char *open = hook ? "{" : "", *close = hook ? "}" : "";
    uint64_t n = 0;

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        n += histogram->counts[i];
        fprintf(out, "prontod_%s_bucket{%s%s%s%sle=\"%g\"} %" PRIu64 "\n", name, before, label,
                after, comma, (double)histogram_bounds_us[i] / 1e6, n);
    }
    n += histogram->counts[HISTOGRAM_BUCKETS];
    fprintf(out, "prontod_%s_bucket{%s%s%s%sle=\"+Inf\"} %" PRIu64 "\n", name, before, label, after,
            comma, n);
    fprintf(out, "prontod_%s_sum%s%s%s%s%s %.6f\n", name, open, before, label, after, close,
            (double)histogram->sum_us / 1e6);
    fprintf(out, "prontod_%s_count%s%s%s%s%s %" PRIu64 "\n", name, open, before, label, after,
            close, n);
}

/* A member of what GET /v1/status says. */
struct row {
    const char *member;
    const char *name, *type, *help;
};

static int64_t number_of(struct json_object *object, const char *member)
{
    int64_t value;

    return json_get_int64(object, member, &value) ? value : 0;
}

static void print_rows(FILE *out, struct json_object *object, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        metrics_head(out, rows[i].name, rows[i].type, rows[i].help);
        fprintf(out, "prontod_%s %" PRId64 "\n", rows[i].name, number_of(object, rows[i].member));
    }
}

static void print_submitting(FILE *out, struct json_object *submitting)
{
    static const struct row rows[] = {
        {"calls", "calls_total", "counter", "Calls to Pronto."},
        {"accepted", "submissions_accepted_total", "counter", "Submissions that Pronto took."},
        {"refused", "submissions_refused_total", "counter", "Submissions that Pronto refused."},
        {"deferred", "submissions_deferred_total", "counter", "Calls that are to be made again."},
        {"in_flight", "calls_in_flight", "gauge", "Calls to Pronto that are under way."},
    };
    static const char *const polls[] = {"asked", "finished", "pending", "failed"};
    struct json_object *object = json_get(submitting, "polls");
    const char *state = json_get_string(submitting, "state");

    metrics_head(out, "submitting_state", "gauge", "1 for the state that submitting is in.");
    fprintf(out, "prontod_submitting_state{state=\"%s\"} 1\n", state ? state : "");
    print_rows(out, submitting, rows, ARRAY_SIZE(rows));
    metrics_head(out, "polls_total", "counter", "Questions for results, and what was answered.");
    for (size_t i = 0; i < ARRAY_SIZE(polls); i++)
        fprintf(out, "prontod_polls_total{outcome=\"%s\"} %" PRId64 "\n", polls[i],
                number_of(object, polls[i]));
}

static void print_listener(FILE *out, struct json_object *listener)
{
    static const struct row rows[] = {
        {"requests", "callback_requests_total", "counter", "Requests to the callback listener."},
        {"connections", "callback_connections", "gauge", "Connections of the callback listener."},
        {"connections_max", "callback_connections_max", "gauge", "Their limit."},
        {"timed_out", "callback_connections_timed_out_total", "counter",
         "Connections that took too long."},
        {"shed", "callback_connections_shed_total", "counter",
         "Idle connections that gave way to new ones."},
    };
    static const char *const reasons[] = {"unknown_token", "bad_framing", "too_large",
                                          "bad_encoding",  "bad_method",  "not_found",
                                          "unavailable"};

    print_rows(out, listener, rows, ARRAY_SIZE(rows));
    metrics_head(out, "callback_requests_refused_total", "counter",
                 "Requests to the callback listener that were refused, by reason.");
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        fprintf(out, "prontod_callback_requests_refused_total{reason=\"%s\"} %" PRId64 "\n",
                reasons[i], number_of(listener, reasons[i]));
}

static void print_worker(FILE *out, struct json_object *object, const char *member)
{
    const char *state = json_get_string(object, member);

    fprintf(out, "prontod_worker_up{worker=\"prontod-%s\"} %d\n", member,
            state && strcmp(state, "up") == 0);
}

static void print_credits(FILE *out, const struct query *query, const struct store_counts *counts)
{
    metrics_head(out, "credits_reserved", "gauge",
                 "Credits that today's submissions may still cost.");
    fprintf(out, "prontod_credits_reserved %" PRId64 "\n", counts->credits_reserved);
    metrics_head(out, "credits_spent", "gauge", "Credits that today's results cost.");
    fprintf(out, "prontod_credits_spent %" PRId64 "\n", counts->credits_spent);
    metrics_head(out, "credits_daily_limit", "gauge", "daily_credits; 0: no limit.");
    fprintf(out, "prontod_credits_daily_limit %" PRId64 "\n", query->config->pronto.daily_credits);
}

/* One hook a turn, so that the samples of a metric stand together. */
static int for_each_hook(FILE *out, const struct query *query,
                         void (*print)(FILE *out, const char *hook, const struct hook_live *live,
                                       const struct hook_counts *counts))
{
    const struct config *config = query->config;

    for (size_t i = 0; i < config->n_hooks; i++) {
        const char *name = config->hooks[i].name;
        struct hook_live live = {.state = "ok"};
        struct hook_counts counts;
        int r = reader_hook(query->backend.reader, name, &counts);

        if (r < 0)
            return r;
        if (query->backend.hook_state(name, &live, query->backend.userdata) < 0)
            live = (struct hook_live){.state = "ok"};
        print(out, name, &live, &counts);
    }
    return 0;
}

static void print_hook_state(FILE *out, const char *hook, const struct hook_live *live,
                             const struct hook_counts *counts)
{
    fprintf(out, "prontod_hook_state{hook=\"%s\",state=\"%s\"} 1\n", hook,
            counts->paused ? "paused" : live->state);
}

static void print_hook_counts(FILE *out, const char *hook, const struct hook_live *live,
                              const struct hook_counts *counts)
{
    (void)live;
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        fprintf(out, "prontod_hook_deliveries{hook=\"%s\",state=\"%s\"} %" PRId64 "\n", hook,
                delivery_state_name(state), counts->of[state]);
}

static void print_hook_times(FILE *out, const char *hook, const struct hook_live *live,
                             const struct hook_counts *counts)
{
    static const struct histogram none;

    (void)counts;
    metrics_histogram(out, "hook_run_seconds", hook, live->run_times ? live->run_times : &none);
}

static int print_hooks(FILE *out, const struct query *query)
{
    int r;

    metrics_head(out, "hook_state", "gauge", "1 for the state that the hook is in.");
    r = for_each_hook(out, query, print_hook_state);
    if (r < 0)
        return r;
    metrics_head(out, "hook_deliveries", "gauge", "Deliveries of the hook by state.");
    r = for_each_hook(out, query, print_hook_counts);
    if (r < 0)
        return r;
    metrics_histogram_head(out, "hook_run_seconds", "Duration of runs of the hook, since start.");
    return for_each_hook(out, query, print_hook_times);
}

int metrics_print_live(FILE *out, const struct query *query, const struct store_counts *counts)
{
    cleanup_json struct json_object *status = json_object_new_object();
    struct histogram answers = {0};
    int r = status ? query->backend.status(status, query->backend.userdata) : -ENOMEM;

    if (r < 0)
        return r;
    query->backend.answer_times(&answers, query->backend.userdata);
    metrics_histogram_head(out, "callback_answer_seconds",
                           "From the last byte of a callback to its answer.");
    metrics_histogram(out, "callback_answer_seconds", NULL, &answers);
    print_listener(out, json_get(status, "callback_listener"));
    print_submitting(out, json_get(status, "submitting"));
    print_credits(out, query, counts);
    metrics_head(out, "worker_up", "gauge", "1 while prontod can reach the worker.");
    print_worker(out, status, "egress");
    print_worker(out, status, "runner");
    return print_hooks(out, query);
}
