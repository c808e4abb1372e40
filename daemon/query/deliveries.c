/* GET /v1/deliveries, GET /v1/deliveries/{id}, POST /v1/deliveries/{id}/retry, POST
 * /v1/deliveries/retry. */
#include "query/json_records.h"
#include "query/requests.h"

#include "common/timestamp.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char no_delivery[] = "there is no such delivery";
static const char wrong_event[] = "event is one of finished, failed, expired, unmatched, dead";

static struct json_object *make_item(const void *item, void *userdata)
{
    return json_delivery(item, userdata, -1);
}

#define NO_REQUEST INT64_MAX /* a key that no request has */

/* A filter that fits nothing is no error. 0, PAGE_ANSWERED, or a negative errno. */
static int read_request(struct call *call, const char *text, store_key *ret)
{
    int r = reader_request_find(call->query->backend.reader, text, ret);

    if (r == READER_E_NOT_FOUND) {
        *ret = NO_REQUEST;
        return 0;
    }
    if (r != READER_E_AMBIGUOUS)
        return r;
    r = request_find(call, text, 404, ret); /* says so */
    return r == REQUEST_ANSWERED ? PAGE_ANSWERED : r;
}

/* What is wrong with it, or NULL. */
static const char *read_words(const struct params *params, struct delivery_filter *ret)
{
    const char *state = params_get(params, "state"), *event = params_get(params, "event");

    ret->hook = params_get(params, "hook");
    ret->has_state = state != NULL;
    ret->has_event = event != NULL;
    if (state) {
        ret->state = delivery_state_from_name(state);
        if (ret->state == DELIVERY_STATE_INVALID)
            return "state is one of queued, running, retrying, succeeded, dead";
    }
    if (event) {
        ret->event = hook_event_from_name(event);
        if (ret->event == HOOK_EVENT_INVALID)
            return wrong_event;
    }
    return times_read(params_get(params, "since"), params_get(params, "until"), &ret->since,
                      &ret->until);
}

/* Likewise. */
static int read_filter(struct call *call, struct delivery_filter *ret)
{
    const char *wrong = read_words(&call->params, ret);
    const char *request = params_get(&call->params, "request_id");

    if (wrong) {
        int r = answer_problem(call, 400, "%s", wrong);

        return r < 0 ? r : PAGE_ANSWERED;
    }
    return request ? read_request(call, request, &ret->request) : 0;
}

int deliveries_list(struct call *call)
{
    struct delivery_filter filter = {.request = 0};
    struct delivery_record *records;
    cleanup_free char *next = NULL;
    struct json_object *items;
    struct page page;
    size_t n;
    int r = page_read(call, &page);

    if (r == 0)
        r = read_filter(call, &filter);
    if (r != 0)
        return r < 0 ? r : 0;
    r = reader_deliveries(call->query->backend.reader, &filter, page.after, page.limit, &records,
                          &n, &next);
    if (r != READER_OK)
        return page_refused(call, r);
    items = build_array(records, n, sizeof(*records), make_item, (void *)call->query->config);
    delivery_records_free(records, n);
    return page_answer(call, items, next);
}

static int answer_one(struct call *call, int status)
{
    struct delivery_record record;
    struct json_object *object;
    int r = reader_delivery(call->query->backend.reader, call->key, &record);

    if (r == READER_E_NOT_FOUND)
        return answer_problem(call, 404, "%s", no_delivery);
    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    object = json_delivery(&record, call->query->config, INT_MAX);
    delivery_record_done(&record);
    return object ? answer_json(call, status, object) : -ENOMEM;
}

static bool find(struct call *call)
{
    return store_key_of(call->query->backend.store, STORE_KIND_DELIVERY, call->id, &call->key) == 0;
}

int deliveries_show(struct call *call)
{
    return find(call) ? answer_one(call, 200) : answer_problem(call, 404, "%s", no_delivery);
}

static bool has_succeeded(struct call *call)
{
    struct delivery_record record = {0};
    bool succeeded =
        reader_delivery(call->query->backend.reader, call->key, &record) == READER_OK &&
        record.state == DELIVERY_SUCCEEDED;

    delivery_record_done(&record);
    return succeeded;
}

static int retried(struct call *call)
{
    static const struct refusals refusals = {
        .not_found = no_delivery,
        .state = "the delivery waits or runs already",
    };

    if (call->command.base.result == STORE_E_STATE && has_succeeded(call))
        return answer_problem(call, 409,
                              "the delivery has succeeded: it runs again only with the body "
                              "{\"again\": true}");
    if (call->command.base.result != STORE_OK)
        return call_refused(call, &refusals);
    return answer_one(call, 202);
}

int deliveries_retry(struct call *call)
{
    struct store_retry *retry = &call->command.retry;

    if (!find(call))
        return answer_problem(call, 404, "%s", no_delivery);
    if (call->json && json_object_object_length(call->json) > 0 &&
        (json_object_object_length(call->json) != 1 ||
         !json_get_bool(call->json, "again", &retry->again)))
        return answer_problem(call, 422, "only again, true or false, is taken");
    retry->delivery = call->key;
    retry->now = time_now();
    return call_post(call, STORE_RETRY, retried);
}

static int retried_all(struct call *call)
{
    static const struct refusals refusals = {.not_found = "there is no such hook"};
    struct builder b = build_begin();
    struct json_object *object;

    build_int(&b, "retried", call->command.retry.n);
    object = build_end(&b);
    if (call->command.base.result != STORE_OK) {
        json_object_put(object);
        return call_refused(call, &refusals);
    }
    return object ? answer_json(call, 200, object) : -ENOMEM;
}

/* A member of the body that is a string. False: it is there and is none. */
static bool take_text(struct call *call, const char *name, const char **ret, int *taken)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(call->json, name, &value))
        return true;
    *ret = json_get_string(call->json, name);
    ++*taken;
    return *ret != NULL;
}

/* What is wrong with the body, or NULL. Texts live as long as the body, and that as the call. */
static const char *read_retry(struct call *call, struct retry_filter *filter,
                              const char **ret_request)
{
    const char *state = NULL, *event = NULL, *since = NULL, *until = NULL;
    int taken = 0;

    if (!take_text(call, "state", &state, &taken) || !state || strcmp(state, "dead") != 0)
        return "state: required, and only dead ones are run again";
    if (!take_text(call, "hook", &filter->hook, &taken) ||
        !take_text(call, "event", &event, &taken) || !take_text(call, "since", &since, &taken) ||
        !take_text(call, "until", &until, &taken) ||
        !take_text(call, "request_id", ret_request, &taken) ||
        taken != json_object_object_length(call->json))
        return "beside state only hook, event, since, until and request_id are taken, as strings";
    filter->has_event = event != NULL;
    if (event) {
        filter->event = hook_event_from_name(event);
        if (filter->event == HOOK_EVENT_INVALID)
            return wrong_event;
    }
    return times_read(since, until, &filter->since, &filter->until);
}

int deliveries_retry_all(struct call *call)
{
    struct store_retry *retry = &call->command.retry;
    const char *request = NULL;
    const char *wrong = read_retry(call, &retry->filter, &request);

    if (wrong)
        return answer_problem(call, 422, "%s", wrong);
    if (request) {
        int r = request_find(call, request, 404, &retry->filter.request);

        if (r != 0)
            return r == REQUEST_ANSWERED ? 0 : r;
    }
    retry->now = time_now();
    return call_post(call, STORE_RETRY, retried_all);
}
