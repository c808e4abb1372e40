/* What the files of this room share. */
#pragma once

#include "store/insist.h"
#include "submission/client.h"
#include "submission/poll_judge.h"

#define RETRY_FIRST_MS   1000
#define RETRY_LONGEST_MS (5 * 60 * 1000)
#define LOOK_AGAIN_MS    (60 * 60 * 1000) /* the wall clock may jump: never sleep for longer */
#define STORE_AGAIN_MS   1000             /* the store could not claim: it is asked again */

/* One of the two that claim what is due. One claim is under way at most; what it brings is called at
 * once, so that what is claimed on disk is under way. */
struct claimer {
    sd_event_source *timer;
    bool claiming; /* a claim is at the store */
    bool wanted;   /* something may be due beyond it */
};

struct submission {
    sd_event *loop;
    const struct config *config;
    struct store *store;
    struct client *client;
    struct insist *insist;
    struct claimer submits, polls;
    bool polls_first;             /* next time, when there is room for one only */
    size_t n_unsaved;             /* calls that ended and whose end is not on disk yet */
    unsigned no_credits;          /* types that waited for credits at the last claim */
    bool out_of_budget;           /* and nothing else was due */
    struct ask *asks, **last_ask; /* oldest first */
    bool stopped;
    struct submission_status counts;
};

/* submission.c */
/* There may be room: whoever wants it takes its turn. */
void submission_turn(struct submission *submission);
/* Wakes a claimer after @wait_ms, or earlier if that was said before. */
void claimer_set_timer(struct claimer *claimer, int64_t wait_ms);
/* How many of the calls that may begin now a claimer may have: the other gets its share. */
size_t submission_share(struct submission *submission, const struct claimer *claimer,
                        enum gate_call kind);

/* submitter.c */
void submits_step(struct submission *submission);

/* finish.c: a submit call ended: judges the answer and stores it until it is stored. Borrows all; 0
 * or -ENOMEM. */
int submission_finish_call(struct submission *submission, const struct submission_job *job,
                           const struct call_answer *answer, struct call_meaning *ret);

/* A claimed job that was not sent, for the reason @error (a negative errno), waits again. 0 or -ENOMEM. */
int submission_put_back(struct submission *submission, const struct submission_job *job, int error);
void submission_finish_drop(struct store_finish_call *command);

/* poller.c */
void polls_step(struct submission *submission);
/* Asks for one request now. @done (may be NULL) hears what came of it when that is on disk. */
struct polled {
    bool failed;                 /* Pronto did not answer properly */
    struct call_meaning meaning; /* of its answer */
};
typedef void (*polled_fn)(const struct polled *polled, void *userdata);
/* 0, or a negative errno: without @done only -ENOMEM, with it whatever kept the call back. */
int poller_ask(struct submission *submission, const struct poll_job *job, polled_fn done,
               void *userdata);
int64_t poller_lease_ms(const struct submission *submission);

/* asks.c */
void asks_step(struct submission *submission);
void asks_end(struct submission *submission); /* all are answered 503 */
void asks_free(struct submission *submission);

/* A command of ours that waits to be stored is not wanted any more. */
void submission_drop(struct store_command *command);
