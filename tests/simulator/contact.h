/* Checks a submission like Pronto does ("Enrich a single contact", "Required Fields"; bulk_enrich:
 * 2 to 100 contacts, all or nothing). */
#pragma once

#include "simulator/job.h"

#include "common/json.h"
#include "common/limits.h"

#define BATCH_MIN 2

/* Reads the body of single_enrich or bulk_enrich. Either *ret_job is a new job of the caller's with
 * everything but an id, and *ret_errors is NULL; or the other way round: *ret_errors is an array of
 * texts that name every wrong field. Returns 0 or -ENOMEM. */
int contact_read_single(struct json_object *body, struct job **ret_job,
                        struct json_object **ret_errors);
int contact_read_bulk(struct json_object *body, struct job **ret_job,
                      struct json_object **ret_errors);
