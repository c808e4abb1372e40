/* The side that speaks to Pronto: submits what is queued, asks for what never came, and answers what an
 * operator asks. Policy over what is on disk; prontod-egress makes the calls. Thread of the main loop.
 * Logs (callbacks of the loop do). */
#pragma once

#include "config/config.h"
#include "link/worker_link.h"
#include "store/store.h"

#include <systemd/sd-event.h>

struct submission;

/* @config, @store and @egress are borrowed and outlive it. Claims nothing before it is woken. 0 or a
 * negative errno. */
int submission_new(sd_event *loop, const struct config *config, struct store *store,
                   struct worker_link *egress, struct submission **ret);
void submission_free(struct submission *submission);

/* Something may be due to be submitted, or to be asked for: after a commit that says so, and at start. */
void submission_wake_submits(struct submission *submission);
void submission_wake_polls(struct submission *submission);

/* The new configuration from now on; ends pauses for the key and for credits, since the operator may
 * have mended it. */
void submission_reload(struct submission *submission, const struct config *config);

/* What the link to prontod-egress brings. */
void submission_link_up(struct submission *submission);
void submission_link_down(struct submission *submission);
void submission_frame(struct submission *submission, struct json_object *head, const char *payload,
                      size_t size);

/* No new calls; idle when none is under way and the end of each is on disk. */
void submission_stop(struct submission *submission);
bool submission_is_idle(const struct submission *submission);

/* What came of asking Pronto at the wish of an operator; see struct asked of query/query.h. */
struct ask_answer {
    int status;
    const char *kind;           /* or NULL */
    const char *detail;         /* or NULL */
    struct json_object *answer; /* of credits; borrowed */
};
typedef void (*ask_done_fn)(const struct ask_answer *answer, void *done_userdata);

/* @done is called once, later, and not after submission_ask_cancel(). 0 or -ENOMEM. */
int submission_ask_request(struct submission *submission, store_key request, ask_done_fn done,
                           void *done_userdata);
int submission_ask_credits(struct submission *submission, ask_done_fn done, void *done_userdata);
void submission_ask_cancel(struct submission *submission, void *done_userdata);

enum submission_state {
    SUBMISSION_STATE_OK = 0,
    SUBMISSION_STATE_NO_KEY,        /* egress has no API key */
    SUBMISSION_STATE_NO_LINK,       /* egress is not there */
    SUBMISSION_STATE_KEY_REFUSED,   /* by Pronto */
    SUBMISSION_STATE_CREDITS,       /* out of credits, or plan limit */
    SUBMISSION_STATE_SLOWED,        /* 429: until Retry-After is over */
    SUBMISSION_STATE_TRIPPED,       /* Pronto failed again and again */
    SUBMISSION_STATE_OUT_OF_BUDGET, /* [pronto] daily_credits are used up */
};
struct submission_status {
    enum submission_state state;
    char detail[256];      /* for people; "" when ok */
    int64_t paused_until;  /* wall time; 0: not paused, or for as long as it lasts */
    unsigned credits_wait; /* bit (1u << enum enrichment_type): due ones wait for credits */
    int64_t in_flight, concurrency, rate;
    int64_t submits, accepted, refused, deferred; /* since start, as the next */
    int64_t polls, polls_finished, polls_pending, polls_failed;
};
void submission_status(const struct submission *submission, struct submission_status *ret);
const char *submission_state_name(enum submission_state state);
