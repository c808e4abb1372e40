/* Jobs for the two workers and what comes back, as they travel over the link: a JSON head and a
 * payload of bytes. Both ends use these functions, so there is one place that knows the member
 * names. Pure.
 *
 * prontod-egress:
 * - job {"id": N, "call": "single_enrich"}; the payload is the body to POST;
 * - job {"id": N, "call": "contact", "contact": "<enrichment_id>"};
 * - outcome {"id": N, "fate": "answered", "status": 202, "retry_after_ms": -1, "error": null}; the
 *   payload is the answer's body.
 *
 * prontod-runner:
 * - job {"id": N, "hook": "crm", "env": ["PRONTO_EVENT=finished", ...]}; the payload is the document;
 * - outcome {"id": N, "started_at": ..., "duration_ms": ..., "exit_code": 0, "signal": 0,
 *   "timed_out": false, "interrupted": false, "not_started": false, "cpu_ms": 12, "memory_bytes": -1,
 *   "error": null}; the payload is the last bytes of output. An answer of a stream hook comes as the
 *   exit code that means the same: 0, 65, or 1 with the hook's words as error.
 *
 * - {"control": "cancel", "id": N} to it: the job's document was erased; the hook is told to end, and
 *   an outcome comes as for any job.
 *
 * Both: {"control": "reload"} to the worker, and from it {"control": "ready", "state": "ok"} when it
 * has (re)loaded. Other states, with "detail": "no_key" (egress has no API key), "old_configuration"
 * (the new one has faults and was not taken). */
#pragma once

#include "common/json.h"
#include "model/schedule.h"
#include "model/submission.h"

enum egress_call {
    EGRESS_SINGLE_ENRICH = 0, /* POST {base}/contacts/single_enrich */
    EGRESS_BULK_ENRICH,       /* POST {base}/contacts/bulk_enrich */
    EGRESS_CONTACT,           /* GET  {base}/contacts/{id} */
    EGRESS_CREDITS,           /* GET  {base}/credits */
    EGRESS_ACCOUNT,           /* GET  {base}/account */
    EGRESS_CALL_MAX_,
    EGRESS_CALL_INVALID = -1,
};

struct egress_job {
    int64_t id;
    enum egress_call call;
    const char *contact; /* EGRESS_CONTACT; borrowed */
};
int egress_job_encode(const struct egress_job *job, struct json_object **ret_head);
int egress_job_decode(
    struct json_object *head,
    struct egress_job *ret); /* 0 or -EPROTO, as all decoders here; borrows from @head */

/* Encoders return 0 or -ENOMEM. @answer->body is the frame's payload, not part of the head. */
int egress_outcome_encode(int64_t id, const struct call_answer *answer,
                          struct json_object **ret_head);
int egress_outcome_decode(struct json_object *head, const char *payload, size_t size,
                          int64_t *ret_id, struct call_answer *ret);

struct hook_job {
    int64_t id;
    const char *hook;        /* borrowed */
    struct json_object *env; /* array of strings, borrowed */
};
int hook_job_encode(const struct hook_job *job, struct json_object **ret_head);
int hook_job_decode(struct json_object *head, struct hook_job *ret);

struct hook_outcome {
    int64_t id;
    int64_t started_at, duration_ms;
    int64_t cpu_ms;       /* processor time, of the user and of the system; -1: unknown */
    int64_t memory_bytes; /* peak of resident memory; -1: unknown */
    struct attempt_end end;
    const char *error; /* or NULL; borrowed */
};
int hook_outcome_encode(const struct hook_outcome *outcome, struct json_object **ret_head);
int hook_outcome_decode(struct json_object *head, struct hook_outcome *ret);

/* 0 or -ENOMEM; 0 or -EPROTO. A control frame for control_decode(), too. */
int hook_cancel_encode(int64_t id, struct json_object **ret_head);
int hook_cancel_decode(struct json_object *head, int64_t *ret_id);

int control_encode(const char *control, const char *state, const char *detail,
                   struct json_object **ret_head);
/* NULL when @head is no control frame. Borrowed; @ret_state and @ret_detail may be set to NULL. */
const char *control_decode(struct json_object *head, const char **ret_state,
                           const char **ret_detail);
