/* What the store hands out: requests, callbacks, deliveries and attempts as they are on disk.
 * Everything a record points to is its own; each has a _done() that takes a zeroed one. Not rows: a
 * second engine would fill the same structs. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"
#include "common/uuid.h"
#include "model/words.h"

#include <stddef.h>
#include <stdint.h>

/* Keys are the store's own, grow with time, and are never reused. Outside they are shown as UUIDs
 * (store_id()). */
typedef int64_t store_key;

struct request_record {
    store_key key;
    char id[UUID_TEXT_SIZE];
    enum request_state state;
    enum enrichment_type type;
    char *enrichment_id;                           /* or NULL */
    struct json_object *content;                   /* see model/contact.h */
    int64_t created_at, submitted_at, finished_at; /* 0: not yet */
    struct json_object *result;                    /* normal form, or NULL */
    enum result_source source;
    char *error; /* Pronto's words, or why it waits; or NULL */
    store_key submission;
    int64_t tries;        /* calls to Pronto that were made for it */
    int64_t next_try_at;  /* when queued and waiting, else 0 */
    int64_t next_poll_at; /* when pending, else 0 */
    bool maybe_sent;      /* a call went unanswered: Pronto may have it */
};
void request_record_done(struct request_record *record);

struct callback_record {
    store_key key;
    char id[UUID_TEXT_SIZE];
    enum callback_state state;
    enum callback_reason reason;
    bool differs;                    /* a duplicate with another result than the first */
    char request_id[UUID_TEXT_SIZE]; /* "" : none */
    char *enrichment_id;             /* or NULL */
    int64_t received_at;
    char *client;                /* address, or NULL */
    struct json_object *headers; /* object of strings */
    char *body;                  /* as received; NULL in lists */
    size_t body_size;
};
void callback_record_done(struct callback_record *record);

struct attempt_record {
    int64_t number;
    int64_t started_at, duration_ms;
    int64_t cpu_ms, memory_bytes; /* -1: not known */
    int exit_code;                /* -1: none */
    int signal;                   /* 0: none */
    bool timed_out, interrupted;
    char *error;  /* or NULL */
    char *output; /* the last LIMIT_HOOK_OUTPUT bytes, any bytes; may be NULL */
    size_t output_size;
};
void attempt_record_done(struct attempt_record *record);

struct delivery_record {
    store_key key;
    char id[UUID_TEXT_SIZE];
    enum delivery_state state;
    enum hook_event event;
    char *hook;                                       /* name */
    char request_id[UUID_TEXT_SIZE];                  /* "": none (event unmatched) */
    int64_t created_at, next_attempt_at, finished_at; /* 0: none */
    int64_t since;          /* its age counts from then: created, or last run again by hand */
    bool waits_for_earlier; /* an earlier delivery of the same hook and request is not finished */
    int64_t n_attempts;     /* used up */
    int64_t interruptions;  /* in a row */
    struct attempt_record *attempts; /* newest last, at most the last 100; NULL in lists */
    size_t n_attempt_records;
};
void delivery_record_done(struct delivery_record *record);

struct event_record {
    store_key key;
    char id[UUID_TEXT_SIZE];
    int64_t at;
    const char *name; /* "request.finished", "callback.unmatched", "delivery.dead"; static */
    char request_id[UUID_TEXT_SIZE], delivery_id[UUID_TEXT_SIZE]; /* "": none */
    char *enrichment_id, *hook;                                   /* or NULL */
};
void event_record_done(struct event_record *record);

/* Everything a hook's document is made of. */
struct delivery_facts {
    store_key key;
    char id[UUID_TEXT_SIZE];
    enum hook_event event;
    char *hook;
    int64_t attempt; /* number of the coming attempt, from 1 */
    bool has_request;
    struct request_record request;
    int64_t received_at;      /* of the callback behind it; 0: none */
    struct json_object *raw;  /* its body parsed strictly, or NULL */
    struct json_object *dead; /* event dead: hook, delivery_id, event, attempts, error; else NULL */
};
void delivery_facts_done(struct delivery_facts *facts);
