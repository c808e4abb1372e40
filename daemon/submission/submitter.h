/* The scheduler of calls to Pronto: claims due submissions from the store, gives them to
 * prontod-egress, and stores what came of them. Pure policy over an outbox on disk; thread of the
 * main loop. Logs (callbacks of the loop do). */
#pragma once

#include "config/config.h"
#include "link/worker_link.h"
#include "store/store.h"

#include <systemd/sd-event.h>

struct submitter;

/* @config, @store and @egress are borrowed and outlive it. Claims nothing before submitter_wake().
 * 0 or a negative errno. */
int submitter_new(sd_event *loop, const struct config *config, struct store *store,
                  struct worker_link *egress, struct submitter **ret);
void submitter_free(struct submitter *submitter);

/* Something may be due: after a commit that changed submissions, and at start. */
void submitter_wake(struct submitter *submitter);

/* The new configuration from now on; ends a pause for the key or credits, since the operator may
 * have mended it. */
void submitter_reload(struct submitter *submitter, const struct config *config);

/* What the link to prontod-egress brings. */
void submitter_link_up(struct submitter *submitter);
void submitter_link_down(struct submitter *submitter);
void submitter_frame(struct submitter *submitter, struct json_object *head, const char *payload,
                     size_t size);

/* No new calls; true when none is under way. */
void submitter_stop(struct submitter *submitter);
bool submitter_is_idle(const struct submitter *submitter);

enum submitter_state {
    SUBMITTER_OK = 0,
    SUBMITTER_NO_KEY,  /* egress has no API key */
    SUBMITTER_NO_LINK, /* egress is not there */
    SUBMITTER_AUTH,    /* Pronto refused the key */
    SUBMITTER_CREDITS, /* out of credits, or plan limit */
    SUBMITTER_SLOWED,  /* 429: until Retry-After is over */
};
struct submitter_status {
    enum submitter_state state;
    char detail[256];                                      /* for people; "" when ok */
    int64_t paused_until;                                  /* wall time; 0: not paused */
    int64_t in_flight, calls, accepted, refused, deferred; /* the last four since start */
};
void submitter_status(const struct submitter *submitter, struct submitter_status *ret);
const char *submitter_state_name(enum submitter_state state);
