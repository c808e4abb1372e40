/* What can be changed in the store. Each command is a struct that begins with struct store_command:
 * fill it, store_post() it, and get it back in its done function. The writer thread applies all
 * waiting commands in one transaction and calls done after the commit. */
#pragma once

#include "common/limits.h"
#include "model/contact.h"
#include "model/result.h"
#include "model/schedule.h"
#include "model/submission.h"
#include "store/records.h"

#define STORE_CLAIM_MAX            64   /* jobs of one claim */
#define STORE_CLAIM_DELIVERIES_MAX 1024 /* stream hooks take deliveries by the thousand */

enum store_result {
    STORE_OK = 0,
    STORE_E_UNAVAILABLE, /* nothing was stored: the commit failed, or the store is closing. Say 503
                            and Retry-After */
    STORE_E_FULL, /* nothing was stored: disk nearly full, queue full, or too many unmatched. Say
                     503 and Retry-After */
    STORE_E_NOT_FOUND, /* the thing does not exist (any more) */
    STORE_E_CONFLICT, /* it exists with other content (idempotency key, registered enrichment_id) */
    STORE_E_STATE,    /* it is in a state that does not allow this */
};

enum store_command_kind {
    STORE_RECEIVE = 0,       /* struct store_receive */
    STORE_SUBMIT,            /* struct store_submit */
    STORE_REGISTER,          /* struct store_register */
    STORE_CLAIM_SUBMISSIONS, /* struct store_claim_submissions */
    STORE_FINISH_CALL,       /* struct store_finish_call */
    STORE_CLAIM_POLLS,       /* struct store_claim_polls */
    STORE_CLAIM_POLL,        /* struct store_claim_poll */
    STORE_FINISH_POLL,       /* struct store_finish_poll */
    STORE_CLAIM_DELIVERIES,  /* struct store_claim_deliveries */
    STORE_FINISH_ATTEMPT,    /* struct store_finish_attempt */
    STORE_RETRY,             /* struct store_retry */
    STORE_PAUSE_HOOK,        /* struct store_pause_hook */
    STORE_PURGE_HOOK,        /* struct store_purge_hook */
    STORE_MATCH,             /* struct store_match */
    STORE_ERASE,             /* struct store_erase */
    STORE_PURGE,             /* struct store_purge */
    STORE_FORGET,            /* struct store_forget */
    STORE_RECONFIGURE,       /* struct store_reconfigure */
    STORE_COMMAND_MAX_,
};

enum store_done_where {
    STORE_DONE_ON_WRITER =
        0, /* done runs on the writer thread: short, no waiting, no store_post() that could block */
    STORE_DONE_ON_LOOP, /* done runs in store_dispatch() on the thread of the main loop */
};

struct store_command {
    enum store_command_kind kind;
    enum store_done_where where;
    void (*done)(struct store_command *command); /* called exactly once after a successful
                                                    store_post(); owns the command again */
    void *userdata;
    enum store_result result;   /* out; other outputs are valid only with STORE_OK */
    struct store_command *next; /* the queue's */
};

/* A callback, checked by ingress. Text and reading are owned by the command's owner. */
struct store_receive {
    struct store_command base;
    store_key submission;      /* whose token it came on; 0: on a shared secret */
    const struct token *token; /* to be compared with the submission's; NULL: that was done */
    enum callback_reason
        rejected;           /* REASON_NOT_JSON ... : keep it among the rejected; else REASON_NONE */
    struct reading reading; /* unset when rejected */
    const char *body;
    size_t body_size;
    const char *client;  /* or NULL */
    const char *headers; /* serialised JSON object of the headers that are kept */
    int64_t received_at;
    /* out. STORE_E_NOT_FOUND: the submission was erased meanwhile: answer like an unknown token */
    enum callback_state state;
    enum callback_reason reason;
    char id[UUID_TEXT_SIZE]; /* "" when it was an erased one on a shared secret: nothing was stored,
                                say 200 */
    char request_id[UUID_TEXT_SIZE]; /* "" : none */
};

/* An idempotency key and the body it stands for, as digests. */
struct idempotency {
    struct digest key, body;
};

/* Requests of one submission: one, or an array (a batch, also of one, is sent with bulk_enrich when
 * it has two or more). With [pronto] reuse, those that equal a finished one are finished at once
 * with its result, and not sent. */
struct store_submit {
    struct store_command base;
    const struct contact *contacts;
    size_t n_contacts; /* 1..LIMIT_BATCH, all of one type */
    bool array;
    bool has_idempotency; /* one key for the whole */
    struct idempotency idempotency;
    const struct idempotency
        *each; /* NULL, or n_contacts keys, one for each contact: those that are
                                       known are not submitted again; not with has_idempotency */
    int64_t now;
    /* out. STORE_E_CONFLICT: the idempotency key was used with another body */
    store_key keys[LIMIT_BATCH]; /* in the order of the contacts */
    size_t n_keys;
    bool existing; /* all of these requests were there already: same idempotency key and body */
};

struct store_register {
    struct store_command base;
    const struct contact *contact;
    const char *enrichment_id;
    int64_t now;
    store_key key; /* out. STORE_E_CONFLICT: registered or submitted before with other content */
    bool existing;
};

/* One call to Pronto that is about to be made: the attempt is on disk before it is sent, and what it
 * may cost is reserved. It has those queued requests of the submission, from the first on, that
 * part, the day's credits and equal phone_country_codes allow; more than one goes to bulk_enrich. */
struct submission_job {
    store_key call, submission;
    struct token token;
    enum enrichment_type type;
    struct json_object *contents[LIMIT_BATCH]; /* owned */
    store_key requests[LIMIT_BATCH];
    size_t n;
    int64_t tries; /* calls made before this one that counted */
};
void submission_job_free(struct submission_job *job);

struct store_claim_submissions {
    struct store_command base;
    size_t max; /* at most STORE_CLAIM_MAX */
    int64_t now;
    struct submission_job *jobs[STORE_CLAIM_MAX]; /* out, owned by the receiver */
    size_t n;
    int64_t next_due_at; /* when the next one becomes due that the day's credits allow; 0: nothing
                            waits, or everything for credits */
    unsigned no_credits; /* bit (1u << enum enrichment_type): due ones of these types wait, since
                            daily_credits does not allow one more today */
};

/* How a call ended. Early callbacks that wait for its enrichment_id are matched in the same
 * transaction. A refused call of several contacts fails nobody: its submission is sent again at once
 * in halves. What was reserved for it is released unless Pronto has it or may have it. */
struct store_finish_call {
    struct store_command base;
    store_key call;
    enum submission_outcome outcome;
    const char *enrichment_id; /* when accepted */
    const char *error;         /* else */
    bool counts;     /* false: pausing of the client (401, 429, credits): it was no failure of this
                        submission */
    int64_t next_at; /* AGAIN, MAYBE, AUTH, CREDITS: when to send again */
    int64_t now;
};

/* One GET /contacts/{id} that is about to be made. */
struct poll_job {
    store_key request;
    char enrichment_id[ENRICHMENT_ID_MAX + 1];
};

/* Pending requests that are due: Pronto is asked for them, or, when that is no use (a batch has no
 * result to fetch) and their deadline is over, they expire. What is claimed is due again after
 * lease_ms, so that a crash forgets none. A bounded number of rows is looked at. */
struct store_claim_polls {
    struct store_command base;
    size_t max;      /* jobs; at most STORE_CLAIM_MAX */
    bool cannot_ask; /* for long (no key, say): what is due is put off instead, and what has been
                             past its deadline since before expire_before expires; no jobs */
    int64_t expire_before;
    int64_t lease_ms, now;
    uint32_t random;                       /* for the jitter of what is put off */
    struct poll_job jobs[STORE_CLAIM_MAX]; /* out */
    size_t n;
    int64_t next_due_at; /* 0: nothing waits */
    bool more;           /* due ones were left */
};

/* One request at the wish of an operator: pending, or expired. */
struct store_claim_poll {
    struct store_command base;
    store_key request;
    int64_t lease_ms, now;
    struct poll_job job; /* out. STORE_E_NOT_FOUND; STORE_E_STATE: not sent yet, finished or failed;
                            STORE_E_CONFLICT: of a batch, which has no result to fetch */
};

enum poll_outcome {
    POLL_FINISHED = 0, /* the result is here */
    POLL_PENDING,      /* Pronto has none yet, or knows nothing of it */
    POLL_FAILED,       /* Pronto did not answer properly; asked again sooner */
    POLL_NOT_ASKED,    /* the call was not made: due again at once */
};

/* How a poll ended. A result enters as that of a callback does: deliveries, events. Without one the
 * request is due again later, or expires when its deadline is over. */
struct store_finish_poll {
    struct store_command base;
    store_key request;
    enum poll_outcome outcome;
    struct reading
        reading; /* POLL_FINISHED: as parsed from @raw; owned by the command's owner, as raw */
    const char *raw;
    size_t raw_size;
    const char *error; /* POLL_FAILED: why, to be shown with the request; else NULL */
    int64_t now;
    uint32_t random;
    /* out. STORE_E_NOT_FOUND: erased meanwhile */
    enum request_state state; /* after it */
    bool expired;             /* by it */
    bool mismatched;          /* what came is about another contact: it counts as POLL_FAILED */
};

/* Places are given out one by one, always to the hook that has fewest running, the first of equals.
 * Those of all shared ones are at most @shared together, and a hook gets a second one only while
 * one is left for each shared hook that has none: a slow hook cannot take them all. */
struct hook_capacity {
    const char *hook; /* name */
    size_t free;      /* how many more may run */
    size_t running;
    bool shared;
};
struct delivery_job {
    store_key key;
    size_t hook;                     /* which of @hooks */
    int64_t attempts, interruptions; /* so far, as struct delivery_record has them */
    int64_t since;                   /* its age counts from then */
};
struct store_claim_deliveries {
    struct store_command base;
    const struct hook_capacity *hooks; /* also those without a free place */
    size_t n_hooks;                    /* at most LIMIT_HOOKS */
    size_t shared;                     /* places that are free */
    int64_t now;
    /* out: marked running on disk; none of a paused hook */
    struct delivery_job jobs[STORE_CLAIM_DELIVERIES_MAX];
    size_t n;
    int64_t next_due_at; /* the earliest one that is not due yet, of any of these hooks; 0: none */
    bool more;           /* due ones may have been left because jobs was full */
};

struct store_finish_attempt {
    struct store_command base;
    store_key delivery;
    enum attempt_outcome outcome;
    int64_t started_at, duration_ms;
    int64_t cpu_ms, memory_bytes; /* -1: not known */
    struct attempt_end end;
    const char *error;  /* or NULL */
    const char *output; /* or NULL */
    size_t output_size;
    int64_t next_at; /* RETRY: when; HOOK_BROKEN: when the hook is probed again */
    int64_t now;
    enum delivery_state state; /* out */
};

/* Runs a delivery again, or those dead ones that the filter allows and that did not die after @now. Their
 * attempts and their age count from now on. */
struct store_retry {
    struct store_command base;
    store_key delivery; /* one; or 0: all that the filter allows */
    bool again;         /* the one may have succeeded */
    struct retry_filter {
        const char *hook; /* or NULL: any */
        bool has_event;
        enum hook_event event;
        int64_t since, until; /* died at or after, and before; 0: open */
        store_key request;    /* 0: any */
    } filter;
    int64_t now;
    /* out: how many run again. STORE_E_STATE: the one is queued or running, or it succeeded;
     * STORE_E_NOT_FOUND: no such delivery, no such hook */
    int64_t n;
    struct store_retry_slice { /* the writer's own, zero: many run again in several transactions */
        store_key hook;        /* under way */
        int event;
        int64_t died_at; /* this one and those before are done */
        store_key delivery;
        int64_t n;
        bool more;
    } sofar, next;
};

/* A paused hook starts nothing, whatever claims were posted; what runs ends. Idempotent, and stays
 * over a restart. */
struct store_pause_hook {
    struct store_command base;
    const char *hook; /* STORE_E_NOT_FOUND: neither configured nor known */
    bool paused;
};

/* Deletes the deliveries of a hook that are not finished. */
struct store_purge_hook {
    struct store_command base;
    const char *hook; /* STORE_E_NOT_FOUND: not known; STORE_E_STATE: it is in the configuration */
    int64_t now;
    int64_t n;                 /* out */
    struct store_purge_slice { /* the writer's own, zero: many go in several transactions */
        int64_t n;
        bool more;
    } sofar, next;
};

struct store_match {
    struct store_command base;
    store_key callback,
        request; /* STORE_E_NOT_FOUND, STORE_E_STATE (already matched, interim, rejected) */
    int64_t now;
    enum callback_state state; /* out: matched or duplicate */
};

/* Erases a person's request with everything that hangs on it. done comes when no copy is left in
 * database and WAL. */
struct store_erase {
    struct store_command base;
    store_key request;
    int64_t now;
};

/* Erases what is older than the retention, in slices between which everything else goes on: ended
 * requests, as struct store_erase does, those excepted that a delivery still waits for; callbacks
 * that belong to no request; tombstones. done comes when no copy is left in database and WAL. A
 * store that closes ends it with what was done until then. */
struct store_purge {
    struct store_command base;
    int64_t before; /* requests that ended and callbacks that came before it */
    int64_t tombstones_before;
    int64_t now;
    /* out */
    int64_t requests, callbacks, tombstones;
    struct purge_slice { /* the writer's own, zero */
        size_t stage;
        store_key key; /* this one and those before it were looked at */
        int64_t young; /* of the last ones, in a row */
        int64_t requests, callbacks, tombstones;
        bool more;
    } sofar, next;
};

/* Erases requests, as struct store_erase does, and callbacks that belong to none, in slices. What
 * is not there (any more) is passed over. done as above; STORE_E_UNAVAILABLE: the store closed when
 * some were left. */
struct store_forget {
    struct store_command base;
    const store_key *requests, *callbacks;
    size_t n_requests, n_callbacks;
    const char *enrichment_id; /* or NULL: callbacks that wait for it go, and none is taken later */
    int64_t now;
    int64_t n;            /* out: requests and callbacks that were erased */
    struct forget_slice { /* the writer's own, zero */
        size_t at;
        int64_t n;
        bool more;
    } sofar, next;
};

/* What the writer needs to know of the configuration. */
struct hook_filter {
    char name[65];
    unsigned on, types; /* as struct hook_config */
    enum hook_only only;
};
struct store_settings {
    int64_t min_free; /* bytes */
    int64_t max_unmatched;
    bool custom_lenient;
    int64_t
        resend_after_ms; /* a call that a crash interrupted: wait so long for its callback before
                                it is sent again */
    int64_t poll_after_ms, deadline_ms;
    bool verify_fetch; /* a callback of a single request is a signal: the result is fetched */
    int64_t batch;     /* up to so many single requests of one type are sent together */
    int64_t batch_delay_ms;
    int64_t daily_credits; /* 0: no limit */
    int64_t credit_prices[ENRICHMENT_MAX_];
    int64_t reuse_ms; /* answer from a result so young; 0: never */
    struct hook_filter hooks[LIMIT_HOOKS];
    size_t n_hooks;
};
struct store_reconfigure {
    struct store_command base;
    struct store_settings settings;
};
