#include "query/json_records.h"

static struct builder begin_request(const struct request_record *record)
{
    static const char *const fields[] = {"firstname",    "lastname",     "domain",
                                         "company_name", "linkedin_url", "phone_country_codes",
                                         "custom"};
    struct builder b = build_begin();

    build_string(&b, "id", record->id);
    build_string(&b, "state", request_state_name(record->state));
    build_string(&b, "enrichment_id", record->enrichment_id);
    build_string(&b, "enrichment_type", enrichment_type_name(record->type));
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        build_shared(&b, fields[i], json_get(record->content, fields[i]));
    build_time(&b, "created_at", record->created_at);
    build_time(&b, "submitted_at", record->submitted_at);
    build_time(&b, "finished_at", record->finished_at);
    build_shared(&b, "result", record->result);
    build_string(&b, "error", record->error);
    build_string(&b, "source", result_source_name(record->source));
    return b;
}

struct json_object *json_request(const struct request_record *record)
{
    struct builder b = begin_request(record);

    return build_end(&b);
}

struct json_object *json_request_whole(const struct request_record *record,
                                       struct json_object *callbacks,
                                       struct json_object *deliveries)
{
    struct builder b = begin_request(record);

    build_int(&b, "tries", record->tries);
    build_time(&b, "next_try_at", record->next_try_at);
    build_time(&b, "next_poll_at", record->next_poll_at);
    build_bool(&b, "maybe_sent", record->maybe_sent);
    build_value(&b, "callbacks", callbacks);
    build_value(&b, "deliveries", deliveries);
    return build_end(&b);
}

static void build_body(struct builder *b, const struct callback_record *record)
{
    const char *body = record->body ? record->body : "";
    size_t size = record->body ? record->body_size : 0;
    cleanup_free char *text = NULL;

    if (bytes_are_utf8(body, size)) {
        build_bytes(b, "body", body, size);
        return;
    }
    text = bytes_base64(body, size);
    if (text)
        build_string(b, "body_base64", text);
    else
        build_value(b, "body_base64", NULL);
}

struct json_object *json_callback(const struct callback_record *record, bool whole)
{
    struct builder b = build_begin();

    build_string(&b, "id", record->id);
    build_string(&b, "state", callback_state_name(record->state));
    build_string(&b, "reason", callback_reason_name(record->reason));
    build_bool(&b, "differs", record->differs);
    build_id(&b, "request_id", record->request_id);
    build_string(&b, "enrichment_id", record->enrichment_id);
    build_time(&b, "received_at", record->received_at);
    build_string(&b, "client", record->client);
    build_shared(&b, "headers", record->headers);
    if (whole)
        build_body(&b, record);
    return build_end(&b);
}

/* Negative: not known. */
static void build_known(struct builder *b, const char *key, int64_t value)
{
    if (value >= 0)
        build_int(b, key, value);
    else
        build_string(b, key, NULL);
}

static struct json_object *make_attempt(const void *item, void *userdata)
{
    const struct attempt_record *attempt = item;
    struct builder b = build_begin();

    (void)userdata;
    build_int(&b, "number", attempt->number);
    build_time(&b, "started_at", attempt->started_at);
    build_int(&b, "duration_ms", attempt->duration_ms);
    build_known(&b, "exit_code", attempt->exit_code);
    if (attempt->signal > 0)
        build_int(&b, "signal", attempt->signal);
    else
        build_string(&b, "signal", NULL);
    build_bool(&b, "timed_out", attempt->timed_out);
    build_bool(&b, "interrupted", attempt->interrupted);
    build_known(&b, "cpu_ms", attempt->cpu_ms);
    build_known(&b, "memory_bytes", attempt->memory_bytes);
    build_string(&b, "error", attempt->error);
    build_bytes(&b, "output", attempt->output, attempt->output ? attempt->output_size : 0);
    return build_end(&b);
}

static bool delivery_is_over(enum delivery_state state)
{
    return state == DELIVERY_SUCCEEDED || state == DELIVERY_DEAD;
}

struct json_object *json_delivery(const struct delivery_record *record, const struct config *config,
                                  int attempts)
{
    const struct hook_config *hook = config_hook(config, record->hook);
    struct builder b = build_begin();

    build_string(&b, "id", record->id);
    build_string(&b, "state", delivery_state_name(record->state));
    build_string(&b, "event", hook_event_name(record->event));
    build_string(&b, "hook", record->hook);
    build_id(&b, "request_id", record->request_id);
    build_time(&b, "created_at", record->created_at);
    build_time(&b, "next_attempt_at", record->next_attempt_at);
    build_time(&b, "gives_up_at",
               hook && !delivery_is_over(record->state) ? record->since + hook->give_up_ms : 0);
    build_time(&b, "finished_at", record->finished_at);
    if (attempts >= 0) {
        size_t n = record->n_attempt_records, skip = n > (size_t)attempts ? n - attempts : 0;

        build_value(&b, "attempts",
                    build_array(n > 0 ? record->attempts + skip : NULL, n - skip,
                                sizeof(*record->attempts), make_attempt, NULL));
    }
    return build_end(&b);
}

struct json_object *json_event(const struct event_record *record)
{
    struct builder b = build_begin();

    build_string(&b, "id", record->id);
    build_time(&b, "time", record->at);
    build_string(&b, "event", record->name);
    build_id(&b, "request_id", record->request_id);
    build_string(&b, "enrichment_id", record->enrichment_id);
    build_id(&b, "delivery_id", record->delivery_id);
    build_string(&b, "hook", record->hook);
    return build_end(&b);
}

static struct json_object *make_events(unsigned on)
{
    struct json_object *array = json_object_new_array();

    for (int event = 0; array && event < HOOK_EVENT_MAX_; event++) {
        struct json_object *name;

        if (!(on & 1U << event))
            continue;
        name = json_object_new_string(hook_event_name(event));
        if (!name || json_append(array, name) < 0) {
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

struct json_object *json_hook(const char *name, const struct hook_config *config,
                              const struct hook_counts *counts, const struct hook_live *live)
{
    struct builder b = build_begin();

    build_string(&b, "name", name);
    build_string(&b, "command", config ? config->command_text : NULL);
    build_string(&b, "mode", !config ? NULL : config->mode == HOOK_STREAM ? "stream" : "exec");
    build_value(&b, "on", make_events(config ? config->on : 0));
    build_string(&b, "state", live->state);
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        build_int(&b, delivery_state_name(state), counts->of[state]);
    build_time(&b, "last_success_at", counts->last_success_at);
    build_time(&b, "last_failure", counts->last_failure_at);
    build_string(&b, "error", live->error);
    build_time(&b, "retry_at", live->retry_at);
    return build_end(&b);
}
