#include "delivery/deliverer_internal.h"

#include "common/log.h"
#include "model/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT_BACK_MS 1000

static int send_document(struct deliverer *deliverer, store_key delivery,
                         const struct document_facts *facts)
{
    cleanup_json struct json_object *document = NULL, *env = NULL, *head = NULL;
    cleanup_free char *text = NULL;
    struct hook_job wire = {.id = delivery, .hook = facts->hook};
    size_t size;
    int r = document_build(facts, &document);

    if (r == 0)
        r = json_serialize(document, &text, &size);
    if (r == 0)
        r = document_environment(facts, &env);
    if (r < 0)
        return r;
    wire.env = env;
    r = hook_job_encode(&wire, &head);
    return r < 0 ? r : worker_link_send(deliverer->runner, head, text, size);
}

/* With verify = fetch nothing of a callback reaches a hook; that of a request is not stored as its
 * raw body there, but one that found no request is all there is. */
static bool is_believed(const struct deliverer *deliverer, const struct delivery_facts *facts)
{
    return facts->has_request || !deliverer->config->ingress.verify_fetch;
}

static int send_facts(struct deliverer *deliverer, const struct delivery_facts *facts)
{
    cleanup_json struct json_object *request = NULL;
    struct document_facts document = {
        .event = facts->event,
        .hook = facts->hook,
        .delivery_id = facts->id,
        .attempt = facts->attempt,
        .received_at = facts->received_at,
        .raw = is_believed(deliverer, facts) ? facts->raw : NULL,
        .dead = facts->dead,
    };

    if (facts->has_request) {
        const struct request_record *record = &facts->request;
        int r = document_request(record->id, record->enrichment_id, record->type, record->content,
                                 record->created_at, &request);

        if (r == 0 && facts->event == EVENT_FAILED)
            r = json_add_string(request, "error", record->error);
        if (r < 0)
            return r;
        document.request = request;
        document.result = record->result;
        document.source = record->source;
    }
    return send_document(deliverer, facts->key, &document);
}

static struct run *run_new(const struct deliverer *deliverer, const struct delivery_facts *facts)
{
    const struct hook_config *config = config_hook(deliverer->config, facts->hook);
    struct run *run = config ? calloc(1, sizeof(*run)) : NULL;

    if (!run)
        return NULL;
    run->delivery = facts->key;
    memcpy(run->id, facts->id, sizeof(run->id));
    snprintf(run->hook, sizeof(run->hook), "%s", facts->hook);
    run->backoff_first_ms = config->backoff_first_ms;
    run->backoff_longest_ms = config->backoff_longest_ms;
    run->give_up_ms = config->give_up_ms;
    run->max_attempts = config->max_attempts;
    return run;
}

void deliverer_start(struct deliverer *deliverer, const struct delivery_job *job)
{
    struct delivery_facts facts = {0};
    struct hook_run_state *hook = hooks_find(deliverer, job->hook);
    struct run *run = NULL;
    int r = reader_delivery_facts(deliverer->reader, job->key, &facts);

    if (r == READER_E_NOT_FOUND)
        return; /* erased since it was claimed */
    if (r == 0) {
        run = run_new(deliverer, &facts);
        r = run && hook ? send_facts(deliverer, &facts) : -ENOENT;
    }
    if (r != 0) {
        struct log_field field = {"PRONTO_HOOK", job->hook};

        log_fields(LOG_WARNING, NULL, &field, 1,
                   "delivery could not be given to prontod-runner: %s; it waits",
                   r == -ENOTCONN ? "the runner is not there"
                   : r == -ENOENT ? "the hook left the configuration"
                                  : strerror(-r));
        deliverer_put_back(deliverer, job->key, PUT_BACK_MS);
        free(run);
    } else {
        run->next = deliverer->runs;
        deliverer->runs = run;
        deliverer->n_runs++;
        hook->running++;
    }
    delivery_facts_done(&facts);
}
