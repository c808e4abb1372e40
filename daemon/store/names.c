#include "store/store_internal.h"

#include "common/cleanup.h"

#include <assert.h>
#include <errno.h>

static const char *const request_events[] = {
    [REQUEST_QUEUED] = "request.queued",     [REQUEST_PENDING] = "request.pending",
    [REQUEST_FINISHED] = "request.finished", [REQUEST_FAILED] = "request.failed",
    [REQUEST_EXPIRED] = "request.expired",
};

static const char *const callback_events[] = {
    [CALLBACK_MATCHED] = "callback.matched",     [CALLBACK_DUPLICATE] = "callback.duplicate",
    [CALLBACK_UNMATCHED] = "callback.unmatched", [CALLBACK_MISMATCHED] = "callback.mismatched",
    [CALLBACK_INTERIM] = "callback.interim",     [CALLBACK_REJECTED] = "callback.rejected",
};

static const char *const delivery_events[] = {
    [DELIVERY_QUEUED] = "delivery.queued",     [DELIVERY_RUNNING] = "delivery.running",
    [DELIVERY_RETRYING] = "delivery.retrying", [DELIVERY_SUCCEEDED] = "delivery.succeeded",
    [DELIVERY_DEAD] = "delivery.dead",         [DELIVERY_STATE_MAX_] = "delivery.purged",
};

static_assert(ARRAY_SIZE(request_events) == REQUEST_STATE_MAX_, "a state without an event");
static_assert(ARRAY_SIZE(callback_events) == CALLBACK_STATE_MAX_, "a state without an event");
static_assert(ARRAY_SIZE(delivery_events) == DELIVERY_STATE_MAX_ + 1, "a state without an event");

static const char *pick(const char *const *names, int64_t n, int64_t index)
{
    return index >= 0 && index < n ? names[index] : NULL;
}

const char *event_name(int64_t number)
{
    if (number >= EVENT_NAME_DELIVERY)
        return pick(delivery_events, ARRAY_SIZE(delivery_events), number - EVENT_NAME_DELIVERY);
    if (number >= EVENT_NAME_CALLBACK)
        return pick(callback_events, CALLBACK_STATE_MAX_, number - EVENT_NAME_CALLBACK);
    return pick(request_events, REQUEST_STATE_MAX_, number - EVENT_NAME_REQUEST);
}

void id_format(uint64_t database_number, enum store_kind kind, store_key key,
               char ret[static UUID_TEXT_SIZE])
{
    struct uuid id;

    uuid_from_key(key, (unsigned)kind, database_number, &id);
    uuid_format(&id, ret);
}

void store_id(const struct store *store, enum store_kind kind, store_key key,
              char ret[static UUID_TEXT_SIZE])
{
    id_format(store_database_number(store), kind, key, ret);
}

int store_key_of(const struct store *store, enum store_kind kind, const char *id, store_key *ret)
{
    struct uuid uuid;
    int64_t key;

    if (uuid_parse(id, &uuid) < 0 ||
        !uuid_to_key(&uuid, (unsigned)kind, store_database_number(store), &key))
        return -EINVAL;
    *ret = key;
    return 0;
}

void token_digest(const struct token *token, struct digest *ret)
{
    struct digest_part part = {token->bytes, sizeof(token->bytes)};

    digest_compute(NULL, &part, 1, ret);
}
