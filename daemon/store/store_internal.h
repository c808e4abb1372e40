/* What the halves of this room, writing and reading, share. For its files only. */
#pragma once

#include "store/database.h"
#include "store/store.h"

/* Constant while the store is open; any thread. */
const char *store_path(const struct store *store);
uint64_t store_database_number(const struct store *store); /* meta.database_number */
const uint8_t *store_secret(const struct store *store);    /* meta.secret: DIGEST_KEY_BYTES */

/* store_id() and store_key_of() for whoever has no struct store at hand. */
void id_format(uint64_t database_number, enum store_kind kind, store_key key,
               char ret[static UUID_TEXT_SIZE]);

/* Names of events, as numbers in event.name: the state that something entered. */
#define EVENT_NAME_REQUEST  0   /* + enum request_state */
#define EVENT_NAME_CALLBACK 100 /* + enum callback_state */
#define EVENT_NAME_DELIVERY 200 /* + enum delivery_state */
#define EVENT_NAME_PURGED   (EVENT_NAME_DELIVERY + DELIVERY_STATE_MAX_)
/* "request.finished" and so on; static. NULL for a number that is none. */
const char *event_name(int64_t number);

/* Events older than the newest by so many keys are forgotten, some at a time. */
#define EVENTS_KEPT 100000

/* submission.token_digest: what a token is looked up by that was made before schema 6. */
void token_digest(const struct token *token, struct digest *ret);

/* Kinds of rows in the table counter. */
enum counter_kind {
    COUNTER_REQUEST = 0,    /* a: enum request_state, b: enum enrichment_type */
    COUNTER_CALLBACK,       /* a: enum callback_state */
    COUNTER_DIFFERING,      /* duplicates that differ */
    COUNTER_DELIVERY,       /* a: hook.id, b: enum delivery_state */
    COUNTER_REJECTED_BYTES, /* bodies of the rejected callbacks */
    COUNTER_TOMBSTONES,
    COUNTER_LAST_KEY, /* a: enum store_kind, of those whose tables do not count themselves */
};
