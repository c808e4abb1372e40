/* A delivery was erased while it ran. Its hook has the document already; it is told to end, and what
 * it ends with is stored nowhere. */
#include "delivery/deliverer_internal.h"

#include "common/log.h"

#include <string.h>

void deliverer_cancel(struct deliverer *deliverer, store_key delivery)
{
    cleanup_json struct json_object *head = NULL;
    struct run *run = runs_find(deliverer, delivery);
    int r;

    if (!run)
        return;
    run->cancelled = true;
    r = hook_cancel_encode(delivery, &head);
    if (r == 0 && worker_link_is_up(deliverer->runner))
        r = worker_link_send(deliverer->runner, head, NULL, 0);
    if (r < 0)
        log_error("cannot stop the hook of an erased delivery: %s; it goes on until it ends",
                  strerror(-r));
}
