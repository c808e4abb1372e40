#include "model/document.h"

#include <errno.h>

static int add_shared(struct json_object *to, const char *key, struct json_object *value)
{
    return json_add(to, key, value != NULL ? json_object_get(value) : NULL);
}

int document_request(const char *id, const char *enrichment_id, enum enrichment_type type,
                     struct json_object *content, int64_t created_at, struct json_object **ret)
{
    static const char *const members[] = {"firstname",    "lastname",     "domain",
                                          "company_name", "linkedin_url", "custom"};
    cleanup_json struct json_object *request = json_object_new_object();
    int r = request != NULL ? json_add_string(request, "id", id) : -ENOMEM;

    if (r == 0)
        r = json_add_string(request, "enrichment_id", enrichment_id);
    if (r == 0)
        r = json_add_string(request, "enrichment_type", enrichment_type_name(type));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
        r = add_shared(request, members[i], json_get(content, members[i]));
    if (r == 0)
        r = json_add_time(request, "created_at", created_at);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(request);
    return 0;
}

static int add_head(struct json_object *document, const struct document_facts *facts)
{
    int r = json_add_string(document, "event", hook_event_name(facts->event));

    if (r == 0)
        r = json_add_string(document, "hook", facts->hook);
    if (r == 0)
        r = json_add_string(document, "delivery_id", facts->delivery_id);
    if (r == 0)
        r = json_add_int64(document, "attempt", facts->attempt);
    return r;
}

static int add_body(struct json_object *document, const struct document_facts *facts)
{
    int r = add_shared(document, "request", facts->request);

    if (r == 0)
        r = add_shared(document, "result", facts->result);
    if (r == 0)
        r = json_add_string(document, "source", result_source_name(facts->source));
    if (r == 0)
        r = json_add_time(document, "received_at", facts->received_at);
    if (r == 0)
        r = add_shared(document, "raw", facts->raw);
    if (r == 0 && facts->event == EVENT_DEAD)
        r = add_shared(document, "dead", facts->dead);
    return r;
}

int document_build(const struct document_facts *facts, struct json_object **ret)
{
    cleanup_json struct json_object *document = json_object_new_object();
    int r = document != NULL ? add_head(document, facts) : -ENOMEM;

    if (r == 0)
        r = add_body(document, facts);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(document);
    return 0;
}
