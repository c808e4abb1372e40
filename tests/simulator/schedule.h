/* Callbacks that wait for their time: what is to be sent, and a heap ordered by time and then by
 * age. */
#pragma once

#include "simulator/behaviour.h"
#include "simulator/callback_body.h"
#include "simulator/sighting.h"

#include "common/cleanup.h"
#include "common/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct callback {
    int64_t due; /* CLOCK_BOOTTIME */
    uint64_t sequence;

    char *url;  /* NULL: nothing is sent, the contact only finishes */
    char *body; /* the request's; may hold NUL */
    size_t size;
    char content_type[WORD_SIZE];
    bool chunked;
    int64_t timeout_ms;

    char enrichment_id[UUID_TEXT_SIZE];
    unsigned contact;
    enum callback_kind kind;
    unsigned copy;    /* 0: the first */
    unsigned attempt; /* from 1 */
    int64_t retries_left;
    struct range retry_delay;
    uint64_t number;       /* of the contact, for its chance */
    int64_t next_delay_ms; /* from its end to the start of the next one */

    struct job_contact *finishes; /* finished when this is due; NULL: was before */
    struct sighting *sighting;    /* whose n_waiting counts this; NULL: none does; a reference */
    bool lost;
    bool flushed;          /* the next ones come without a wait */
    uint64_t held_call;    /* the call that is answered when this was; 0: none */
    struct callback *next; /* comes when this one is over; owned */
};

struct schedule {
    struct callback **items;
    size_t n, capacity;
    uint64_t next_sequence;
};

struct callback *callback_new(void); /* NULL: out of memory */

/* From now until it is freed it is one of those that the contact waits for. */
void callback_await(struct callback *callback, struct sighting *sighting);
void callback_free(struct callback *callback);
DEFINE_CLEANUP(struct callback *, callback_free);

void schedule_release(struct schedule *schedule);

/* Takes the callback over. Returns 0, or -ENOMEM: then it is still the caller's. */
int schedule_add(struct schedule *schedule, struct callback *callback);

/* The time of the first one; INT64_MAX when there is none. */
int64_t schedule_due(const struct schedule *schedule);

/* Takes out the first one that is due at @now; NULL when none is. */
struct callback *schedule_take(struct schedule *schedule, int64_t now);

/* Makes everything due at @now, in the order that it would have had. Returns how many. */
size_t schedule_flush(struct schedule *schedule, int64_t now);
