/* Both ends are ours, but a worker is the process that meets the outside: what it says is checked
 * like anything else, and a head that is not as the header draws it is -EPROTO, after which the
 * link is not to be trusted. Texts are made clean here, since one byte that is no UTF-8 would make
 * the whole head unreadable at the other end. */
#include "model/wire.h"

#include "model/text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char *const call_names[] = {
    [EGRESS_SINGLE_ENRICH] = "single_enrich",
    [EGRESS_BULK_ENRICH] = "bulk_enrich",
    [EGRESS_CONTACT] = "contact",
    [EGRESS_CREDITS] = "credits",
    [EGRESS_ACCOUNT] = "account",
};

static const char *const fate_names[] = {
    [CALL_ANSWERED] = "answered",
    [CALL_NOT_SENT] = "not_sent",
    [CALL_MAYBE_SENT] = "maybe_sent",
    [CALL_NO_KEY] = "no_key",
};

static int index_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name != NULL && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -EPROTO;
}

static bool get_int(struct json_object *head, const char *key, int64_t min, int64_t max, int *ret)
{
    int64_t value;

    if (!json_get_int64(head, key, &value) || value < min || value > max)
        return false;
    *ret = (int)value;
    return true;
}

static int add_text(struct json_object *head, const char *key, const char *text)
{
    struct text_line line = {0};

    if (text == NULL)
        return json_add(head, key, NULL);
    text_line_add_foreign(&line, text, strlen(text), TEXT_LINE_MAX, NULL);
    return json_add_string(head, key, line.text);
}

/* A new head with its id. */
static int head_new(int64_t id, struct json_object **ret)
{
    cleanup_json struct json_object *head = json_object_new_object();
    int r = head != NULL ? json_add_int64(head, "id", id) : -ENOMEM;

    if (r < 0)
        return r;
    *ret = TAKE_PTR(head);
    return 0;
}

int egress_job_encode(const struct egress_job *job, struct json_object **ret_head)
{
    cleanup_json struct json_object *head = NULL;
    int r = head_new(job->id, &head);

    if (r == 0)
        r = json_add_string(head, "call", call_names[job->call]);
    if (r == 0 && job->call == EGRESS_CONTACT)
        r = json_add_string(head, "contact", job->contact);
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

int egress_job_decode(struct json_object *head, struct egress_job *ret)
{
    struct egress_job job = {0};
    int call = index_of(call_names, ARRAY_SIZE(call_names), json_get_string(head, "call"));

    if (call < 0 || !json_get_int64(head, "id", &job.id))
        return -EPROTO;
    job.call = (enum egress_call)call;
    if (job.call == EGRESS_CONTACT) {
        job.contact = json_get_string(head, "contact");
        if (job.contact == NULL || *job.contact == '\0')
            return -EPROTO;
    }
    *ret = job;
    return 0;
}

int egress_outcome_encode(int64_t id, const struct call_answer *answer,
                          struct json_object **ret_head)
{
    cleanup_json struct json_object *head = NULL;
    int r = head_new(id, &head);

    if (r == 0)
        r = json_add_string(head, "fate", fate_names[answer->fate]);
    if (r == 0)
        r = json_add_int64(head, "status", answer->status);
    if (r == 0)
        r = json_add_int64(head, "retry_after_ms", answer->retry_after_ms);
    if (r == 0)
        r = add_text(head, "error", answer->error);
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

int egress_outcome_decode(struct json_object *head, const char *payload, size_t size,
                          int64_t *ret_id, struct call_answer *ret)
{
    struct call_answer answer = {.body = payload, .body_size = size};
    int fate = index_of(fate_names, ARRAY_SIZE(fate_names), json_get_string(head, "fate"));
    int64_t id;

    if (fate < 0 || !json_get_int64(head, "id", &id) ||
        !get_int(head, "status", 0, 999, &answer.status) ||
        !json_get_int64(head, "retry_after_ms", &answer.retry_after_ms) ||
        answer.retry_after_ms < -1)
        return -EPROTO;
    answer.fate = (enum call_fate)fate;
    answer.error = json_get_string(head, "error");
    *ret_id = id;
    *ret = answer;
    return 0;
}

int hook_job_encode(const struct hook_job *job, struct json_object **ret_head)
{
    cleanup_json struct json_object *head = NULL;
    int r = head_new(job->id, &head);

    if (r == 0)
        r = json_add_string(head, "hook", job->hook);
    if (r == 0)
        r = json_add(head, "env", json_object_get(job->env));
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

/* "NAME=value" with a name and without NUL: what execve(2) can pass on. */
static bool is_variable(struct json_object *value)
{
    const char *text = json_object_get_string(value);

    return json_object_is_type(value, json_type_string) && strchr(text, '=') > text &&
           strlen(text) == (size_t)json_object_get_string_len(value);
}

int hook_job_decode(struct json_object *head, struct hook_job *ret)
{
    struct hook_job job = {.hook = json_get_string(head, "hook"), .env = json_get(head, "env")};

    if (job.hook == NULL || !json_get_int64(head, "id", &job.id) ||
        !json_object_is_type(job.env, json_type_array))
        return -EPROTO;
    for (size_t i = 0; i < json_object_array_length(job.env); i++)
        if (!is_variable(json_object_array_get_idx(job.env, i)))
            return -EPROTO;
    *ret = job;
    return 0;
}

static int add_end(struct json_object *head, const struct attempt_end *end)
{
    int r = json_add_int64(head, "exit_code", end->exit_code);

    if (r == 0)
        r = json_add_int64(head, "signal", end->signal);
    if (r == 0)
        r = json_add_bool(head, "timed_out", end->timed_out);
    if (r == 0)
        r = json_add_bool(head, "interrupted", end->interrupted);
    if (r == 0)
        r = json_add_bool(head, "not_started", end->not_started);
    return r;
}

int hook_outcome_encode(const struct hook_outcome *outcome, struct json_object **ret_head)
{
    cleanup_json struct json_object *head = NULL;
    int r = head_new(outcome->id, &head);

    if (r == 0)
        r = json_add_int64(head, "started_at", outcome->started_at);
    if (r == 0)
        r = json_add_int64(head, "duration_ms", outcome->duration_ms);
    if (r == 0)
        r = json_add_int64(head, "cpu_ms", outcome->cpu_ms);
    if (r == 0)
        r = json_add_int64(head, "memory_bytes", outcome->memory_bytes);
    if (r == 0)
        r = add_end(head, &outcome->end);
    if (r == 0)
        r = add_text(head, "error", outcome->error);
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

static bool get_end(struct json_object *head, struct attempt_end *end)
{
    return get_int(head, "exit_code", -1, 255, &end->exit_code) &&
           get_int(head, "signal", 0, INT_MAX, &end->signal) &&
           json_get_bool(head, "timed_out", &end->timed_out) &&
           json_get_bool(head, "interrupted", &end->interrupted) &&
           json_get_bool(head, "not_started", &end->not_started);
}

int hook_outcome_decode(struct json_object *head, struct hook_outcome *ret)
{
    struct hook_outcome outcome = {.error = json_get_string(head, "error")};

    if (!json_get_int64(head, "id", &outcome.id) ||
        !json_get_int64(head, "started_at", &outcome.started_at) ||
        !json_get_int64(head, "duration_ms", &outcome.duration_ms) || outcome.duration_ms < 0 ||
        !json_get_int64(head, "cpu_ms", &outcome.cpu_ms) || outcome.cpu_ms < -1 ||
        !json_get_int64(head, "memory_bytes", &outcome.memory_bytes) || outcome.memory_bytes < -1 ||
        !get_end(head, &outcome.end))
        return -EPROTO;
    *ret = outcome;
    return 0;
}

int hook_cancel_encode(int64_t id, struct json_object **ret_head)
{
    cleanup_json struct json_object *head = NULL;
    int r = head_new(id, &head);

    if (r == 0)
        r = json_add_string(head, "control", "cancel");
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

int hook_cancel_decode(struct json_object *head, int64_t *ret_id)
{
    return json_get_int64(head, "id", ret_id) ? 0 : -EPROTO;
}

int control_encode(const char *control, const char *state, const char *detail,
                   struct json_object **ret_head)
{
    cleanup_json struct json_object *head = json_object_new_object();
    int r = head != NULL ? json_add_string(head, "control", control) : -ENOMEM;

    if (r == 0 && state != NULL)
        r = json_add_string(head, "state", state);
    if (r == 0 && detail != NULL)
        r = add_text(head, "detail", detail);
    if (r < 0)
        return r;
    *ret_head = TAKE_PTR(head);
    return 0;
}

const char *control_decode(struct json_object *head, const char **ret_state,
                           const char **ret_detail)
{
    const char *control = json_get_string(head, "control");

    if (control == NULL)
        return NULL;
    *ret_state = json_get_string(head, "state");
    *ret_detail = json_get_string(head, "detail");
    return control;
}
