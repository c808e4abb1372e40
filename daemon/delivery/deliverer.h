/* The scheduler of hooks: claims due deliveries from the store, builds their documents, gives them
 * to prontod-runner, and stores what came of them. Pure policy over a queue on disk; thread of the
 * main loop. Logs (callbacks of the loop do). */
#pragma once

#include "common/histogram.h"
#include "config/config.h"
#include "link/worker_link.h"
#include "store/store.h"

#include <systemd/sd-event.h>

struct deliverer;

/* @config, @store, @reader and @runner are borrowed and outlive it. Claims nothing before
 * deliverer_wake(). 0 or a negative errno. */
int deliverer_new(sd_event *loop, const struct config *config, struct store *store,
                  struct store_reader *reader, struct worker_link *runner, struct deliverer **ret);
void deliverer_free(struct deliverer *deliverer);

/* Something may be due: after a commit that changed deliveries, and at start. */
void deliverer_wake(struct deliverer *deliverer);

/* A delivery was erased while it ran: its hook is told to end (SIGTERM, SIGKILL after kill_after),
 * and nothing of its end is stored. One that does not run is fine. */
void deliverer_cancel(struct deliverer *deliverer, store_key delivery);

/* Hooks as in @config from now on; what runs ends under its old settings; broken and tripped hooks
 * are tried again. */
void deliverer_reload(struct deliverer *deliverer, const struct config *config);

/* What the link to prontod-runner brings. */
void deliverer_link_up(struct deliverer *deliverer);
void deliverer_link_down(struct deliverer *deliverer);
void deliverer_frame(struct deliverer *deliverer, struct json_object *head, const char *payload,
                     size_t size);

/* No new runs; true when none is under way. */
void deliverer_stop(struct deliverer *deliverer);
bool deliverer_is_idle(const struct deliverer *deliverer);

struct hook_status {
    const char *state; /* "ok", "broken" or "tripped"; static */
    const char *error; /* why it is not ok, or NULL; until the next call of the loop */
    int64_t retry_at;  /* when it is tried again; 0: it is ok */
    int64_t running;
    const struct histogram *run_times; /* until the next call of the loop */
};
/* Runs of all hooks that ended, since start. */
int64_t deliverer_runs(const struct deliverer *deliverer);
/* Of a hook of the configuration. Returns 0 or -ENOENT. */
int deliverer_hook(const struct deliverer *deliverer, const char *name, struct hook_status *ret);

/* Runs a hook on a document without storing anything (POST /v1/hooks/{name}/test): that of @request,
 * with the event that its state is, or a sample when @request is 0. @done is called once, with NULL
 * outcome when the runner went away. *ret_document: what the hook is given, owned by the caller.
 * Returns 0, DELIVERER_TEST_UNFIT with *ret_why (static), -ENOENT, -ENOMEM, -ENOTCONN, or -EBUSY (too
 * many tests). */
#define DELIVERER_TEST_UNFIT 1 /* the hook is on no event that the request is in */
struct hook_outcome;
int deliverer_test(struct deliverer *deliverer, const char *hook, store_key request,
                   struct json_object **ret_document, const char **ret_why,
                   void (*done)(const struct hook_outcome *outcome, const char *output, size_t size,
                                void *userdata),
                   void *userdata);
/* Forgets the caller of a test that has not ended: @done will not be called. */
void deliverer_test_cancel(struct deliverer *deliverer, void *userdata);
