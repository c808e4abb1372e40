/* GET /v1/callbacks, GET /v1/callbacks/{id}, POST /v1/callbacks/{id}/match. */
#include "query/json_records.h"
#include "query/requests.h"

#include "common/timestamp.h"

#include <errno.h>
#include <string.h>

static const char no_callback[] = "there is no such callback";

static struct json_object *make_item(const void *item, void *userdata)
{
    (void)userdata;
    return json_callback(item, false);
}

int callbacks_list(struct call *call)
{
    const char *state = params_get(&call->params, "state");
    struct callback_filter filter = {.has_state = state != NULL};
    struct callback_record *records;
    cleanup_free char *next = NULL;
    struct json_object *items;
    struct page page;
    size_t n;
    int r = page_read(call, &page);

    if (r != 0)
        return r < 0 ? r : 0;
    if (state) {
        filter.state = callback_state_from_name(state);
        if (filter.state == CALLBACK_STATE_INVALID)
            return answer_problem(call, 400,
                                  "state is one of matched, duplicate, unmatched, mismatched, "
                                  "interim, rejected");
    }
    r = reader_callbacks(call->query->backend.reader, &filter, page.after, page.limit, &records, &n,
                         &next);
    if (r != READER_OK)
        return page_refused(call, r);
    items = build_array(records, n, sizeof(*records), make_item, NULL);
    callback_records_free(records, n);
    return page_answer(call, items, next);
}

static int answer_one(struct call *call)
{
    struct callback_record record;
    struct json_object *object;
    int r = reader_callback(call->query->backend.reader, call->key, &record);

    if (r == READER_E_NOT_FOUND)
        return answer_problem(call, 404, "%s", no_callback);
    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    object = json_callback(&record, true);
    callback_record_done(&record);
    return object ? answer_json(call, 200, object) : -ENOMEM;
}

static bool find(struct call *call)
{
    return store_key_of(call->query->backend.store, STORE_KIND_CALLBACK, call->id, &call->key) == 0;
}

int callbacks_show(struct call *call)
{
    return find(call) ? answer_one(call) : answer_problem(call, 404, "%s", no_callback);
}

static int matched(struct call *call)
{
    static const struct refusals refusals = {
        .not_found = "there is no such callback or no such request any more",
        .conflict = "the callback is about something else than the request",
        .state = "only an unmatched or mismatched callback can be matched by hand",
    };

    if (call->command.base.result != STORE_OK)
        return call_refused(call, &refusals);
    return answer_one(call);
}

int callbacks_match(struct call *call)
{
    const char *request = json_get_string(call->json, "request_id");
    struct store_match *match = &call->command.match;
    int r;

    if (!request || json_object_object_length(call->json) != 1)
        return answer_problem(call, 422, "request_id: required, and nothing else");
    if (!find(call))
        return answer_problem(call, 404, "%s", no_callback);
    r = request_find(call, request, 404, &match->request);
    if (r != 0)
        return r < 0 ? r : 0;
    match->callback = call->key;
    match->now = time_now();
    return call_post(call, STORE_MATCH, matched);
}
