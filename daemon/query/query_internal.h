/* What the files of this room share. Everything runs on the thread of the main loop. */
#pragma once

#include "common/json.h"
#include "query/json_build.h"
#include "query/params.h"
#include "query/peer.h"
#include "query/query.h"
#include "query/routes.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>

struct call;
LIST_HEAD(calls, call);

/* Connections of users without any right: they get to read their 403, and no more than these places
 * of QUERY_CONNECTIONS_MAX. */
#define QUERY_STRANGERS_MAX 16

/* A connection on which nothing moves is closed after so long; one that waits for us is not. */
#define QUERY_IDLE_S 60

/* A body beyond the limit is read and thrown away up to this size, so that the client gets to read
 * its 413; a larger one is cut off. */
#define QUERY_BODY_MAX    ((size_t)LIMIT_QUERY_BODY)
#define QUERY_DISCARD_MAX (QUERY_BODY_MAX * 8)

struct query {
    sd_event *loop;
    struct MHD_Daemon *daemon;
    const struct config *config;
    struct query_backend backend;
    struct peers peers;
    sd_event_source *io, *timer;
    struct calls calls; /* HTTP requests under way */
    struct calls waiters;
    unsigned n_connections, n_strangers, n_waiters, n_busy;
    int64_t started_boot_ms;
    int64_t n_calls, n_refused, n_waiters_refused; /* since start */
    int64_t last_array_at; /* time of the newest array with keys of its own */
    store_key last_event;  /* the newest that was seen; no one is older */
    bool stopping;
};

/* Gives the library its turn when something was resumed; called by whoever resumes. */
void query_turn(struct query *query);

struct answer {
    int status;       /* 0: none yet */
    const char *type; /* Content-Type; static */
    char *body;       /* owned */
    size_t size;
    char allow[48]; /* of a 405 */
};

enum call_stage {
    CALL_HEADER = 0,
    CALL_BODY,    /* collecting it */
    CALL_DISCARD, /* the answer is known; the body is read to its end and thrown away */
    CALL_STEPS,   /* the whole request is here: steps run until there is an answer */
};

/* What a step returns beside 0 (call->answer is set) and a negative errno (answered 503). */
#define CALL_WAITS 1 /* until call_resume(); then call->step runs */

/* One HTTP request. Held by its connection, and beside it by the store while that has its command
 * and by a response that is streamed. */
struct call {
    struct query *query;
    struct MHD_Connection *connection; /* NULL: it is over; only the command is waited for */
    int references;
    LIST_ENTRY(call) link;
    enum call_stage stage;
    const struct route *route;
    char *path;
    const char *id; /* decoded, in path; NULL when the route has none */
    struct params params;
    bool head;
    char *body;
    size_t size, capacity;
    struct json_object *json; /* the body as parsed, or NULL */
    int (*step)(struct call *call);
    struct answer answer;

    /* waiting */
    bool suspended, woken, busy;
    bool waits; /* in query->waiters, with a timer and a watch for a client that hangs up */
    bool gone;  /* it hung up, or its time is over, or we stop: no more waiting */
    LIST_ENTRY(call) waiters_link;
    sd_event_source *timer, *hangup;
    store_key key; /* of the request, callback or delivery it is about */
    bool testing;  /* the backend has us as done_userdata of a test */
    bool asking;   /* likewise of what it asks Pronto */
    struct json_object *outcome;
    struct stream *stream; /* GET /v1/events */

    /* the store's while suspended for it */
    union {
        struct store_command base;
        struct store_submit submit;
        struct store_register registration;
        struct store_retry retry;
        struct store_pause_hook pause;
        struct store_purge_hook purge;
        struct store_match match;
        struct store_erase erase;
        struct store_forget forget;
    } command;
    struct forgetting *forgetting;
    struct contact *contacts;
    size_t n_contacts;
    struct idempotency *idempotency; /* NULL, or one for each contact */
    char *enrichment_id;
};

/* connection.c: the library's callbacks, and the life of a call. */
void *call_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result call_handle(void *cls, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload_data,
                            size_t *upload_data_size, void **con_cls);
void call_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode code);
void call_unref(struct call *call);
/* -1 when it is not known. */
int call_fd(const struct call *call);

/* waiting.c */
/* The next step runs soon. */
void call_resume(struct call *call);
/* Gives the command, whose parameters are filled, to the store; then @then runs. Returns CALL_WAITS
 * or what an answer returns. */
int call_post(struct call *call, enum store_command_kind kind, int (*then)(struct call *call));
/* A store that did not do it, in words; texts may be NULL where they cannot be. */
struct refusals {
    const char *not_found, *conflict, *state;
};
int call_refused(struct call *call, const struct refusals *refusals);
/* Waits until the request call->key settles (or events come, for a stream), the client hangs up, we
 * stop, or @wait_us is over. CALL_WAITS, or what an answer returns: 503 when too many wait. */
int call_wait(struct call *call, uint64_t wait_us);
void call_wait_end(struct call *call);
/* Whoever waits for the request looks again. */
void waiters_wake(struct query *query, const store_key *keys, size_t n);
void waiters_end(struct query *query);
/* The backend forgets a call that it tests a hook or asks Pronto for. True when there was one. */
bool call_cancel(struct call *call);

/* answer.c: each returns 0 with call->answer set, or -ENOMEM. */
int answer_json(struct call *call, int status, struct json_object *object); /* consumed */
int answer_text(struct call *call, int status, const char *type, char *text,
                size_t size); /* consumed */
int answer_problem(struct call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* @problem: of problem_object(), with members of its own; consumed. */
int answer_problem_object(struct call *call, int status, struct json_object *problem);
enum MHD_Result answer_send(struct call *call);
/* Without memory for anything else. */
enum MHD_Result answer_send_exhausted(struct MHD_Connection *connection);

/* ask.c */
/* Adds the figures of today (UTC): "day", "reserved", "spent", "daily_credits", "prices". */
void credits_build(const struct query *query, const struct store_counts *counts,
                   struct builder *builder);

/* events.c */
struct MHD_Response *stream_response(struct call *call);
void stream_wake(struct call *call);
void stream_free(struct stream *stream);

/* forget.c; NULL is fine. */
void forgetting_free(struct forgetting *forgetting);

/* lists.c: what all lists have in common. */
/* Times of creation, or of an end: at or after, and before. What is wrong, or NULL; texts may be
 * NULL. *ret_since 0: open, *ret_until 0: open. */
const char *times_read(const char *since, const char *until, int64_t *ret_since,
                       int64_t *ret_until);

struct page {
    const char *after; /* or NULL */
    size_t limit;
};
/* 0; or CALL_WAITS never: a positive value when the answer is a problem already; or -ENOMEM. */
#define PAGE_ANSWERED 2
int page_read(struct call *call, struct page *ret);
/* {"items": @items, "next": @next}; consumes @items. */
int page_answer(struct call *call, struct json_object *items, const char *next);
/* What a list of the reader ended with, as a problem or an error. */
int page_refused(struct call *call, int result);
