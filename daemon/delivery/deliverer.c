/* One claim is under way at most; what it brings is marked running on disk and given to the runner
 * at once. Which delivery may run is the store's (order for each request and hook, due times, hooks
 * that were paused, turns of the hooks), how many is ours (concurrency of each hook and of all, rate,
 * the single probe of a broken or tripped hook). */
#include "delivery/deliverer_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_AGAIN_MS 1000             /* the store could not claim: it will be asked again */
#define LOOK_AGAIN_MS  (60 * 60 * 1000) /* the wall clock may jump: never sleep for longer */

struct claim {
    struct store_claim_deliveries command;
    struct deliverer *deliverer;
    struct hook_capacity *hooks;
    char (*names)[65]; /* copies: a reload may come while the writer reads them */
};

static void claim_free(struct claim *claim)
{
    free(claim->hooks);
    free(claim->names);
    free(claim);
}

static struct claim *claim_new(struct deliverer *deliverer)
{
    struct claim *claim = calloc(1, sizeof(*claim));

    if (!claim)
        return NULL;
    claim->deliverer = deliverer;
    claim->hooks = calloc(deliverer->n_hooks + 1, sizeof(*claim->hooks));
    claim->names = calloc(deliverer->n_hooks + 1, sizeof(*claim->names));
    if (!claim->hooks || !claim->names) {
        claim_free(claim);
        return NULL;
    }
    return claim;
}

void deliverer_set_timer(struct deliverer *deliverer, int64_t wait_ms)
{
    uint64_t now, at, set;
    int enabled;

    if (wait_ms < 1)
        wait_ms = 1;
    if (wait_ms > LOOK_AGAIN_MS)
        wait_ms = LOOK_AGAIN_MS;
    if (sd_event_now(sd_event_source_get_event(deliverer->timer), CLOCK_BOOTTIME, &now) < 0)
        return;
    at = now + (uint64_t)wait_ms * 1000;
    if (sd_event_source_get_enabled(deliverer->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
        sd_event_source_get_time(deliverer->timer, &set) >= 0 && set <= at)
        return; /* it wakes earlier for somebody else */
    sd_event_source_set_time(deliverer->timer, at);
    sd_event_source_set_enabled(deliverer->timer, SD_EVENT_ONESHOT);
}

static void on_claimed(struct store_command *command)
{
    struct claim *claim = command->userdata;
    struct deliverer *deliverer = claim->deliverer;

    deliverer->claiming = false;
    if (command->result != STORE_OK) {
        deliverer->wanted = true;
        deliverer_set_timer(deliverer, CLAIM_AGAIN_MS);
        claim_free(claim);
        return;
    }
    for (size_t i = 0; i < claim->command.n; i++) {
        const char *hook = claim->names[claim->command.jobs[i].hook];

        hooks_took_turn(deliverer, hook);
        deliverer_start(deliverer, hook, &claim->command.jobs[i]);
    }
    if (claim->command.next_due_at)
        deliverer_set_timer(deliverer, claim->command.next_due_at - time_now());
    if (claim->command.more)
        deliverer->wanted = true;
    claim_free(claim);
    deliverer_step(deliverer);
}

/* The hooks with their free places, first the one after who ran last. False when there is nothing to
 * claim: a run that ends, a probe, the rate or a reload wakes us again. */
static bool fill_claim(struct deliverer *deliverer, struct claim *claim, size_t *ret_n)
{
    size_t shared = (size_t)deliverer->config->delivery.concurrency, n = 0;
    bool any = false;

    shared = shared > deliverer->n_shared ? shared - deliverer->n_shared : 0;
    claim->command.shared = shared;
    for (size_t i = 0; i < deliverer->n_hooks; i++) {
        struct hook_run_state *hook = &deliverer->hooks[(deliverer->turn + i) % deliverer->n_hooks];
        const struct hook_config *config = config_hook(deliverer->config, hook->name);
        struct hook_capacity *capacity = &claim->hooks[n];

        if (!hook->configured || !config)
            continue;
        memcpy(claim->names[n], hook->name, sizeof(claim->names[n]));
        *capacity = (struct hook_capacity){
            .hook = claim->names[n],
            .free = hooks_capacity(deliverer, hook),
            .running = (size_t)hook->running,
            .shared = config->mode == HOOK_EXEC,
        };
        if (capacity->shared && capacity->free > shared)
            capacity->free = shared;
        any |= capacity->free > 0;
        n++;
    }
    *ret_n = n;
    return any;
}

/* The runner refused jobs a moment ago. */
static bool must_hold(struct deliverer *deliverer)
{
    int64_t left = deliverer->refused_until_boot_ms - time_boot_ms();

    if (left > 0)
        deliverer_set_timer(deliverer, left);
    return left > 0;
}

void deliverer_step(struct deliverer *deliverer)
{
    struct claim *claim;
    size_t n;

    if (deliverer->claiming || !deliverer->wanted || deliverer->stopped || !deliverer->ready ||
        must_hold(deliverer))
        return;
    claim = claim_new(deliverer);
    if (!claim) {
        deliverer_set_timer(deliverer, CLAIM_AGAIN_MS);
        return;
    }
    if (!fill_claim(deliverer, claim, &n)) {
        claim_free(claim);
        return;
    }
    claim->command.base = (struct store_command){.kind = STORE_CLAIM_DELIVERIES,
                                                 .where = STORE_DONE_ON_LOOP,
                                                 .done = on_claimed,
                                                 .userdata = claim};
    claim->command.hooks = claim->hooks;
    claim->command.n_hooks = n;
    claim->command.now = time_now();
    deliverer->wanted = false;
    deliverer->claiming = true;
    if (store_post(deliverer->store, &claim->command.base) != STORE_OK) {
        claim->command.base.result = STORE_E_UNAVAILABLE;
        on_claimed(&claim->command.base);
    }
}

void deliverer_wake(struct deliverer *deliverer)
{
    deliverer->wanted = true;
    deliverer_step(deliverer);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    deliverer_wake(userdata);
    return 0;
}

static void on_outcome(struct deliverer *deliverer, const struct hook_outcome *outcome,
                       const char *output, size_t size)
{
    struct run *run;

    if (outcome->id < 0) {
        deliverer_test_outcome(deliverer, outcome, output, size);
        return;
    }
    run = runs_take(deliverer, outcome->id);
    if (!run) {
        log_debug("prontod-runner answered for a delivery that is not running, ignoring it");
        return;
    }
    deliverer_finish(deliverer, run, outcome, output, size);
    free(run);
    deliverer_wake(deliverer);
}

void deliverer_frame(struct deliverer *deliverer, struct json_object *head, const char *payload,
                     size_t size)
{
    const char *state, *detail;
    struct hook_outcome outcome;

    if (control_decode(head, &state, &detail)) {
        deliverer->ready = true;
        deliverer_wake(deliverer);
    } else if (hook_outcome_decode(head, &outcome) < 0) {
        log_warning("prontod-runner sent a frame that is no outcome, ignoring it");
    } else {
        on_outcome(deliverer, &outcome, payload, size);
    }
}

void deliverer_link_up(struct deliverer *deliverer)
{
    deliverer->ready = false; /* until the runner says that it has read its configuration */
}

void deliverer_link_down(struct deliverer *deliverer)
{
    struct run *run;

    deliverer->ready = false;
    deliverer_tests_lost(deliverer);
    while ((run = runs_take_one(deliverer))) {
        deliverer_finish(deliverer, run, NULL, NULL, 0);
        free(run);
    }
}

void deliverer_reload(struct deliverer *deliverer, const struct config *config)
{
    if (hooks_configure(deliverer, config) < 0)
        log_error("out of memory at the reload; hooks stay as they were");
    deliverer->config = config;
    deliverer_wake(deliverer);
}

int deliverer_new(sd_event *loop, const struct config *config, struct store *store,
                  struct store_reader *reader, struct worker_link *runner, struct deliverer **ret)
{
    struct deliverer *deliverer = calloc(1, sizeof(*deliverer));
    int r;

    if (!deliverer)
        return -ENOMEM;
    deliverer->config = config;
    deliverer->store = store;
    deliverer->reader = reader;
    deliverer->runner = runner;
    r = hooks_configure(deliverer, config);
    if (r >= 0)
        r = insist_new(loop, store, &deliverer->insist);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &deliverer->timer, CLOCK_BOOTTIME, UINT64_MAX / 2, 0,
                                       on_timer, deliverer);
    if (r < 0) {
        deliverer_free(deliverer);
        return r;
    }
    sd_event_source_set_enabled(deliverer->timer, SD_EVENT_OFF);
    *ret = deliverer;
    return 0;
}

void deliverer_stop(struct deliverer *deliverer)
{
    deliverer->stopped = true;
}

bool deliverer_is_idle(const struct deliverer *deliverer)
{
    return deliverer->n_runs == 0 && !deliverer->claiming && deliverer->n_unsaved == 0;
}

void deliverer_free(struct deliverer *deliverer)
{
    struct run *run;

    if (!deliverer)
        return;
    while ((run = runs_take_one(deliverer)))
        free(run);
    hooks_free(deliverer);
    insist_free(deliverer->insist, deliverer_drop_finish);
    sd_event_source_unref(deliverer->timer);
    free(deliverer);
}
