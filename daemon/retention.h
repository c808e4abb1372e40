/* When what is older than the retention is erased: when prontod starts, then every tenth of the
 * retention, at most an hour and at least a second apart. Warns of dead deliveries that will go,
 * and erases nothing while the clock is in doubt. Thread of the main loop; logs. */
#pragma once

#include "store/store.h"

#include <systemd/sd-event.h>

struct retention;

/* @retention_ms 0: nothing is erased for its age. @store and @reader are borrowed and outlive it.
 * Looks for the first time when the loop runs. 0 or a negative errno. */
int retention_new(sd_event *loop, struct store *store, struct store_reader *reader,
                  int64_t retention_ms, struct retention **ret);
/* Looks at once, and while something is being erased once more at the end of that, which knows only
 * the retention it began with. */
void retention_reload(struct retention *retention, int64_t retention_ms);
/* After store_stop(). NULL is fine. */
void retention_free(struct retention *retention);
