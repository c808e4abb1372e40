/* What the halves of this room, writing and reading, share. For its files only. */
#pragma once

#include "store/database.h"
#include "store/store.h"

/* Constant while the store is open; any thread. */
const char *store_path(const struct store *store);
uint64_t store_database_number(const struct store *store); /* meta.database_number */

/* store_id() and store_key_of() for whoever has no struct store at hand. */
void id_format(uint64_t database_number, enum store_kind kind, store_key key,
               char ret[static UUID_TEXT_SIZE]);

/* Names of events, as numbers in event.name: the state that something entered. */
#define EVENT_NAME_REQUEST  0   /* + enum request_state */
#define EVENT_NAME_CALLBACK 100 /* + enum callback_state */
#define EVENT_NAME_DELIVERY 200 /* + enum delivery_state */
/* "request.finished" and so on; static. NULL for a number that is none. */
const char *event_name(int64_t number);

/* The newest so many events are kept, at least. */
#define EVENTS_KEPT 100000
