#include "model/words.h"

#include "common/cleanup.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const enrichment_types[] = {
    [ENRICHMENT_EMAIL] = "email",
    [ENRICHMENT_PHONE] = "phone",
    [ENRICHMENT_PERSONAL_EMAIL] = "personal_email",
};

static const char *const request_states[] = {
    [REQUEST_QUEUED] = "queued", [REQUEST_PENDING] = "pending", [REQUEST_FINISHED] = "finished",
    [REQUEST_FAILED] = "failed", [REQUEST_EXPIRED] = "expired",
};

static const char *const callback_states[] = {
    [CALLBACK_MATCHED] = "matched",     [CALLBACK_DUPLICATE] = "duplicate",
    [CALLBACK_UNMATCHED] = "unmatched", [CALLBACK_MISMATCHED] = "mismatched",
    [CALLBACK_INTERIM] = "interim",     [CALLBACK_REJECTED] = "rejected",
};

static const char *const callback_reasons[] = {
    [REASON_NONE] = NULL,
    [REASON_NOT_JSON] = "not_json",
    [REASON_NOT_OBJECT] = "not_object",
    [REASON_TOO_DEEP] = "too_deep",
    [REASON_NOT_UTF8] = "not_utf8",
    [REASON_NO_REQUEST] = "no_request",
    [REASON_AMBIGUOUS] = "ambiguous",
    [REASON_NO_SUCH_NAME] = "no_such_name",
    [REASON_ENRICHMENT_ID] = "enrichment_id",
    [REASON_CUSTOM] = "custom",
    [REASON_BY_HAND] = "by_hand",
};

static const char *const delivery_states[] = {
    [DELIVERY_QUEUED] = "queued",     [DELIVERY_RUNNING] = "running",
    [DELIVERY_RETRYING] = "retrying", [DELIVERY_SUCCEEDED] = "succeeded",
    [DELIVERY_DEAD] = "dead",
};

static const char *const hook_events[] = {
    [EVENT_FINISHED] = "finished",   [EVENT_FAILED] = "failed", [EVENT_EXPIRED] = "expired",
    [EVENT_UNMATCHED] = "unmatched", [EVENT_DEAD] = "dead",
};

static const char *const result_sources[] = {
    [SOURCE_NONE] = NULL,     [SOURCE_CALLBACK] = "callback", [SOURCE_POLL] = "poll",
    [SOURCE_FETCH] = "fetch", [SOURCE_REUSE] = "reuse",
};

static_assert(ARRAY_SIZE(enrichment_types) == ENRICHMENT_MAX_, "a type without a name");
static_assert(ARRAY_SIZE(request_states) == REQUEST_STATE_MAX_, "a state without a name");
static_assert(ARRAY_SIZE(callback_states) == CALLBACK_STATE_MAX_, "a state without a name");
static_assert(ARRAY_SIZE(callback_reasons) == REASON_MAX_, "a reason without a name");
static_assert(ARRAY_SIZE(delivery_states) == DELIVERY_STATE_MAX_, "a state without a name");
static_assert(ARRAY_SIZE(hook_events) == HOOK_EVENT_MAX_, "an event without a name");
static_assert(ARRAY_SIZE(result_sources) == SOURCE_MAX_, "a source without a name");

static const char *name_of(const char *const *names, size_t n, int value)
{
    return value >= 0 && (size_t)value < n ? names[value] : NULL;
}

/* -1 is the ..._INVALID of every enumeration. */
static int value_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name != NULL && i < n; i++)
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *enrichment_type_name(enum enrichment_type type)
{
    return name_of(enrichment_types, ARRAY_SIZE(enrichment_types), type);
}

enum enrichment_type enrichment_type_from_name(const char *name)
{
    return value_of(enrichment_types, ARRAY_SIZE(enrichment_types), name);
}

const char *request_state_name(enum request_state state)
{
    return name_of(request_states, ARRAY_SIZE(request_states), state);
}

enum request_state request_state_from_name(const char *name)
{
    return value_of(request_states, ARRAY_SIZE(request_states), name);
}

const char *callback_state_name(enum callback_state state)
{
    return name_of(callback_states, ARRAY_SIZE(callback_states), state);
}

enum callback_state callback_state_from_name(const char *name)
{
    return value_of(callback_states, ARRAY_SIZE(callback_states), name);
}

const char *callback_reason_name(enum callback_reason reason)
{
    return name_of(callback_reasons, ARRAY_SIZE(callback_reasons), (int)reason);
}

const char *delivery_state_name(enum delivery_state state)
{
    return name_of(delivery_states, ARRAY_SIZE(delivery_states), state);
}

enum delivery_state delivery_state_from_name(const char *name)
{
    return value_of(delivery_states, ARRAY_SIZE(delivery_states), name);
}

const char *hook_event_name(enum hook_event event)
{
    return name_of(hook_events, ARRAY_SIZE(hook_events), event);
}

enum hook_event hook_event_from_name(const char *name)
{
    return value_of(hook_events, ARRAY_SIZE(hook_events), name);
}

const char *result_source_name(enum result_source source)
{
    return name_of(result_sources, ARRAY_SIZE(result_sources), (int)source);
}
