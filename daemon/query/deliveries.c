/* GET /v1/deliveries, GET /v1/deliveries/{id}, POST /v1/deliveries/{id}/retry, POST
 * /v1/deliveries/retry. */
#include "query/json_records.h"
#include "query/requests.h"

#include "common/timestamp.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char no_delivery[] = "there is no such delivery";

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

/* Likewise. */
static int read_filter(struct call *call, struct delivery_filter *ret)
{
    const char *state = params_get(&call->params, "state");
    const char *request = params_get(&call->params, "request_id");

    ret->hook = params_get(&call->params, "hook");
    ret->has_state = state != NULL;
    if (state) {
        ret->state = delivery_state_from_name(state);
        if (ret->state == DELIVERY_STATE_INVALID) {
            int r = answer_problem(call, 400,
                                   "state is one of queued, running, retrying, succeeded, dead");

            return r < 0 ? r : PAGE_ANSWERED;
        }
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

static int retried(struct call *call)
{
    static const struct refusals refusals = {
        .not_found = no_delivery,
        .state = "the delivery waits or runs already",
    };

    if (call->command.base.result != STORE_OK)
        return call_refused(call, &refusals);
    return answer_one(call, 202);
}

int deliveries_retry(struct call *call)
{
    struct store_retry *retry = &call->command.retry;

    if (!find(call))
        return answer_problem(call, 404, "%s", no_delivery);
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

int deliveries_retry_all(struct call *call)
{
    const char *state = json_get_string(call->json, "state");
    const char *hook = json_get_string(call->json, "hook");
    int members = json_object_object_length(call->json);
    struct store_retry *retry = &call->command.retry;

    if (!state || strcmp(state, "dead") != 0)
        return answer_problem(call, 422, "state: required, and only dead ones are run again");
    if (members != (hook ? 2 : 1))
        return answer_problem(call, 422, "beside state only hook, the name of one, is taken");
    retry->hook = hook; /* lives as long as the body, and that as the call */
    retry->now = time_now();
    return call_post(call, STORE_RETRY, retried_all);
}
