/* The query socket: HTTP/1.1 over a UNIX socket, for people's scripts and prontoctl (the manual,
 * "Query socket"). libmicrohttpd driven by the main loop, without a thread of its own. Peers are
 * checked by SO_PEERCRED. Reads use a read-only connection, so no answer waits behind callbacks
 * that are being stored. Thread of the main loop. */
#pragma once

#include "common/histogram.h"
#include "config/config.h"
#include "store/store.h"

#include <systemd/sd-event.h>

struct query;

/* What came of asking Pronto. */
struct asked {
    int status;         /* 200, else that of the problem */
    const char *kind;   /* of the problem, its member "kind", for who must tell these apart without
                                   reading: "authentication", "rate_limit", "credits", or NULL */
    const char *detail; /* of the problem */
    struct json_object *answer; /* Pronto's, of credits; borrowed */
};
typedef void (*asked_fn)(const struct asked *asked, void *done_userdata);

/* Live state of a hook. */
struct hook_live {
    const char *state;                 /* "ok", "broken", "tripped"; static */
    const char *error;                 /* why it is not ok, or NULL; until the next loop turn */
    int64_t retry_at;                  /* when it is tried again; 0: it is ok */
    const struct histogram *run_times; /* until the next loop turn; NULL: none yet */
};

/* What a hook is to be tried on. */
struct hook_trial {
    store_key request;  /* 0: a sample */
    bool show_document; /* adds "document" to what @done gets */
    const char *why;    /* out, HOOK_TRIAL_UNFIT: why it cannot be run on the request; static */
};
#define HOOK_TRIAL_UNFIT 1

/* What the query socket asks the other rooms; the manager fills it in, so that this room need not
 * know them. */
struct query_backend {
    struct store *store;
    struct store_reader *reader;
    /* Why submitting is impossible now (no API key), or NULL: then POST /v1/requests answers 503
     * with it. Static or until the next loop turn. */
    const char *(*submit_refused)(void *userdata);
    /* Returns 0 or -ENOENT. */
    int (*hook_state)(const char *hook, struct hook_live *ret, void *userdata);
    /* How long callbacks took from their last byte to their answer. */
    void (*answer_times)(struct histogram *ret, void *userdata);
    /* Adds the members "last_minute", "submitting", "egress", "runner", "callback_listener" to the object of GET
     * /v1/status. 0 or -ENOMEM. */
    int (*status)(struct json_object *object, void *userdata);
    /* Runs a hook without storing anything; @done gets NULL when that was impossible, else
     * {"exit_code", "signal", "timed_out", "duration_ms", "error", "output"} (consumed). 0,
     * HOOK_TRIAL_UNFIT with trial->why, -ENOENT, -EBUSY, -ENOTCONN, -ENOMEM. */
    int (*test_hook)(const char *hook, struct hook_trial *trial,
                     void (*done)(struct json_object *outcome, void *done_userdata),
                     void *done_userdata, void *userdata);
    void (*test_hook_cancel)(void *done_userdata, void *userdata);
    /* Asks Pronto for the result of a request, or for the account's credits; @done once, later, and not
     * after ask_cancel(). 0, or -ENOMEM and @done is not called. */
    int (*poll)(store_key request, asked_fn done, void *done_userdata, void *userdata);
    int (*credits)(asked_fn done, void *done_userdata, void *userdata);
    void (*ask_cancel)(void *done_userdata, void *userdata);
    void *userdata;
};

#define QUERY_CONNECTIONS_MAX 256 /* further clients wait in the backlog */
#define QUERY_WAITERS_MAX     128 /* long polls; one more is answered 503 */
#define QUERY_WAIT_MAX_S      3600

/* Takes the listening socket over. @config is borrowed. 0 or a negative errno. */
int query_new(sd_event *loop, const struct config *config, int listen_fd,
              const struct query_backend *backend, struct query **ret);
int query_reload(struct query *query,
                 const struct config *config); /* groups, hooks; 0 or -ENOMEM (the old ones stay) */
/* Requests settled or events were appended: answers who waits for that. */
void query_changed(struct query *query, const struct store_changes *changes);
/* Answers every waiter now, takes no new connection. */
void query_stop(struct query *query);
bool query_is_idle(const struct query *query);
void query_free(struct query *query);

/* The table of routes, for documentation and tests that hold it against the manual. */
struct query_route_doc {
    const char *method, *path, *right, *help; /* right: "read" or "admin" */
    const char *body;                         /* "none", "optional" or "required" */
    const char *const *parameters;            /* NULL-terminated, or NULL; "custom.": custom.KEY */
};
const struct query_route_doc *query_route_docs(size_t *ret_n);
