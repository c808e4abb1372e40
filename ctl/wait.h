/* Waiting until a request has settled. */
#pragma once

#include "ctl/command.h"

/* Waits at most @timeout_ms (negative: without end) until the request leaves queued and pending.
 * Prints it. Returns EXIT_OK when it finished, EXIT_ERROR when it failed, expired or is not settled
 * in time, and with @submitting EXIT_AUTHENTICATION or EXIT_CREDITS at once when it cannot be sent
 * because the key was refused, or Pronto's credits or the day's are out: the request stays queued. */
int wait_for(struct context *context, const char *id, int64_t timeout_ms, bool submitting);

/* Reads S of --wait=S: seconds, or a duration with a unit. Returns EXIT_OK or the status to end
 * with. */
int wait_parse(const struct context *context, const char *text, int64_t *ret_ms);

/* Why is nothing sent? EXIT_OK: no reason that lasts; else EXIT_AUTHENTICATION or
 * EXIT_CREDITS with the reason in words, borrowed. @status: an answer of GET /v1/status. */
int wait_cannot_submit(struct json_object *status, const char **ret_detail);

/* Of a request in the format that is wanted. */
const struct column *request_columns_of(const struct context *context);
