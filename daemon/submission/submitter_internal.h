/* What the files of this room share: the submitter's insides. */
#pragma once

#include "store/insist.h"
#include "submission/submitter.h"

#define RETRY_FIRST_MS   1000
#define RETRY_LONGEST_MS (5 * 60 * 1000)

struct flight {
    struct submission_job *job;
    struct flight *next;
};

struct submitter {
    const struct config *config;
    struct store *store;
    struct worker_link *egress;
    struct insist *insist;
    sd_event_source *timer;
    struct flight *flights;
    size_t n_flights;
    size_t n_unsaved;      /* calls that ended and whose end is not on disk yet */
    bool claiming, wanted; /* a claim is at the store; something may be due beyond it */
    bool begun;            /* egress was ready once: before, there is nothing to say about pauses */
    bool stopped, ready;   /* ready: egress said so since the link came up */
    enum submitter_state state;
    enum submitter_state
        before_down; /* what a lost link hides: the pause goes on when it is back */
    char detail[256];
    int64_t resume_boot_ms; /* 0: not paused */
    int64_t resume_at;
    unsigned pauses; /* in a row */
    struct submitter_status counts;
};

/* submitter.c: claims what is due if a call may be made. */
void submitter_step(struct submitter *submitter);

/* pause.c: the client's state, its timer, and how many more calls may be made now. */
void submitter_set_timer(struct submitter *submitter, int64_t wait_ms);
void submitter_set_state(struct submitter *submitter, enum submitter_state state,
                         const char *detail);
void submitter_pause(struct submitter *submitter, enum submitter_state state, int64_t wait_ms,
                     const char *detail);
void submitter_end_pause(struct submitter *submitter);
bool submitter_is_paused(const struct submitter *submitter);
size_t submitter_capacity(struct submitter *submitter);

/* finish.c: a call ended: judges the answer and stores it until it is stored. Borrows all; 0 or
 * -ENOMEM. */
int submitter_finish_call(struct submitter *submitter, const struct submission_job *job,
                          const struct call_answer *answer);
/* The command of a call's end that could not be stored any more. */
void submitter_drop_finish(struct store_command *command);
