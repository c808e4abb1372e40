#include "query/routes.h"

#include "common/cleanup.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

static const char *const list_requests[] = {
    "state", "enrichment_type", "enrichment_id", "custom.", "idempotency_key",
    "since", "until",           "limit",         "after",   NULL};
static const char *const show_request[] = {"wait", NULL};
static const char *const list_callbacks[] = {"state", "limit", "after", NULL};
static const char *const list_deliveries[] = {"state", "event", "hook",  "request_id", "since",
                                              "until", "limit", "after", NULL};
static const char *const show_events[] = {"since", NULL};

/* Rows of one path stand together; literal paths before patterns that match them too. */
static const struct route routes[] = {
    {"POST", "/v1/requests", PEER_ADMIN, BODY_OBJECT_OR_ARRAY, requests_submit, NULL,
     "submits a contact, or an array of up to 100 as a batch"},
    {"GET", "/v1/requests", PEER_READ, BODY_NONE, requests_list, list_requests,
     "lists requests, newest first"},
    {"POST", "/v1/requests/register", PEER_ADMIN, BODY_OBJECT, requests_register, NULL,
     "expects the callback of a request that other software submitted"},
    {"GET", "/v1/requests/{id}", PEER_READ, BODY_NONE, requests_show, show_request,
     "shows a request with result, callbacks and deliveries; wait=SECONDS waits for the result"},
    {"DELETE", "/v1/requests/{id}", PEER_ADMIN, BODY_NONE, requests_erase, NULL,
     "erases a request and everything of the person"},
    {"POST", "/v1/requests/{id}/poll", PEER_ADMIN, BODY_NONE, requests_poll, NULL,
     "asks Pronto for the result now"},
    {"POST", "/v1/forget", PEER_ADMIN, BODY_OBJECT, requests_forget, NULL,
     "erases a person by request_id, enrichment_id, linkedin_url or email"},
    {"GET", "/v1/callbacks", PEER_READ, BODY_NONE, callbacks_list, list_callbacks,
     "lists callbacks, newest first"},
    {"GET", "/v1/callbacks/{id}", PEER_READ, BODY_NONE, callbacks_show, NULL,
     "shows a callback with its body as received"},
    {"POST", "/v1/callbacks/{id}/match", PEER_ADMIN, BODY_OBJECT, callbacks_match, NULL,
     "matches a callback to a request by hand"},
    {"GET", "/v1/deliveries", PEER_READ, BODY_NONE, deliveries_list, list_deliveries,
     "lists deliveries, newest first"},
    {"POST", "/v1/deliveries/retry", PEER_ADMIN, BODY_OBJECT, deliveries_retry_all, NULL,
     "runs dead deliveries again: all, or those that a filter finds"},
    {"GET", "/v1/deliveries/{id}", PEER_READ, BODY_NONE, deliveries_show, NULL,
     "shows a delivery with its attempts"},
    {"POST", "/v1/deliveries/{id}/retry", PEER_ADMIN, BODY_OBJECT_OR_NOTHING, deliveries_retry,
     NULL, "runs a delivery again"},
    {"GET", "/v1/hooks", PEER_READ, BODY_NONE, hooks_list, NULL,
     "lists the hooks and their counts"},
    {"POST", "/v1/hooks/{name}/test", PEER_ADMIN, BODY_OBJECT_OR_NOTHING, hooks_test, NULL,
     "runs a hook on a sample document or a stored request, storing nothing"},
    {"POST", "/v1/hooks/{name}/pause", PEER_ADMIN, BODY_NONE, hooks_pause, NULL,
     "starts nothing of a hook until it is resumed"},
    {"POST", "/v1/hooks/{name}/resume", PEER_ADMIN, BODY_NONE, hooks_resume, NULL,
     "lets a hook go on"},
    {"POST", "/v1/hooks/{name}/purge", PEER_ADMIN, BODY_NONE, hooks_purge, NULL,
     "deletes what a hook that left the configuration did not finish"},
    {"GET", "/v1/credits", PEER_READ, BODY_NONE, credits_show, NULL,
     "shows Pronto's credits and what was spent today"},
    {"GET", "/v1/events", PEER_READ, BODY_NONE, events_show, show_events,
     "streams events, one line each"},
    {"GET", "/v1/status", PEER_READ, BODY_NONE, status_show, NULL, "shows counts, ages and states"},
    {"GET", "/metrics", PEER_READ, BODY_NONE, metrics_show, NULL,
     "shows counts in the text format of Prometheus"},
};

static bool path_matches(const char *pattern, const char *path, struct route_match *ret)
{
    ret->id = NULL;
    while (*pattern && *path) {
        if (*pattern == '{') {
            ret->id = path;
            ret->id_size = strcspn(path, "/");
            if (ret->id_size == 0)
                return false;
            path += ret->id_size;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

static bool serves(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void allow_add(char *allow, size_t size, const char *method)
{
    size_t used = strlen(allow);

    snprintf(allow + used, size - used, "%s%s%s", used > 0 ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum route_result route_find(const char *method, const char *path, struct route_match *ret)
{
    struct route_match match = {.route = NULL};
    size_t i = 0;
    const char *pattern;

    while (i < ARRAY_SIZE(routes) && !path_matches(routes[i].path, path, &match))
        i++;
    if (i == ARRAY_SIZE(routes))
        return ROUTE_E_PATH;
    pattern = routes[i].path;
    for (; i < ARRAY_SIZE(routes) && strcmp(routes[i].path, pattern) == 0; i++) {
        if (serves(&routes[i], method))
            match.route = &routes[i];
        allow_add(match.allow, sizeof(match.allow), routes[i].method);
    }
    *ret = match;
    return match.route ? ROUTE_OK : ROUTE_E_METHOD;
}

static const char *body_word(enum route_body body)
{
    if (body == BODY_NONE)
        return "none";
    return body == BODY_OBJECT_OR_NOTHING ? "optional" : "required";
}

const struct query_route_doc *query_route_docs(size_t *ret_n)
{
    static struct query_route_doc docs[ARRAY_SIZE(routes)];

    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        docs[i] =
            (struct query_route_doc){.method = routes[i].method,
                                     .path = routes[i].path,
                                     .right = routes[i].right == PEER_ADMIN ? "admin" : "read",
                                     .help = routes[i].help,
                                     .body = body_word(routes[i].body),
                                     .parameters = routes[i].parameters};
    *ret_n = ARRAY_SIZE(routes);
    return docs;
}
