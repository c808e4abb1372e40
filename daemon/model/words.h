/* The manual's words as types: states, events, kinds, with their names. Numbers are stored in the
 * database: never renumber, only append. Pure. */
#pragma once

#include <stdbool.h>

#define ENRICHMENT_ID_MAX                                                                          \
    128 /* bytes of Pronto's identifier (a UUID, as far as known); longer ones count as none */

enum enrichment_type {
    ENRICHMENT_EMAIL = 0,
    ENRICHMENT_PHONE,
    ENRICHMENT_PERSONAL_EMAIL,
    ENRICHMENT_MAX_,
    ENRICHMENT_INVALID = -1,
};

/* queued -> pending -> finished | failed | expired; an early callback takes queued straight to
 * finished, and a late result takes expired to finished. Transitions: state_machine.h. */
enum request_state {
    REQUEST_QUEUED = 0,
    REQUEST_PENDING,
    REQUEST_FINISHED,
    REQUEST_FAILED,
    REQUEST_EXPIRED,
    REQUEST_STATE_MAX_,
    REQUEST_STATE_INVALID = -1,
};

enum callback_state {
    CALLBACK_MATCHED = 0,
    CALLBACK_DUPLICATE,
    CALLBACK_UNMATCHED,
    CALLBACK_MISMATCHED,
    CALLBACK_INTERIM,
    CALLBACK_REJECTED,
    CALLBACK_STATE_MAX_,
    CALLBACK_STATE_INVALID = -1,
};

/* Why a callback is what it is: said to the operator, never to the sender. */
enum callback_reason {
    REASON_NONE = 0,
    REASON_NOT_JSON,
    REASON_NOT_OBJECT,
    REASON_TOO_DEEP,
    REASON_NOT_UTF8,
    REASON_NO_REQUEST,    /* unmatched: nobody has asked for this enrichment_id yet */
    REASON_AMBIGUOUS,     /* unmatched: more than one contact of the batch is left */
    REASON_NO_SUCH_NAME,  /* unmatched: no contact of the batch has these names */
    REASON_ENRICHMENT_ID, /* mismatched: another enrichment_id than the request's */
    REASON_CUSTOM,        /* mismatched: another custom than the request's */
    REASON_BY_HAND,       /* matched by an operator */
    REASON_MAX_,
};

enum delivery_state {
    DELIVERY_QUEUED = 0,
    DELIVERY_RUNNING,
    DELIVERY_RETRYING,
    DELIVERY_SUCCEEDED,
    DELIVERY_DEAD,
    DELIVERY_STATE_MAX_,
    DELIVERY_STATE_INVALID = -1,
};

/* What a hook can be run on. */
enum hook_event {
    EVENT_FINISHED = 0,
    EVENT_FAILED,
    EVENT_EXPIRED,
    EVENT_UNMATCHED,
    EVENT_DEAD,
    HOOK_EVENT_MAX_,
    HOOK_EVENT_INVALID = -1,
};

/* Where a result came from. */
enum result_source {
    SOURCE_NONE = 0, /* no result */
    SOURCE_CALLBACK,
    SOURCE_POLL,
    SOURCE_FETCH, /* a GET that a callback triggered (verify = fetch) */
    SOURCE_REUSE, /* another request's result ([pronto] reuse) */
    SOURCE_MAX_,
};

enum hook_mode { HOOK_EXEC = 0, HOOK_STREAM };
enum hook_only { HOOK_ONLY_ANY = 0, HOOK_ONLY_FOUND, HOOK_ONLY_EMPTY };

const char *enrichment_type_name(enum enrichment_type type);
enum enrichment_type enrichment_type_from_name(const char *name);
const char *request_state_name(enum request_state state);
enum request_state request_state_from_name(const char *name);
const char *callback_state_name(enum callback_state state);
enum callback_state callback_state_from_name(const char *name);
const char *callback_reason_name(enum callback_reason reason); /* NULL for REASON_NONE */
const char *delivery_state_name(enum delivery_state state);
enum delivery_state delivery_state_from_name(const char *name);
const char *hook_event_name(enum hook_event event);
enum hook_event hook_event_from_name(const char *name);
const char *result_source_name(enum result_source source); /* NULL for SOURCE_NONE */
