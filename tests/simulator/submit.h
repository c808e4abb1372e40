/* Accepts a submission: an id, an entry in the log, its callbacks, its answer. */
#pragma once

#include "simulator/call.h"
#include "simulator/callback_body.h"
#include "simulator/job.h"

/* Takes the job over in any case. Returns 0, or -ENOMEM: then what was not scheduled will not be
 * called back. */
int submit_accept(struct sim *sim, struct call *call, struct job *job);

/* A callback for a contact with nothing in it but whose it is, its URL and its body, made from the
 * behaviours of now. @url is copied. Returns 0 or -ENOMEM. */
struct callback;
int submit_callback(struct sim *sim, const struct job_contact *contact, const char *url,
                    enum callback_kind kind, struct callback **ret);
