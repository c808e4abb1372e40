/* Several calls of the query socket under way at a time, over connections that are kept. A call that
 * found prontod busy (503) or gone is made again by itself, so only calls that may be repeated go
 * in here. */
#pragma once

#include "ctl/client.h"

struct pipeline;

struct pipeline_settings {
    const char *socket;  /* borrowed */
    size_t slots;        /* most calls under way */
    int64_t patience_ms; /* a prontod that is gone is called for so long; one that says 503 ten
                            times as long */
    /* When trouble begins, but not at each turn of one that comes and goes. */
    void (*trouble)(const char *detail, void *userdata);
    /* A call is over with any status but 503. @answer is the pipeline's; its json may be taken. It
     * may start another call. @tries: 1 and more. 0, or what pipeline_turn() returns. */
    int (*done)(void *tag, struct answer *answer, unsigned tries, void *userdata);
    void *userdata;
};

int pipeline_new(const struct pipeline_settings *settings, struct pipeline **ret); /* 0, -ENOMEM */
/* Calls under way are dropped; their tags are the caller's. */
void pipeline_free(struct pipeline *pipeline);
static inline void pipeline_free_p(struct pipeline **pipeline)
{
    pipeline_free(*pipeline);
}
#define cleanup_pipeline __attribute__((cleanup(pipeline_free_p)))

bool pipeline_has_room(const struct pipeline *pipeline);
size_t pipeline_busy(const struct pipeline *pipeline); /* calls that are not over */

/* Needs room. @path is copied; @body (NULL: none) is borrowed until done. 0 or -ENOMEM. */
int pipeline_start(struct pipeline *pipeline, const char *method, const char *path,
                   const char *body, size_t body_size, void *tag);

enum pipeline_result {
    PIPELINE_OK = 0,
    PIPELINE_E_UNREACHABLE = 100, /* patience is over; see pipeline_detail() */
    PIPELINE_E_UNAVAILABLE,       /* it said 503 for too long */
    PIPELINE_E_GARBAGE,           /* what answered is not prontod */
};

/* Does what can be done and waits at most @timeout_ms when nothing can. PIPELINE_OK, a positive
 * pipeline_result, what done returned, or -ENOMEM. */
int pipeline_turn(struct pipeline *pipeline, int timeout_ms);

/* The last trouble in words. */
const char *pipeline_detail(const struct pipeline *pipeline);
