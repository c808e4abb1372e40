/* The calls of the query socket as a table: one row each. Matching, rights, parameters, 405 and the
 * documentation read the same rows. Pure. */
#pragma once

#include "query/peer.h"

#include <stdbool.h>
#include <stddef.h>

struct call;

enum route_body {
    BODY_NONE = 0, /* whatever comes is not looked at */
    BODY_OBJECT,
    BODY_OBJECT_OR_ARRAY,
    BODY_OBJECT_OR_NOTHING,
};

struct route {
    const char *method, *path; /* a segment "{...}" of the path is any one, and becomes call->id */
    enum peer_right right;
    enum route_body body;
    int (*run)(struct call *call);
    const char *const *parameters; /* names for params_unwanted(), or NULL */
    const char *help;
};

enum route_result {
    ROUTE_OK = 0,
    ROUTE_E_PATH,   /* 404 */
    ROUTE_E_METHOD, /* 405 */
};

struct route_match {
    const struct route *route;
    const char *id; /* in the path, still encoded; NULL when the route has none */
    size_t id_size;
    char allow[48]; /* ROUTE_E_METHOD: the methods of the path */
};

/* @path: as sent, without parameters. HEAD is served by GET. Literal paths go before patterns. */
enum route_result route_find(const char *method, const char *path, struct route_match *ret);

/* The handlers, in the order of the table. Each returns 0 with call->answer set, CALL_WAITS, or a
 * negative errno. */
int requests_submit(struct call *call);
int requests_register(struct call *call);
int requests_list(struct call *call);
int requests_show(struct call *call);
int requests_erase(struct call *call);
int requests_poll(struct call *call);
int requests_forget(struct call *call);
int callbacks_list(struct call *call);
int callbacks_show(struct call *call);
int callbacks_match(struct call *call);
int deliveries_list(struct call *call);
int deliveries_show(struct call *call);
int deliveries_retry(struct call *call);
int deliveries_retry_all(struct call *call);
int hooks_list(struct call *call);
int hooks_test(struct call *call);
int credits_show(struct call *call);
int hooks_pause(struct call *call);
int hooks_resume(struct call *call);
int hooks_purge(struct call *call);
int events_show(struct call *call);
int status_show(struct call *call);
int metrics_show(struct call *call);
