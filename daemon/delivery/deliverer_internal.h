/* What the files of this room share: the deliverer's insides. */
#pragma once

#include "delivery/deliverer.h"
#include "model/wire.h"
#include "store/insist.h"

/* A hook of the configuration, or one that left it and still has something running. */
struct hook_run_state {
    char name[65];
    int64_t running;
    bool configured;
    bool broken;
    char *error;           /* why it is broken */
    int64_t probe_boot_ms; /* when a broken hook may be tried again */
    unsigned failed_probes;
};

/* A delivery that is with the runner. What its outcome means is decided with the settings it was
 * started with. */
struct run {
    store_key delivery;
    char id[UUID_TEXT_SIZE];
    char hook[65];
    int64_t backoff_first_ms, backoff_longest_ms, give_up_ms, max_attempts;
    struct run *next;
};

/* A run of POST /v1/hooks/{name}/test: its ids are negative, nothing of it is stored. */
#define DELIVERER_TESTS_MAX 8
struct test_run {
    int64_t id; /* 0: free */
    void (*done)(const struct hook_outcome *outcome, const char *output, size_t size,
                 void *userdata);
    void *userdata;
};

struct deliverer {
    const struct config *config;
    struct store *store;
    struct store_reader *reader;
    struct worker_link *runner;
    struct insist *insist;
    sd_event_source *timer;
    struct hook_run_state *hooks;
    size_t n_hooks;
    struct run *runs;
    size_t n_runs, n_unsaved;
    bool claiming, wanted, stopped, ready;
    struct test_run tests[DELIVERER_TESTS_MAX];
    int64_t last_test;
};

/* deliverer.c */
void deliverer_step(struct deliverer *deliverer);
void deliverer_set_timer(struct deliverer *deliverer, int64_t wait_ms);

/* hooks.c: which hooks there are and which of them are broken. */
struct hook_run_state *hooks_find(struct deliverer *deliverer, const char *name);
int hooks_configure(struct deliverer *deliverer, const struct config *config);
void hooks_free(struct deliverer *deliverer);
/* How many more deliveries of this hook may run now; a broken hook gets one when its probe is due.
 */
size_t hooks_capacity(struct deliverer *deliverer, struct hook_run_state *hook);
void hooks_broke(struct deliverer *deliverer, struct hook_run_state *hook, const char *error);
void hooks_mended(struct hook_run_state *hook);

/* start.c: builds the document of a claimed delivery and gives it to the runner. */
void deliverer_start(struct deliverer *deliverer, const struct delivery_job *job);

/* finish.c: an attempt ended, or was lost (@outcome NULL): stores what that means. Borrows all. */
void deliverer_finish(struct deliverer *deliverer, const struct run *run,
                      const struct hook_outcome *outcome, const char *output, size_t size);
/* A claimed delivery that could not be given to the runner goes back to its queue until @wait_ms
 * are over. */
void deliverer_put_back(struct deliverer *deliverer, store_key delivery, int64_t wait_ms);
void deliverer_drop_finish(struct store_command *command);

/* test.c */
void deliverer_test_outcome(struct deliverer *deliverer, const struct hook_outcome *outcome,
                            const char *output, size_t size);
void deliverer_tests_lost(struct deliverer *deliverer);
