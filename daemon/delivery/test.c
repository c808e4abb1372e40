/* Running a hook on a sample, or on a request that is stored: the same way as a delivery, but nothing
 * of it is stored. */
#include "delivery/deliverer_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum hook_event first_event(const struct hook_config *config)
{
    for (int event = 0; event < HOOK_EVENT_MAX_; event++)
        if (config->on & (1U << event))
            return event;
    return EVENT_FINISHED;
}

static int parse_sample(const char *text, struct json_object **ret)
{
    return json_parse_strict(text, strlen(text), true, ret) == 0 ? 0 : -ENOMEM;
}

/* The documentation's own example person; marked as a test by "custom". */
static const char sample_content[] =
    "{\"firstname\": \"Ada\", \"lastname\": \"Lovelace\", \"domain\": \"example.com\", "
    "\"company_name\": \"Example\", \"custom\": {\"prontod_test\": true}}";
static const char sample_callback[] =
    "{\"enrichment_id\": \"00000000-0000-4000-8000-000000000000\", \"first_name\": \"Ada\", "
    "\"last_name\": \"Lovelace\", \"status\": \"finished\", \"email\": "
    "\"ada.lovelace@example.com\", "
    "\"email_status\": \"deliverable\", \"phone\": [\"+12015550123\"], \"custom\": "
    "{\"prontod_test\": true}}";
static const char sample_dead[] =
    "{\"hook\": \"sample\", \"delivery_id\": \"00000000-0000-4000-8000-000000000001\", \"event\": "
    "\"finished\", "
    "\"attempts\": 3, \"error\": \"this is a test\"}";
static const char sample_id[] = "00000000-0000-4000-8000-000000000000";

static int send_sample(struct deliverer *deliverer, const struct hook_config *config, int64_t id,
                       struct json_object **ret_document)
{
    cleanup_json struct json_object *content = NULL, *raw = NULL, *dead = NULL, *request = NULL;
    struct reading reading = {0};
    struct document_facts facts = {
        .event = first_event(config), .hook = config->name, .delivery_id = sample_id, .attempt = 1};
    int r = parse_sample(sample_content, &content);

    if (r == 0)
        r = parse_sample(sample_callback, &raw);
    if (r == 0)
        r = parse_sample(sample_dead, &dead);
    if (r == 0)
        r = reading_parse(raw, &reading);
    if (r == 0)
        r = document_request(sample_id, sample_id, ENRICHMENT_EMAIL, content, time_now(), &request);
    if (facts.event == EVENT_FINISHED || facts.event == EVENT_UNMATCHED) {
        facts.raw = raw;
        facts.received_at = time_now();
    }
    if (facts.event == EVENT_FINISHED) {
        facts.result = reading.result;
        facts.source = SOURCE_CALLBACK;
    }
    if (facts.event != EVENT_UNMATCHED)
        facts.request = request;
    if (facts.event == EVENT_DEAD)
        facts.dead = dead;
    if (r == 0)
        r = deliverer_send(deliverer, id, &facts, ret_document);
    reading_done(&reading);
    return r;
}

/* The event that a request in this state was told of; HOOK_EVENT_INVALID: none yet. */
static enum hook_event event_of(enum request_state state)
{
    if (state == REQUEST_FINISHED)
        return EVENT_FINISHED;
    if (state == REQUEST_FAILED)
        return EVENT_FAILED;
    return state == REQUEST_EXPIRED ? EVENT_EXPIRED : HOOK_EVENT_INVALID;
}

/* NULL when a hook on @on can be run for a request in @state, with *ret_event. */
static const char *unfit(enum request_state state, unsigned on, enum hook_event *ret_event)
{
    enum hook_event event = event_of(state);

    if (event == HOOK_EVENT_INVALID)
        return "the request has not come to an end yet: there is no event that the hook could be "
               "run on";
    if (!(on & 1U << event))
        return event == EVENT_FINISHED ? "the request is finished, and the hook is not on finished"
               : event == EVENT_FAILED ? "the request has failed, and the hook is not on failed"
                                       : "the request has expired, and the hook is not on expired";
    *ret_event = event;
    return NULL;
}

static const char erased[] = "the request was erased a moment ago";

/* 0, DELIVERER_TEST_UNFIT or a negative errno. */
static int choose_event(struct deliverer *deliverer, const struct hook_config *config,
                        store_key request, enum hook_event *ret, const char **ret_why)
{
    struct request_record record = {0};
    int r = reader_request(deliverer->reader, request, &record);

    if (r < 0)
        return r;
    *ret_why = r == READER_OK ? unfit(record.state, config->on, ret) : erased;
    request_record_done(&record);
    return *ret_why ? DELIVERER_TEST_UNFIT : 0;
}

static int send_stored(struct deliverer *deliverer, const struct hook_config *config, int64_t id,
                       store_key request, struct json_object **ret_document, const char **ret_why)
{
    cleanup_json struct json_object *shown = NULL;
    struct delivery_facts facts = {0};
    struct document_facts document;
    enum hook_event event;
    int r = choose_event(deliverer, config, request, &event, ret_why);

    if (r != 0)
        return r;
    r = reader_test_facts(deliverer->reader, request, event, &facts);
    if (r == READER_E_NOT_FOUND)
        *ret_why = erased;
    if (r != READER_OK)
        return r < 0 ? r : DELIVERER_TEST_UNFIT;
    r = deliverer_describe(deliverer, &facts, &document, &shown);
    document.hook = config->name;
    document.delivery_id = sample_id;
    if (r == 0)
        r = deliverer_send(deliverer, id, &document, ret_document);
    delivery_facts_done(&facts);
    return r;
}

static struct test_run *free_place(struct deliverer *deliverer)
{
    for (size_t i = 0; i < DELIVERER_TESTS_MAX; i++)
        if (deliverer->tests[i].id == 0)
            return &deliverer->tests[i];
    return NULL;
}

int deliverer_test(struct deliverer *deliverer, const char *hook, store_key request,
                   struct json_object **ret_document, const char **ret_why,
                   void (*done)(const struct hook_outcome *outcome, const char *output, size_t size,
                                void *userdata),
                   void *userdata)
{
    const struct hook_config *config = config_hook(deliverer->config, hook);
    struct test_run *test = free_place(deliverer);
    int64_t id = deliverer->last_test - 1;
    int r;

    if (!config)
        return -ENOENT;
    if (!test)
        return -EBUSY;
    if (!deliverer->ready)
        return -ENOTCONN;
    r = request == 0 ? send_sample(deliverer, config, id, ret_document)
                     : send_stored(deliverer, config, id, request, ret_document, ret_why);
    if (r != 0)
        return r;
    deliverer->last_test = id;
    *test = (struct test_run){.id = id, .done = done, .userdata = userdata};
    return 0;
}

void deliverer_test_cancel(struct deliverer *deliverer, void *userdata)
{
    for (size_t i = 0; i < DELIVERER_TESTS_MAX; i++)
        if (deliverer->tests[i].id != 0 && deliverer->tests[i].userdata == userdata)
            deliverer->tests[i] = (struct test_run){0};
}

void deliverer_test_outcome(struct deliverer *deliverer, const struct hook_outcome *outcome,
                            const char *output, size_t size)
{
    for (size_t i = 0; i < DELIVERER_TESTS_MAX; i++) {
        struct test_run test = deliverer->tests[i];

        if (test.id == 0 || test.id != outcome->id)
            continue;
        deliverer->tests[i] = (struct test_run){0};
        test.done(outcome, output, size, test.userdata);
        return;
    }
}

void deliverer_tests_lost(struct deliverer *deliverer)
{
    for (size_t i = 0; i < DELIVERER_TESTS_MAX; i++) {
        struct test_run test = deliverer->tests[i];

        deliverer->tests[i] = (struct test_run){0};
        if (test.id != 0)
            test.done(NULL, NULL, 0, test.userdata);
    }
}
