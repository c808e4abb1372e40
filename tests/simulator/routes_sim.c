#include "simulator/routes.h"

#include "simulator/schedule.h"
#include "simulator/sender.h"
#include "simulator/server.h"
#include "simulator/sim.h"
#include "simulator/submit.h"

#include "common/parse.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WAIT_DEFAULT_MS 10000
#define WAIT_LONGEST_MS ((int64_t)5 * 60 * 1000)

static int bad_request(struct call *call, const char *format, const char *text)
{
    cleanup_free char *message = NULL;

/* The formats are the literals below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (asprintf(&message, format, text) < 0)
        return -ENOMEM;
#pragma GCC diagnostic pop
    return answer_error(&call->answer, MHD_HTTP_BAD_REQUEST, message);
}

/* *ret is NULL, and the call answered, when the body is no JSON object. */
static int read_object(struct call *call, struct json_object **ret)
{
    int r = json_parse_strict(call->body ? call->body : "", call->size, true, ret);

    if (r <= 0)
        return r;
    *ret = NULL;
    return answer_error(&call->answer, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object");
}

int sim_get_behaviour(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = NULL;
    int r = behaviours_to_json(&sim->behaviours, &object);

    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

int sim_post_behaviour(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *body = NULL;
    struct behaviours changed = sim->behaviours;
    int r = read_object(call, &body);

    if (r < 0 || !body)
        return r;
    json_object_object_foreach(body, key, value)
    {
        r = behaviours_set_json(&changed, key, value);
        if (r < 0)
            return r;
        if (r == BEHAVIOUR_UNKNOWN_KEY)
            return bad_request(call, "unknown behaviour: %s", key);
        if (r == BEHAVIOUR_BAD_VALUE)
            return bad_request(call, "bad value of behaviour: %s", key);
    }
    json_object_object_foreach(body, set_key, set_value)
    {
        enum group group = behaviour_group(set_key);

        (void)set_value;
        if (group != GROUP_COUNT) /* their counts start again */
            sim->faults[group] = (struct fault_state){0};
        if (strcmp(set_key, "credits") == 0)
            sim->spent = 0;
    }
    sim->behaviours = changed;
    return sim_get_behaviour(sim, call);
}

int sim_delete_behaviour(struct sim *sim, struct call *call)
{
    sim->behaviours = sim->initial;
    memset(sim->faults, 0, sizeof(sim->faults));
    sim->spent = 0;
    return sim_get_behaviour(sim, call);
}

int sim_get_log(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? record_to_json(&sim->record, object) : -ENOMEM;

    if (r == 0)
        r = json_add_int64(object, "waiting", (int64_t)sender_waiting(sim->sender));
    if (r == 0)
        r = json_add_int64(object, "sending", (int64_t)sender_active(sim->sender));
    if (r == 0)
        r = json_add_int64(object, "credits_spent", sim->spent);
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

int sim_delete_log(struct sim *sim, struct call *call)
{
    int r = record_clear(&sim->record);

    return r < 0 ? r : answer_text(&call->answer, MHD_HTTP_OK, "application/json", "{}");
}

int sim_post_flush(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;

    if (r == 0)
        r = json_add_int64(object, "flushed", (int64_t)sender_flush(sim->sender));
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

/* What POST /_sim/callback says to send; replaces the body that the callback has by itself. */
static int replace_body(struct callback *callback, struct json_object *body)
{
    struct json_object *tree = json_get(body, "body"), *raw = json_get(body, "raw");
    const char *type = json_get_string(body, "content_type");
    char *text = NULL;
    size_t size = 0;

    if (json_object_is_type(raw, json_type_string)) {
        size = (size_t)json_object_get_string_len(raw);
        text = malloc(size + 1);
        if (!text)
            return -ENOMEM;
        memcpy(text, json_object_get_string(raw), size + 1);
    } else if (tree) {
        int r = json_serialize(tree, &text, &size);
        if (r < 0)
            return r;
    }
    if (text) {
        free(callback->body);
        callback->body = text;
        callback->size = size;
    }
    if (type)
        snprintf(callback->content_type, sizeof(callback->content_type), "%s", type);
    return 0;
}

static int complete_callback(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    const char *answer = call->callback_answer ? call->callback_answer : "";
    int r = object ? json_add_int64(object, "status", call->callback_status) : -ENOMEM;
    (void)sim;

    if (r == 0)
        r = record_add_text(object, "answer", answer, strlen(answer), LIMIT_RECORD_ANSWER);
    if (r == 0)
        r = json_add_string(object, "error", call->callback_error);
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

static int send_now(struct sim *sim, struct call *call, struct callback *ready)
{
    __attribute__((cleanup(callback_free_p))) struct callback *callback = ready;
    int r;

    callback->due = time_boot_ms();
    callback->retries_left = 0;
    callback->held_call = call->number;
    r = sender_add(sim->sender, callback);
    if (r < 0)
        return r;
    TAKE_PTR(callback);
    call->awaited_callbacks++;
    call->complete = complete_callback;
    return 0;
}

int sim_post_callback(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *body = NULL;
    __attribute__((cleanup(callback_free_p))) struct callback *callback = NULL;
    const char *id, *url;
    struct job *job;
    int64_t index = 0;
    int r = read_object(call, &body);

    if (r < 0 || !body)
        return r;
    id = json_get_string(body, "enrichment_id");
    job = id ? jobs_find(&sim->jobs, id) : NULL;
    if (!job)
        return answer_error(&call->answer, MHD_HTTP_NOT_FOUND, "no such enrichment_id");
    json_get_int64(body, "contact", &index);
    if (index < 0 || index >= job->n_contacts)
        return answer_error(&call->answer, MHD_HTTP_NOT_FOUND, "no such contact");
    url = json_get_string(body, "webhook_url");
    if (!url)
        url = job->webhook_url;
    if (!url)
        return answer_error(&call->answer, MHD_HTTP_BAD_REQUEST, "it has no webhook_url");
    r = submit_callback(sim, &job->contacts[index], url, CALLBACK_MANUAL, &callback);
    if (r == 0)
        r = replace_body(callback, body);
    return r < 0 ? r : send_now(sim, call, TAKE_PTR(callback));
}

static int complete_wait(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    struct progress progress = server_progress(sim->server);
    int r = object ? json_add_bool(object, "reached", call_is_satisfied(call, &progress)) : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < COUNT_COUNT; i++)
        r = json_add_int64(object, count_name((enum count)i), sim->record.counts[i]);
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

struct wait_query {
    struct call *call;
    int64_t timeout_ms;
    char wrong[WORD_SIZE]; /* the first parameter that is none */
};

static enum MHD_Result on_parameter(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct wait_query *query = cls;
    enum count count = count_parse(name);
    int64_t number;
    (void)kind;

    if (strcmp(name, "timeout") == 0 && value) {
        if (parse_integer(value, 0, WAIT_LONGEST_MS / 1000, &number) == 0) {
            query->timeout_ms = number * 1000;
            return MHD_YES;
        }
        if (parse_duration_ms(value, &number) == 0 && number <= WAIT_LONGEST_MS) {
            query->timeout_ms = number;
            return MHD_YES;
        }
    } else if (strcmp(name, "idle") == 0 && value && strcmp(value, "true") == 0) {
        query->call->wanted_idle = true;
        return MHD_YES;
    } else if (count != COUNT_COUNT && value && parse_integer(value, 0, INT32_MAX, &number) == 0) {
        query->call->wanted[count] = number;
        return MHD_YES;
    }
    snprintf(query->wrong, sizeof(query->wrong), "%s", name);
    return MHD_NO;
}

int sim_get_wait(struct sim *sim, struct call *call)
{
    struct wait_query query = {.call = call, .timeout_ms = WAIT_DEFAULT_MS};
    (void)sim;

    MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, on_parameter, &query);
    if (*query.wrong)
        return bad_request(call, "unknown parameter or bad value: %s", query.wrong);
    call->wanted_until = time_boot_ms() + query.timeout_ms;
    call->complete = complete_wait;
    return 0;
}
