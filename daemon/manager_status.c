#include "manager_internal.h"

#include "common/json.h"
#include "model/wire.h"

#include <assert.h>
#include <errno.h>

static const char *submit_refused(void *userdata)
{
    struct manager *manager = userdata;
    struct submission_status status;

    submission_status(manager->submission, &status);
    if (manager->stopping)
        return "prontod is stopping; try again in a moment";
    return status.state == SUBMISSION_STATE_NO_KEY
               ? "prontod has no API key: put it into the credential pronto-api-key or the file "
                 "that api_key_file names, then reload (a credential: restart prontod-egress)"
               : NULL;
}

static int hook_state(const char *hook, struct hook_live *ret, void *userdata)
{
    struct manager *manager = userdata;
    struct hook_status status;
    int r = deliverer_hook(manager->deliverer, hook, &status);

    if (r < 0)
        return r;
    *ret = (struct hook_live){.state = status.state,
                              .error = status.error,
                              .retry_at = status.retry_at,
                              .run_times = status.run_times};
    return 0;
}

struct count {
    const char *name;
    int64_t value;
};

static int add_counts(struct json_object *object, const char *key, const struct count *counts,
                      size_t n)
{
    struct json_object *item = json_object_new_object();
    int r = item ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = json_add_int64(item, counts[i].name, counts[i].value);
    if (r < 0) {
        json_object_put(item);
        return r;
    }
    return json_add(object, key, item);
}

static int add_waiting_types(struct json_object *object, unsigned types)
{
    cleanup_json struct json_object *array = json_object_new_array();

    if (!array)
        return -ENOMEM;
    for (int type = 0; type < ENRICHMENT_MAX_; type++) {
        struct json_object *name;

        if (!(types & 1U << type))
            continue;
        name = json_object_new_string(enrichment_type_name(type));
        if (!name || json_append(array, name) < 0)
            return -ENOMEM;
    }
    return json_add(object, "credits_wait", TAKE_PTR(array));
}

static int fill_submitting(struct json_object *item, const struct submission_status *status)
{
    const struct count polls[] = {{"asked", status->polls},
                                  {"finished", status->polls_finished},
                                  {"pending", status->polls_pending},
                                  {"failed", status->polls_failed}};
    int r = json_add_string(item, "state", submission_state_name(status->state));

    if (r == 0)
        r = json_add_string(item, "detail", status->detail[0] ? status->detail : NULL);
    if (r == 0)
        r = json_add_time(item, "paused_until", status->paused_until);
    if (r == 0)
        r = add_waiting_types(item, status->credits_wait);
    if (r == 0)
        r = json_add_int64(item, "in_flight", status->in_flight);
    if (r == 0)
        r = json_add_int64(item, "concurrency", status->concurrency);
    if (r == 0)
        r = json_add_int64(item, "rate", status->rate);
    if (r == 0)
        r = json_add_int64(item, "calls", status->submits + status->polls);
    if (r == 0)
        r = json_add_int64(item, "accepted", status->accepted);
    if (r == 0)
        r = json_add_int64(item, "refused", status->refused);
    if (r == 0)
        r = json_add_int64(item, "deferred", status->deferred);
    return r < 0 ? r : add_counts(item, "polls", polls, ARRAY_SIZE(polls));
}

static int add_submitting(struct json_object *object, const struct submission_status *status)
{
    struct json_object *item = json_object_new_object();
    int r = item ? fill_submitting(item, status) : -ENOMEM;

    if (r < 0) {
        json_object_put(item);
        return r;
    }
    return json_add(object, "submitting", item);
}

static int add_listener(struct json_object *object, const struct ingress_counts *counts)
{
    const struct count members[] = {
        {"connections", counts->connections},   {"connections_max", counts->connections_max},
        {"requests", counts->requests},         {"unknown_token", counts->unknown_token},
        {"bad_framing", counts->bad_framing},   {"too_large", counts->too_large},
        {"bad_encoding", counts->bad_encoding}, {"bad_method", counts->bad_method},
        {"not_found", counts->not_found},       {"unavailable", counts->unavailable},
        {"timed_out", counts->timed_out},       {"shed", counts->shed},
    };

    return add_counts(object, "callback_listener", members, ARRAY_SIZE(members));
}

static void answer_times(struct histogram *ret, void *userdata)
{
    struct manager *manager = userdata;
    struct ingress_counts listener;

    ingress_counts(manager->ingress, &listener);
    *ret = listener.answer_times;
}

static int add_rates(struct json_object *object, const struct rates *rates)
{
    const struct count members[] = {
        {"callbacks", rates_last_minute(rates, RATE_CALLBACKS)},
        {"calls", rates_last_minute(rates, RATE_CALLS)},
        {"hook_runs", rates_last_minute(rates, RATE_HOOK_RUNS)},
    };

    return add_counts(object, "last_minute", members, ARRAY_SIZE(members));
}

static int status(struct json_object *object, void *userdata)
{
    struct manager *manager = userdata;
    struct submission_status submitting;
    struct ingress_counts listener;
    int r;

    submission_status(manager->submission, &submitting);
    ingress_counts(manager->ingress, &listener);
    manager_look_at_rates(manager);
    r = add_rates(object, &manager->rates);
    if (r == 0)
        r = add_submitting(object, &submitting);
    if (r == 0)
        r = json_add_string(object, "egress",
                            worker_link_is_up(manager->egress.link) ? "up" : "down");
    if (r == 0)
        r = json_add_string(object, "runner",
                            worker_link_is_up(manager->runner.link) ? "up" : "down");
    return r == 0 ? add_listener(object, &listener) : r;
}

/* A test of a hook that the query socket waits for. */
struct test {
    void (*done)(struct json_object *outcome, void *done_userdata);
    void *done_userdata;
    struct json_object *document; /* that the hook was given, when it is to be shown */
    struct test *next;
};
static struct test *tests; /* at most as many as the deliverer takes; one thread */

static void test_forget(struct test *test)
{
    for (struct test **p = &tests; *p; p = &(*p)->next)
        if (*p == test) {
            *p = test->next;
            break;
        }
    json_object_put(test->document);
    free(test);
}

static int test_json(const struct hook_outcome *outcome, const char *output, size_t size,
                     struct json_object *document, struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;

    if (r == 0)
        r = outcome->end.exit_code < 0
                ? json_add(object, "exit_code", NULL)
                : json_add_int64(object, "exit_code", outcome->end.exit_code);
    if (r == 0)
        r = outcome->end.signal == 0 ? json_add(object, "signal", NULL)
                                     : json_add_int64(object, "signal", outcome->end.signal);
    if (r == 0)
        r = json_add_bool(object, "timed_out", outcome->end.timed_out);
    if (r == 0)
        r = json_add_int64(object, "duration_ms", outcome->duration_ms);
    if (r == 0)
        r = json_add_string(object, "error", outcome->error);
    if (r == 0)
        r = json_add_string_len(object, "output", output ? output : "", size);
    if (r == 0 && document)
        r = json_add(object, "document", json_object_get(document));
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}

static void on_tested(const struct hook_outcome *outcome, const char *output, size_t size,
                      void *userdata)
{
    struct test *test = userdata;
    struct json_object *json = NULL;

    if (outcome && test_json(outcome, output, size, test->document, &json) < 0)
        json = NULL;
    test->done(json, test->done_userdata);
    test_forget(test);
}

static int test_hook(const char *hook, struct hook_trial *trial,
                     void (*done)(struct json_object *outcome, void *done_userdata),
                     void *done_userdata, void *userdata)
{
    struct manager *manager = userdata;
    struct test *test = calloc(1, sizeof(*test));
    int r;

    if (!test)
        return -ENOMEM;
    *test = (struct test){.done = done, .done_userdata = done_userdata, .next = tests};
    r = deliverer_test(manager->deliverer, hook, trial->request, &test->document, &trial->why,
                       on_tested, test);
    if (r == 0 && !trial->show_document) {
        json_object_put(test->document);
        test->document = NULL;
    }
    static_assert(HOOK_TRIAL_UNFIT == DELIVERER_TEST_UNFIT, "one meaning on both sides");
    if (r != 0) {
        free(test);
        return r;
    }
    tests = test;
    return 0;
}

static void test_hook_cancel(void *done_userdata, void *userdata)
{
    struct manager *manager = userdata;

    for (struct test *test = tests; test; test = test->next) {
        if (test->done_userdata != done_userdata)
            continue;
        deliverer_test_cancel(manager->deliverer, test);
        test_forget(test);
        return;
    }
}

/* Asking Pronto: the two rooms have the same words for what comes of it. */

struct asking {
    asked_fn done;
    void *done_userdata;
    struct asking *next;
};
static struct asking *askings; /* at most as many as the query socket lets wait; one thread */

static void asking_forget(struct asking *asking)
{
    for (struct asking **p = &askings; *p; p = &(*p)->next)
        if (*p == asking) {
            *p = asking->next;
            break;
        }
    free(asking);
}

static void on_asked(const struct ask_answer *answer, void *userdata)
{
    struct asking *asking = userdata;
    const struct asked asked = {.status = answer->status,
                                .kind = answer->kind,
                                .detail = answer->detail,
                                .answer = answer->answer};

    asking->done(&asked, asking->done_userdata);
    asking_forget(asking);
}

static struct asking *asking_new(asked_fn done, void *done_userdata)
{
    struct asking *asking = calloc(1, sizeof(*asking));

    if (!asking)
        return NULL;
    *asking = (struct asking){done, done_userdata, askings};
    askings = asking;
    return asking;
}

static int poll(store_key request, asked_fn done, void *done_userdata, void *userdata)
{
    struct manager *manager = userdata;
    struct asking *asking = asking_new(done, done_userdata);
    int r =
        asking ? submission_ask_request(manager->submission, request, on_asked, asking) : -ENOMEM;

    if (r < 0 && asking)
        asking_forget(asking);
    return r;
}

static int credits(asked_fn done, void *done_userdata, void *userdata)
{
    struct manager *manager = userdata;
    struct asking *asking = asking_new(done, done_userdata);
    int r = asking ? submission_ask_credits(manager->submission, on_asked, asking) : -ENOMEM;

    if (r < 0 && asking)
        asking_forget(asking);
    return r;
}

static void ask_cancel(void *done_userdata, void *userdata)
{
    struct manager *manager = userdata;

    for (struct asking *asking = askings; asking; asking = asking->next) {
        if (asking->done_userdata != done_userdata)
            continue;
        submission_ask_cancel(manager->submission, asking);
        asking_forget(asking);
        return;
    }
}

void manager_query_backend(struct manager *manager, struct query_backend *ret)
{
    *ret = (struct query_backend){
        .store = manager->store,
        .reader = manager->reader,
        .submit_refused = submit_refused,
        .hook_state = hook_state,
        .answer_times = answer_times,
        .status = status,
        .test_hook = test_hook,
        .test_hook_cancel = test_hook_cancel,
        .poll = poll,
        .credits = credits,
        .ask_cancel = ask_cancel,
        .userdata = manager,
    };
}
