/* The calls that are under way: curl's multi interface on an sd-event loop. One thread. */
#pragma once

#include "egress/call.h"

#include <systemd/sd-event.h>

/* Each holds a socket and an answer. */
#define LIMIT_CALLS 64

struct client;

/* The call ended: @answer is borrowed for the time of the handler, which may start other calls but
 * not free the client. */
typedef void (*client_done_fn)(int64_t id, const struct call_answer *answer, void *userdata);

/* Returns 0 or a negative errno. */
int client_new(sd_event *loop, client_done_fn done, void *userdata, struct client **ret);
void client_free(struct client *client);

/* Starts a call. Returns 0, after which the handler is called once; -EBUSY with LIMIT_CALLS under
 * way; or what call_new() returns. */
int client_start(struct client *client, const struct egress_job *job, const char *payload,
                 size_t size, const struct call_settings *settings);

/* Drops all calls without telling anybody. */
void client_abort(struct client *client);

size_t client_active(const struct client *client);
