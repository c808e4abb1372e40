#include "simulator/routes.h"

#include "common/cleanup.h"

#include <string.h>

static const struct route routes[] = {
    {"POST", API_PREFIX "/contacts/single_enrich", api_single, GROUP_SUBMIT},
    {"POST", API_PREFIX "/contacts/bulk_enrich", api_bulk, GROUP_SUBMIT},
    {"GET", API_PREFIX "/contacts/{id}", api_contact, GROUP_POLL},
    {"GET", API_PREFIX "/credits", api_credits, GROUP_ACCOUNT},
    {"GET", API_PREFIX "/account", api_account, GROUP_ACCOUNT},
    {"GET", "/_sim/behaviour", sim_get_behaviour, GROUP_COUNT},
    {"POST", "/_sim/behaviour", sim_post_behaviour, GROUP_COUNT},
    {"DELETE", "/_sim/behaviour", sim_delete_behaviour, GROUP_COUNT},
    {"GET", "/_sim/log", sim_get_log, GROUP_COUNT},
    {"DELETE", "/_sim/log", sim_delete_log, GROUP_COUNT},
    {"POST", "/_sim/callback", sim_post_callback, GROUP_COUNT},
    {"POST", "/_sim/flush", sim_post_flush, GROUP_COUNT},
    {"GET", "/_sim/wait", sim_get_wait, GROUP_COUNT},
};

/* *ret_id is the rest of @path in the place of {id}, or NULL. */
static bool matches(const struct route *route, const char *path, const char **ret_id)
{
    const char *brace = strchr(route->path, '{');
    size_t length = brace ? (size_t)(brace - route->path) : 0;

    *ret_id = NULL;
    if (!brace)
        return strcmp(route->path, path) == 0;
    if (strncmp(route->path, path, length) != 0 || path[length] == '\0' ||
        strchr(path + length, '/'))
        return false;
    *ret_id = path + length;
    return true;
}

void routes_find(struct call *call)
{
    call->api = strncmp(call->path, API_PREFIX "/", sizeof(API_PREFIX)) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        const char *id;

        if (!matches(&routes[i], call->path, &id))
            continue;
        if (strcmp(routes[i].method, call->method) == 0) {
            call->route = &routes[i];
            call->id = id;
            call->answer.allow = NULL;
            return;
        }
        if (!call->answer.allow)
            call->answer.allow = routes[i].method;
    }
}

int routes_dispatch(struct sim *sim, struct call *call)
{
    if (!call->route)
        return call->answer.allow
                   ? answer_error(&call->answer, MHD_HTTP_METHOD_NOT_ALLOWED, "Method not allowed")
                   : answer_error(&call->answer, MHD_HTTP_NOT_FOUND, "Not found");
    if (call->too_large)
        return answer_error(&call->answer, MHD_HTTP_CONTENT_TOO_LARGE, "The body is too large");
    return call->api ? api_call(sim, call) : call->route->handler(sim, call);
}
