/* Records of the store as the manual shows them ("JSON of the query socket"). Each returns a new
 * object, or NULL: out of memory. Values of the record are shared, not copied: one thread. Pure. */
#pragma once

#include "config/config.h"
#include "query/json_build.h"
#include "query/query.h"
#include "store/store.h"

/* A request as lists and answers have it. */
struct json_object *json_request(const struct request_record *record);
/* Beside it what GET /v1/requests/{id} adds; the arrays are consumed, and may be NULL when they
 * could not be made. */
struct json_object *json_request_whole(const struct request_record *record,
                                       struct json_object *callbacks,
                                       struct json_object *deliveries);
/* @whole: with the body. */
struct json_object *json_callback(const struct callback_record *record, bool whole);
/* @config: of the hooks. @attempts: how many of the last ones; negative: the member is left out. */
struct json_object *json_delivery(const struct delivery_record *record, const struct config *config,
                                  int attempts);
struct json_object *json_event(const struct event_record *record);

/* @config NULL: it left the configuration. */
struct json_object *json_hook(const char *name, const struct hook_config *config,
                              const struct hook_counts *counts, const struct hook_live *live);
