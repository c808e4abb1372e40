#include "delivery/deliverer_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT_BACK_MS 1000

/* A stream hook reads the document alone; by this variable its runner knows whose an answer is. */
static int stream_environment(const struct document_facts *facts, struct json_object **ret)
{
    char variable[64];
    int r;

    snprintf(variable, sizeof(variable), "PRONTO_DELIVERY_ID=%s", facts->delivery_id);
    *ret = json_object_new_array();
    r = json_append(*ret, json_object_new_string(variable));
    if (r < 0)
        json_object_put(TAKE_PTR(*ret));
    return r;
}

static int make_environment(const struct deliverer *deliverer, const struct document_facts *facts,
                            struct json_object **ret)
{
    const struct hook_config *config = config_hook(deliverer->config, facts->hook);

    return config && config->mode == HOOK_STREAM ? stream_environment(facts, ret)
                                                 : document_environment(facts, ret);
}

int deliverer_send(struct deliverer *deliverer, int64_t id, const struct document_facts *facts,
                   struct json_object **ret_document)
{
    cleanup_json struct json_object *document = NULL, *env = NULL, *head = NULL;
    cleanup_free char *text = NULL;
    struct hook_job wire = {.id = id, .hook = facts->hook};
    size_t size;
    int r = document_build(facts, &document);

    if (r == 0)
        r = json_serialize(document, &text, &size);
    if (r == 0)
        r = make_environment(deliverer, facts, &env);
    if (r < 0)
        return r;
    wire.env = env;
    r = hook_job_encode(&wire, &head);
    if (r == 0)
        r = worker_link_send(deliverer->runner, head, text, size);
    if (r == 0 && ret_document)
        *ret_document = TAKE_PTR(document);
    return r;
}

/* With verify = fetch nothing of a callback reaches a hook; that of a request is not stored as its
 * raw body there, but one that found no request is all there is. */
static bool is_believed(const struct deliverer *deliverer, const struct delivery_facts *facts)
{
    return facts->has_request || !deliverer->config->ingress.verify_fetch;
}

int deliverer_describe(const struct deliverer *deliverer, const struct delivery_facts *facts,
                       struct document_facts *ret, struct json_object **ret_request)
{
    const struct request_record *record = &facts->request;
    int r;

    *ret = (struct document_facts){
        .event = facts->event,
        .hook = facts->hook,
        .delivery_id = facts->id,
        .attempt = facts->attempt,
        .received_at = facts->received_at,
        .raw = is_believed(deliverer, facts) ? facts->raw : NULL,
        .dead = facts->dead,
    };
    *ret_request = NULL;
    if (!facts->has_request)
        return 0;
    r = document_request(record->id, record->enrichment_id, record->type, record->content,
                         record->created_at, ret_request);
    if (r == 0 && facts->event == EVENT_FAILED)
        r = json_add_string(*ret_request, "error", record->error);
    ret->request = *ret_request;
    ret->result = record->result;
    ret->source = record->source;
    return r;
}

static int send_facts(struct deliverer *deliverer, const struct delivery_facts *facts)
{
    cleanup_json struct json_object *request = NULL;
    struct document_facts document;
    int r = deliverer_describe(deliverer, facts, &document, &request);

    return r < 0 ? r : deliverer_send(deliverer, facts->key, &document, NULL);
}

static struct run *run_new(const struct hook_config *config, const struct delivery_facts *facts,
                           const struct delivery_job *job)
{
    struct run *run = calloc(1, sizeof(*run));

    if (!run)
        return NULL;
    run->delivery = facts->key;
    memcpy(run->id, facts->id, sizeof(run->id));
    snprintf(run->hook, sizeof(run->hook), "%s", facts->hook);
    run->attempts = job->attempts;
    run->interruptions = job->interruptions;
    run->since = job->since;
    run->backoff_first_ms = config->backoff_first_ms;
    run->backoff_longest_ms = config->backoff_longest_ms;
    run->give_up_ms = config->give_up_ms;
    run->max_attempts = config->max_attempts;
    run->shared = config->mode == HOOK_EXEC;
    return run;
}

static int start(struct deliverer *deliverer, const struct delivery_facts *facts,
                 const struct delivery_job *job)
{
    const struct hook_config *config = config_hook(deliverer->config, facts->hook);
    struct hook_run_state *hook = hooks_find(deliverer, facts->hook);
    struct run *run;
    int r;

    if (!config || !hook)
        return -ENOENT;
    run = run_new(config, facts, job);
    if (!run)
        return -ENOMEM;
    r = send_facts(deliverer, facts);
    if (r < 0) {
        free(run);
        return r;
    }
    runs_add(deliverer, run);
    hooks_started(deliverer, hook, run);
    return 0;
}

void deliverer_start(struct deliverer *deliverer, const char *hook, const struct delivery_job *job)
{
    struct log_field field = {"PRONTO_HOOK", hook};
    struct delivery_facts facts = {0};
    int r = reader_delivery_facts(deliverer->reader, job->key, &facts);

    if (r == READER_E_NOT_FOUND)
        return; /* erased or purged since it was claimed */
    if (r == 0)
        r = start(deliverer, &facts, job);
    delivery_facts_done(&facts);
    if (r == 0)
        return;
    log_fields(LOG_WARNING, NULL, &field, 1,
               "delivery could not be given to prontod-runner: %s; it waits",
               r == -ENOTCONN ? "the runner is not there"
               : r == -ENOENT ? "the hook left the configuration"
                              : strerror(-r));
    deliverer_put_back(deliverer, job->key, PUT_BACK_MS);
}
