/* Which state may follow which, as tables. The store asks before each change and refuses what is not in them. Pure.
 *
 * request    queued -----> pending -----> finished         callback  (born in its final state, but:)
 *              |  \           |  \------> expired --\                 unmatched ---> matched | duplicate
 *              |   \-> failed  \--------> failed  --- \               mismatched --> matched | duplicate  (by hand)
 *              \----------------> finished <----------/
 *            (a result that comes after all finishes an expired and a failed one, too: a call that Pronto did not answer may have been
 *            accepted before another one was refused)
 *
 * delivery   queued -> running -> succeeded
 *               ^         |  \--> dead ------> queued   (retried by hand; so may a succeeded one)
 *               |         v
 *               |      retrying -> running
 *               \------ running   (interrupted: runs again at once)
 */
#pragma once

#include "model/words.h"

bool request_may_become(enum request_state from, enum request_state to);
bool callback_may_become(enum callback_state from, enum callback_state to);
bool delivery_may_become(enum delivery_state from, enum delivery_state to);

/* No result can be waited for any longer: finished, failed, expired. */
static inline bool request_state_is_final(enum request_state state)
{
    return state != REQUEST_QUEUED && state != REQUEST_PENDING;
}
