/* GET /v1/hooks, POST /v1/hooks/{name}/test. */
#include "query/json_records.h"
#include "query/query_internal.h"

#include <errno.h>

static struct json_object *make_item(struct call *call, const struct hook_config *hook)
{
    const struct query_backend *backend = &call->query->backend;
    struct hook_live live = {.state = NULL};
    struct hook_counts counts;

    if (reader_hook(backend->reader, hook->name, &counts) != READER_OK)
        return NULL;
    if (backend->hook_state(hook->name, &live.state, &live.error, backend->userdata) < 0)
        live.state = "ok"; /* not known to the scheduler yet: a reload is under way */
    return json_hook(hook, &counts, &live);
}

int hooks_list(struct call *call)
{
    const struct config *config = call->query->config;
    struct json_object *items = json_object_new_array();

    for (size_t i = 0; items && i < config->n_hooks; i++) {
        struct json_object *item = make_item(call, &config->hooks[i]);

        if (!item || json_append(items, item) < 0) {
            json_object_put(items);
            return -ENOMEM;
        }
    }
    return page_answer(call, items, NULL);
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

int hooks_test(struct call *call)
{
    const struct query_backend *backend = &call->query->backend;
    int r;

    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping");
    call->step = tested;
    call->testing = true;
    r = backend->test_hook(call->id, on_outcome, call, backend->userdata);
    if (r == 0)
        return CALL_WAITS;
    call->testing = false;
    if (r == -ENOENT)
        return answer_problem(call, 404, "there is no such hook");
    if (r == -EBUSY)
        return answer_problem(call, 503, "too many tests are running");
    if (r == -ENOTCONN)
        return answer_problem(call, 503, "prontod-runner is not there");
    return r;
}
