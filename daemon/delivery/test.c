/* Running a hook on a sample: the same way as a delivery, but nothing is stored. */
#include "delivery/deliverer_internal.h"

#include "common/timestamp.h"
#include "model/document.h"

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

static int send_sample(struct deliverer *deliverer, const struct hook_config *config, int64_t id)
{
    cleanup_json struct json_object *content = NULL, *raw = NULL, *dead = NULL, *request = NULL,
                                    *document = NULL;
    cleanup_json struct json_object *env = NULL, *head = NULL;
    cleanup_free char *text = NULL;
    struct reading reading = {0};
    struct document_facts facts = {
        .event = first_event(config), .hook = config->name, .delivery_id = sample_id, .attempt = 1};
    struct hook_job wire = {.id = id, .hook = config->name};
    size_t size;
    int r = parse_sample(sample_content, &content);

    if (r == 0)
        r = parse_sample(sample_callback, &raw);
    if (r == 0)
        r = parse_sample(sample_dead, &dead);
    if (r == 0)
        r = reading_parse(raw, &reading);
    if (r == 0)
        r = document_request(sample_id, sample_id, ENRICHMENT_EMAIL, content, time_now(), &request);
    if (r < 0)
        return r;
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
    r = document_build(&facts, &document);
    if (r == 0)
        r = document_environment(&facts, &env);
    reading_done(&reading);
    if (r == 0)
        r = json_serialize(document, &text, &size);
    wire.env = env;
    if (r == 0)
        r = hook_job_encode(&wire, &head);
    return r < 0 ? r : worker_link_send(deliverer->runner, head, text, size);
}

int deliverer_test(struct deliverer *deliverer, const char *hook,
                   void (*done)(const struct hook_outcome *outcome, const char *output, size_t size,
                                void *userdata),
                   void *userdata)
{
    const struct hook_config *config = config_hook(deliverer->config, hook);
    struct test_run *test = NULL;
    int r;

    if (!config)
        return -ENOENT;
    for (size_t i = 0; i < DELIVERER_TESTS_MAX && !test; i++)
        if (deliverer->tests[i].id == 0)
            test = &deliverer->tests[i];
    if (!test)
        return -EBUSY;
    if (!deliverer->ready)
        return -ENOTCONN;
    r = send_sample(deliverer, config, deliverer->last_test - 1);
    if (r < 0)
        return r;
    *test = (struct test_run){.id = --deliverer->last_test, .done = done, .userdata = userdata};
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
