/* One call under way, from its headers to the end of its answer. Calls that cannot be answered yet
 * are suspended, and main's thread wakes them. */
#pragma once

#include "simulator/answer.h"
#include "simulator/record.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request body beyond this is answered 413. */
#define LIMIT_CALL_BODY ((size_t)8 * 1024 * 1024)

struct call;
struct route;
struct sim;

/* Makes an answer; with the mutex held. Returns 0 or a negative errno. */
typedef int (*call_handler)(struct sim *sim, struct call *call);

struct call {
    struct sim *sim;
    struct MHD_Connection *connection;
    uint64_t number; /* from 1 */
    char *method;
    char *path;
    const char *id; /* what stands for {id} in the route's path; points into path */
    const struct route *route;
    bool api;     /* a call of the API */
    bool open;    /* counts among those under way */
    int64_t rate; /* calls of the API in the second up to this one */
    bool noted;   /* in the log */
    char *body;
    size_t size;
    bool too_large;
    bool dispatched;

    /* Why it is not answered yet. */
    bool suspended;
    bool abandoned; /* the client went away */
    bool hang;
    int64_t not_before;          /* CLOCK_BOOTTIME */
    unsigned awaited_callbacks;  /* see server_release_call() */
    int64_t wanted[COUNT_COUNT]; /* counts to be reached, until wanted_until */
    bool wanted_idle;
    int64_t wanted_until;
    call_handler complete; /* makes the answer then; NULL: it is made already */

    long callback_status; /* of the last awaited callback */
    char *callback_answer;
    char *callback_error;

    struct answer answer;
    size_t dripped;
    int64_t next_drip;
    struct call *previous, *next;
};

/* Returns 0 or -ENOMEM. */
int call_new(struct sim *sim, struct MHD_Connection *connection, const char *method,
             const char *path, struct call **ret);
void call_free(struct call *call);

/* Appends to the body. Returns 0 or -ENOMEM. */
int call_take_body(struct call *call, const char *data, size_t size);

/* What calls may wait for. */
struct progress {
    const int64_t *counts; /* COUNT_COUNT of them */
    bool idle;             /* no callback waits or is sent, and no call of the API is under way */
};

/* Whether what the call waits for is reached. */
bool call_is_satisfied(const struct call *call, const struct progress *progress);

/* Whether it need not wait any longer. */
bool call_is_ready(const struct call *call, const struct progress *progress, int64_t now);

/* When it must be looked at again, of itself; INT64_MAX: never. */
int64_t call_due(const struct call *call, int64_t now);

/* A call of the API begins, when its header is there, and is over for the counts: before the client
 * can have the whole answer, so that its next call is never counted beside this one. */
void call_begin(struct call *call, struct record *record);
void call_end(struct call *call, struct record *record);

/* Whether the other side has closed the connection. */
bool call_is_hung_up(const struct call *call);

/* A header or a query parameter of it; NULL when absent. Borrowed. */
const char *call_header(const struct call *call, const char *name);
const char *call_query(const struct call *call, const char *name);
