/* GET /v1/requests/{id}, also as a long poll: suspended until the request settles. */
#include "query/json_records.h"
#include "query/requests.h"

#include "model/state_machine.h"

#include <errno.h>

/* Of each kind, in one answer; and attempts of each delivery: so an answer is bounded. */
#define EMBEDDED_MAX          100
#define EMBEDDED_ATTEMPTS_MAX 10

static struct json_object *make_callback(const void *item, void *userdata)
{
    (void)userdata;
    return json_callback(item, false);
}

static int make_callbacks(struct call *call, struct json_object **ret)
{
    struct callback_filter filter = {.request = call->key};
    struct callback_record *records;
    cleanup_free char *next = NULL;
    size_t n;
    int r = reader_callbacks(call->query->backend.reader, &filter, NULL, EMBEDDED_MAX, &records, &n,
                             &next);

    if (r < 0)
        return r;
    *ret = build_array(records, n, sizeof(*records), make_callback, NULL);
    callback_records_free(records, n);
    return *ret ? 0 : -ENOMEM;
}

/* A record of a list has no attempts. NULL when it is gone meanwhile, or out of memory. */
static struct json_object *make_delivery(const void *item, void *userdata)
{
    const struct delivery_record *listed = item;
    struct call *call = userdata;
    struct delivery_record record;
    struct json_object *object;
    int r = reader_delivery(call->query->backend.reader, listed->key, &record);

    if (r == READER_E_NOT_FOUND)
        return json_delivery(listed, call->query->config, 0);
    if (r != READER_OK)
        return NULL;
    object = json_delivery(&record, call->query->config, EMBEDDED_ATTEMPTS_MAX);
    delivery_record_done(&record);
    return object;
}

static int make_deliveries(struct call *call, struct json_object **ret)
{
    struct delivery_filter filter = {.request = call->key};
    struct delivery_record *records;
    cleanup_free char *next = NULL;
    size_t n;
    int r = reader_deliveries(call->query->backend.reader, &filter, NULL, EMBEDDED_MAX, &records,
                              &n, &next);

    if (r < 0)
        return r;
    *ret = build_array(records, n, sizeof(*records), make_delivery, call);
    delivery_records_free(records, n);
    return *ret ? 0 : -ENOMEM;
}

static int answer_whole(struct call *call, const struct request_record *record)
{
    struct json_object *callbacks = NULL, *deliveries = NULL, *object;
    int r = make_callbacks(call, &callbacks);

    if (r == 0)
        r = make_deliveries(call, &deliveries);
    if (r < 0) {
        json_object_put(callbacks);
        return r;
    }
    object = json_request_whole(record, callbacks, deliveries);
    return object ? answer_json(call, 200, object) : -ENOMEM;
}

/* Also the step after the waiting. */
static int look(struct call *call)
{
    const char *wait = params_get(&call->params, "wait");
    struct request_record record;
    int64_t wait_ms = 0;
    int r = reader_request(call->query->backend.reader, call->key, &record);

    if (r == READER_E_NOT_FOUND) {
        call_wait_end(call);
        return answer_problem(call, 404, "there is no such request");
    }
    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    if (wait)
        param_seconds(wait, QUERY_WAIT_MAX_S, &wait_ms);
    if (request_state_is_final(record.state) || wait_ms == 0 || call->gone ||
        call->query->stopping) {
        call_wait_end(call);
        r = answer_whole(call, &record);
    } else if (call->waits) {
        r = CALL_WAITS; /* woken without a reason */
    } else {
        r = call_wait(call, (uint64_t)wait_ms * 1000);
    }
    request_record_done(&record);
    return r;
}

int requests_show(struct call *call)
{
    const char *wait = params_get(&call->params, "wait");
    int64_t wait_ms;
    int r;

    if (wait && !param_seconds(wait, QUERY_WAIT_MAX_S, &wait_ms))
        return answer_problem(call, 400, "wait is a number of seconds from 0 to %d",
                              QUERY_WAIT_MAX_S);
    r = request_find(call, call->id, 404, &call->key);
    if (r != 0)
        return r < 0 ? r : 0;
    call->step = look;
    return look(call);
}
