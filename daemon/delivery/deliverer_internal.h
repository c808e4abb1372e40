/* What the files of this room share: the deliverer's insides. */
#pragma once

#include "common/histogram.h"
#include "common/log.h"
#include "delivery/deliverer.h"
#include "delivery/flow.h"
#include "model/document.h"
#include "model/wire.h"
#include "store/insist.h"

#include <sys/queue.h>

#define HOOK_ERROR_SIZE 128

/* A hook of the configuration, or one that left it and still has something running. */
struct hook_run_state {
    char name[65];
    int64_t running;
    bool configured;
    bool broken;
    bool said_broken;      /* and not yet that it is mended; a reload forgets that it is broken */
    char *error;           /* why it is broken */
    int64_t probe_boot_ms; /* when a broken hook may be tried again */
    unsigned failed_probes;
    struct histogram run_times;
    struct bucket bucket;
    struct breaker breaker;
    char trouble[HOOK_ERROR_SIZE]; /* why it is tripped */
};

/* A delivery that is with the runner. What its outcome means is decided with the settings it was
 * started with. */
struct run {
    LIST_ENTRY(run) link;
    store_key delivery;
    char id[UUID_TEXT_SIZE];
    char hook[65];
    int64_t attempts, interruptions, since; /* as the claim brought them */
    int64_t backoff_first_ms, backoff_longest_ms, give_up_ms, max_attempts;
    struct breaker_settings breaker;
    bool probe;     /* of a tripped hook */
    bool tries;     /* whether a broken hook can be started again */
    bool shared;    /* it has one of the places of all hooks */
    bool cancelled; /* its delivery was erased */
};
#define RUN_LISTS 1024 /* by delivery, since a stream hook has thousands under way */
LIST_HEAD(run_list, run);

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
    struct run_list runs[RUN_LISTS];
    size_t n_runs, n_shared, n_unsaved;
    int64_t n_ended; /* runs */
    size_t turn;     /* which hook is the first of the next claim */
    bool claiming, wanted, stopped, ready;
    int64_t refused_until_boot_ms; /* the runner could not take jobs: it gets none until then */
    struct log_rate refused;
    struct test_run tests[DELIVERER_TESTS_MAX];
    int64_t last_test;
};

/* deliverer.c */
void deliverer_step(struct deliverer *deliverer);
void deliverer_set_timer(struct deliverer *deliverer, int64_t wait_ms);

/* runs.c: what is with the runner. */
void runs_add(struct deliverer *deliverer, struct run *run);
/* NULL when it is not there. */
struct run *runs_find(struct deliverer *deliverer, store_key delivery);
/* Taken out, for free(); NULL when it is not there. */
struct run *runs_take(struct deliverer *deliverer, store_key delivery);
/* Any of them. */
struct run *runs_take_one(struct deliverer *deliverer);

/* hooks.c: which hooks there are, which of them are broken, and how many runs each may have. */
struct hook_run_state *hooks_find(struct deliverer *deliverer, const char *name);
int hooks_configure(struct deliverer *deliverer, const struct config *config);
void hooks_free(struct deliverer *deliverer);
/* How many more deliveries of this hook may run now, as far as it is the hook's affair; a broken or
 * tripped one gets one when its probe is due. */
size_t hooks_capacity(struct deliverer *deliverer, struct hook_run_state *hook);
/* A run could not be started, or was. Of a hook that is broken already only a run that tries it says
 * anything: others were given to the runner before. */
/* The next claim begins with the hook after it. */
void hooks_took_turn(struct deliverer *deliverer, const char *name);
void hooks_broke(struct deliverer *deliverer, struct hook_run_state *hook, const struct run *run,
                 const char *error);
void hooks_mended(struct hook_run_state *hook, const struct run *run);
/* A run starts, has failed (@how: in words), has succeeded. */
void hooks_started(struct deliverer *deliverer, struct hook_run_state *hook, struct run *run);
void hooks_failed(struct deliverer *deliverer, struct hook_run_state *hook, const struct run *run,
                  const char *how);
void hooks_succeeded(struct hook_run_state *hook);

/* start.c: builds the document of a claimed delivery of @hook and gives it to the runner. */
void deliverer_start(struct deliverer *deliverer, const char *hook, const struct delivery_job *job);
/* Gives a document to the runner as job @id. @ret_document: the document, owned by the caller; or
 * NULL. 0 or a negative errno. */
int deliverer_send(struct deliverer *deliverer, int64_t id, const struct document_facts *facts,
                   struct json_object **ret_document);
/* The facts as a document shows them. It borrows from @facts and from *ret_request, which is the
 * caller's (NULL: none). 0 or -ENOMEM. */
int deliverer_describe(const struct deliverer *deliverer, const struct delivery_facts *facts,
                       struct document_facts *ret, struct json_object **ret_request);

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
