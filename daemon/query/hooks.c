/* GET /v1/hooks, POST /v1/hooks/{name}/test, /pause, /resume, /purge. */
#include "query/json_records.h"
#include "query/requests.h"

#include "common/parse.h"
#include "common/timestamp.h"

#include <errno.h>

static const char left[] =
    "not in the configuration: its deliveries wait until it comes back or is purged";

static int64_t unfinished(const struct hook_counts *counts)
{
    return counts->of[DELIVERY_QUEUED] + counts->of[DELIVERY_RUNNING] +
           counts->of[DELIVERY_RETRYING];
}

/* Of a hook of the configuration, or one that left it (with all that it has done, or NULL when that
 * is all finished). 0 or a negative errno. */
static int make_item(struct call *call, const char *name, bool always, struct json_object **ret)
{
    const struct query_backend *backend = &call->query->backend;
    const struct hook_config *config = config_hook(call->query->config, name);
    struct hook_live live = {.state = "ok"};
    struct hook_counts counts;
    int r = reader_hook(backend->reader, name, &counts);

    if (r < 0)
        return r;
    *ret = NULL;
    if (!config && !always && unfinished(&counts) == 0)
        return 0;
    /* A hook that the scheduler does not know yet: a reload is under way. */
    if (config && backend->hook_state(name, &live, backend->userdata) < 0)
        live = (struct hook_live){.state = "ok"};
    if (!config || counts.paused)
        live = (struct hook_live){.state = "paused", .error = config ? NULL : left};
    *ret = json_hook(name, config, &counts, &live);
    return *ret ? 0 : -ENOMEM;
}

static int add_item(struct call *call, const char *name, struct json_object *items)
{
    struct json_object *item;
    int r = make_item(call, name, false, &item);

    return r == 0 && item ? json_append(items, item) : r;
}

/* Those that left the configuration and have deliveries that are not finished. */
static int add_left(struct call *call, struct json_object *items)
{
    cleanup_strv char **names = NULL;
    int r = reader_hook_names(call->query->backend.reader, &names);

    for (size_t i = 0; r == 0 && names[i]; i++)
        if (!config_hook(call->query->config, names[i]))
            r = add_item(call, names[i], items);
    return r;
}

int hooks_list(struct call *call)
{
    const struct config *config = call->query->config;
    struct json_object *items = json_object_new_array();
    int r = items ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < config->n_hooks; i++)
        r = add_item(call, config->hooks[i].name, items);
    if (r == 0)
        r = add_left(call, items);
    if (r < 0) {
        json_object_put(items);
        return r;
    }
    return page_answer(call, items, NULL);
}

static const struct refusals refusals = {
    .not_found = "there is no such hook",
    .state = "the hook is in the configuration: remove its section and reload first",
};

static int paused(struct call *call)
{
    struct json_object *item;
    int r;

    if (call->command.base.result != STORE_OK)
        return call_refused(call, &refusals);
    r = make_item(call, call->id, true, &item);
    return r < 0 ? r : answer_json(call, 200, item);
}

static int set_paused(struct call *call, bool value)
{
    call->command.pause.hook = call->id;
    call->command.pause.paused = value;
    return call_post(call, STORE_PAUSE_HOOK, paused);
}

int hooks_pause(struct call *call)
{
    return set_paused(call, true);
}

int hooks_resume(struct call *call)
{
    return set_paused(call, false);
}

static int purged(struct call *call)
{
    struct builder b = build_begin();
    struct json_object *object;

    build_int(&b, "purged", call->command.purge.n);
    object = build_end(&b);
    if (call->command.base.result != STORE_OK) {
        json_object_put(object);
        return call_refused(call, &refusals);
    }
    return object ? answer_json(call, 200, object) : -ENOMEM;
}

int hooks_purge(struct call *call)
{
    call->command.purge.hook = call->id;
    call->command.purge.now = time_now();
    return call_post(call, STORE_PURGE_HOOK, purged);
}

/* The output may be any bytes, and JSON takes only UTF-8. */
static int clean_output(struct json_object *outcome)
{
    struct json_object *output = json_get(outcome, "output");
    cleanup_free char *bytes = NULL;
    struct builder b = {json_object_get(outcome)};
    struct json_object *cleaned;
    size_t size;

    if (!output || !json_object_is_type(output, json_type_string))
        return 0;
    size = (size_t)json_object_get_string_len(output);
    bytes = malloc(size + 1);
    if (!bytes) {
        json_object_put(b.object);
        return -ENOMEM;
    }
    for (size_t i = 0; i < size; i++)
        bytes[i] = json_object_get_string(output)[i];
    build_bytes(&b, "output", bytes, size);
    cleaned = build_end(&b);
    json_object_put(cleaned);
    return cleaned ? 0 : -ENOMEM;
}

static int tested(struct call *call)
{
    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping");
    if (!call->outcome)
        return answer_problem(call, 503, "the test did not end: prontod-runner went away");
    if (clean_output(call->outcome) < 0)
        return -ENOMEM;
    return answer_json(call, 200, TAKE_PTR(call->outcome));
}

static void on_outcome(struct json_object *outcome, void *userdata)
{
    struct call *call = userdata;

    call->testing = false;
    call->outcome = outcome;
    call_resume(call);
}

/* What is wrong with the body, or NULL. */
static const char *read_trial(struct call *call, const char **ret_request, struct hook_trial *ret)
{
    static const char wrong[] =
        "only request_id, a string, and show_document, true or false, are taken";
    struct json_object *value;
    int taken = 0;

    if (!call->json)
        return NULL;
    if (json_object_object_get_ex(call->json, "request_id", &value)) {
        *ret_request = json_get_string(call->json, "request_id");
        if (!*ret_request)
            return wrong;
        taken++;
    }
    if (json_object_object_get_ex(call->json, "show_document", &value)) {
        if (!json_get_bool(call->json, "show_document", &ret->show_document))
            return wrong;
        taken++;
    }
    return taken == json_object_object_length(call->json) ? NULL : wrong;
}

static int start_test(struct call *call, struct hook_trial *trial)
{
    const struct query_backend *backend = &call->query->backend;
    int r;

    call->step = tested;
    call->testing = true;
    r = backend->test_hook(call->id, trial, on_outcome, call, backend->userdata);
    if (r == 0)
        return CALL_WAITS;
    call->testing = false;
    if (r == HOOK_TRIAL_UNFIT)
        return answer_problem(call, 409, "%s", trial->why);
    if (r == -ENOENT)
        return answer_problem(call, 404, "there is no such hook");
    if (r == -EBUSY)
        return answer_problem(call, 503, "too many tests are running");
    if (r == -ENOTCONN)
        return answer_problem(call, 503, "prontod-runner is not there");
    return r;
}

int hooks_test(struct call *call)
{
    struct hook_trial trial = {.request = 0};
    const char *request = NULL;
    const char *wrong = read_trial(call, &request, &trial);

    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping");
    if (wrong)
        return answer_problem(call, 422, "%s", wrong);
    if (request) {
        int r = request_find(call, request, 404, &trial.request);

        if (r != 0)
            return r == REQUEST_ANSWERED ? 0 : r;
    }
    return start_test(call, &trial);
}
