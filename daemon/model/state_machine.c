/* The arrows of the drawing in the header, one row for each state that can be left. A state never
 * follows itself: nothing would change, and who asks for that has read the state too early. */
#include "model/state_machine.h"

#define TO(state) (1U << (state))

static const unsigned request_next[REQUEST_STATE_MAX_] = {
    [REQUEST_QUEUED] = TO(REQUEST_PENDING) | TO(REQUEST_FINISHED) | TO(REQUEST_FAILED),
    [REQUEST_PENDING] = TO(REQUEST_FINISHED) | TO(REQUEST_FAILED) | TO(REQUEST_EXPIRED),
    /* A result that comes after all is never thrown away: it was paid for. */
    [REQUEST_FAILED] = TO(REQUEST_FINISHED),
    [REQUEST_EXPIRED] = TO(REQUEST_FINISHED),
};

static const unsigned callback_next[CALLBACK_STATE_MAX_] = {
    [CALLBACK_UNMATCHED] = TO(CALLBACK_MATCHED) | TO(CALLBACK_DUPLICATE),
    [CALLBACK_MISMATCHED] = TO(CALLBACK_MATCHED) | TO(CALLBACK_DUPLICATE),
};

static const unsigned delivery_next[DELIVERY_STATE_MAX_] = {
    [DELIVERY_QUEUED] = TO(DELIVERY_RUNNING),
    [DELIVERY_RUNNING] =
        TO(DELIVERY_QUEUED) | TO(DELIVERY_RETRYING) | TO(DELIVERY_SUCCEEDED) | TO(DELIVERY_DEAD),
    [DELIVERY_RETRYING] = TO(DELIVERY_RUNNING),
    [DELIVERY_SUCCEEDED] = TO(DELIVERY_QUEUED),
    [DELIVERY_DEAD] = TO(DELIVERY_QUEUED),
};

static bool may_become(const unsigned *next, int n, int from, int to)
{
    return from >= 0 && from < n && to >= 0 && to < n && (next[from] & TO(to)) != 0;
}

bool request_may_become(enum request_state from, enum request_state to)
{
    return may_become(request_next, REQUEST_STATE_MAX_, from, to);
}

bool callback_may_become(enum callback_state from, enum callback_state to)
{
    return may_become(callback_next, CALLBACK_STATE_MAX_, from, to);
}

bool delivery_may_become(enum delivery_state from, enum delivery_state to)
{
    return may_become(delivery_next, DELIVERY_STATE_MAX_, from, to);
}
