#include "delivery/deliverer_internal.h"

#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hook that cannot be started is tried again by itself: soon at first, since an upgrade may have
 * moved its program for a moment, then seldom. */
#define PROBE_FIRST_MS   (5 * 1000)
#define PROBE_LONGEST_MS (5 * 60 * 1000)

struct hook_run_state *hooks_find(struct deliverer *deliverer, const char *name)
{
    for (size_t i = 0; i < deliverer->n_hooks; i++)
        if (strcmp(deliverer->hooks[i].name, name) == 0)
            return &deliverer->hooks[i];
    return NULL;
}

void hooks_took_turn(struct deliverer *deliverer, const char *name)
{
    const struct hook_run_state *hook = hooks_find(deliverer, name);

    if (hook)
        deliverer->turn = (size_t)(hook - deliverer->hooks) + 1;
}

static struct breaker_settings breaker_settings_of(const struct hook_config *config)
{
    return (struct breaker_settings){.trip_after = config->trip_after,
                                     .first_ms = config->backoff_first_ms};
}

static void say_resumed(const struct hook_run_state *hook, const char *text)
{
    const struct log_field field = {"PRONTO_HOOK", hook->name};

    log_fields(LOG_NOTICE, MESSAGE_HOOK_RESUMED, &field, 1, "%s", text);
}

/* Broken is looked at anew, and a tripped one may be probed: a reload is how an operator says that
 * it is mended. @config NULL: it left the configuration. */
static void carry_over(struct hook_run_state *fresh, const struct hook_run_state *old,
                       const struct hook_config *config)
{
    fresh->running = old->running;
    fresh->said_broken = old->said_broken;
    fresh->bucket = old->bucket;
    fresh->run_times = old->run_times;
    fresh->breaker = old->breaker;
    memcpy(fresh->trouble, old->trouble, sizeof(fresh->trouble));
    if (config) {
        struct breaker_settings settings = breaker_settings_of(config);

        breaker_reconsider(&fresh->breaker, &settings, time_boot_ms());
        if (old->breaker.tripped && !fresh->breaker.tripped)
            say_resumed(fresh, "hook goes on: the new configuration has no trip_after for it");
    }
}

int hooks_configure(struct deliverer *deliverer, const struct config *config)
{
    size_t n = 0;
    struct hook_run_state *fresh = calloc(config->n_hooks + deliverer->n_hooks + 1, sizeof(*fresh));

    if (!fresh)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_hooks; i++) {
        const struct hook_run_state *old = hooks_find(deliverer, config->hooks[i].name);

        snprintf(fresh[n].name, sizeof(fresh[n].name), "%s", config->hooks[i].name);
        fresh[n].configured = true;
        if (old)
            carry_over(&fresh[n], old, &config->hooks[i]);
        n++;
    }
    for (size_t i = 0; i < deliverer->n_hooks; i++) {
        const struct hook_run_state *old = &deliverer->hooks[i];

        if (old->running == 0 || config_hook(config, old->name))
            continue;
        memcpy(fresh[n].name, old->name, sizeof(fresh[n].name));
        carry_over(&fresh[n++], old, NULL);
    }
    hooks_free(deliverer);
    deliverer->hooks = fresh;
    deliverer->n_hooks = n;
    return 0;
}

void hooks_free(struct deliverer *deliverer)
{
    for (size_t i = 0; i < deliverer->n_hooks; i++)
        free(deliverer->hooks[i].error);
    free(deliverer->hooks);
    deliverer->hooks = NULL;
    deliverer->n_hooks = 0;
}

/* The next window of a stream hook waits in the runner while the program answers one: it never waits
 * for a commit. */
static int64_t places_of(const struct hook_config *config)
{
    return config->mode == HOOK_STREAM ? 2 * config->window : config->concurrency;
}

/* One after @left, while nothing else runs. */
static size_t probe_capacity(struct deliverer *deliverer, const struct hook_run_state *hook,
                             int64_t left)
{
    if (left > 0)
        deliverer_set_timer(deliverer, left);
    return left <= 0 && hook->running == 0 ? 1 : 0;
}

static size_t rate_capacity(struct deliverer *deliverer, struct hook_run_state *hook, int64_t rate,
                            int64_t now)
{
    size_t free = bucket_free(&hook->bucket, rate, now);

    if (free == 0)
        deliverer_set_timer(deliverer, bucket_wait(&hook->bucket, rate));
    return free;
}

size_t hooks_capacity(struct deliverer *deliverer, struct hook_run_state *hook)
{
    const struct hook_config *config = config_hook(deliverer->config, hook->name);
    int64_t now = time_boot_ms();
    size_t free, rate;

    if (!hook->configured || !config)
        return 0;
    if (hook->broken)
        return probe_capacity(deliverer, hook, hook->probe_boot_ms - now);
    if (hook->breaker.tripped)
        return probe_capacity(deliverer, hook, breaker_wait(&hook->breaker, now));
    free = hook->running < places_of(config) ? (size_t)(places_of(config) - hook->running) : 0;
    rate = rate_capacity(deliverer, hook, config->rate, now);
    return free < rate ? free : rate;
}

void hooks_started(struct deliverer *deliverer, struct hook_run_state *hook, struct run *run)
{
    const struct hook_config *config = config_hook(deliverer->config, hook->name);

    hook->running++;
    run->probe = hook->breaker.tripped;
    run->tries = hook->broken;
    run->breaker = breaker_settings_of(config);
    bucket_take(&hook->bucket);
    /* Others may be due, and nothing else may happen until the rate lets them run. */
    rate_capacity(deliverer, hook, config->rate, time_boot_ms());
}

void hooks_failed(struct deliverer *deliverer, struct hook_run_state *hook, const struct run *run,
                  const char *how)
{
    struct log_field field = {"PRONTO_HOOK", hook->name};
    int64_t now = time_boot_ms(), wait;
    bool trips =
        breaker_failed(&hook->breaker, &run->breaker, run->probe, now, random_uniform(UINT32_MAX));

    if (!hook->breaker.tripped)
        return;
    wait = breaker_wait(&hook->breaker, now);
    if (trips || run->probe)
        snprintf(hook->trouble, sizeof(hook->trouble),
                 "%lld attempts in a row failed; the last one %s",
                 (long long)hook->breaker.failures, how);
    if (trips) {
        const struct log_field fields[] = {field, {"PRONTO_ERROR", hook->trouble}};

        log_fields(LOG_ERR, MESSAGE_HOOK_TRIPPED, fields, ARRAY_SIZE(fields),
                   "hook is tripped: %s; its deliveries wait, and one is tried in %lld s, then in "
                   "growing intervals, until one succeeds",
                   hook->trouble, (long long)(wait + 999) / 1000);
    }
    deliverer_set_timer(deliverer, wait);
}

void hooks_succeeded(struct hook_run_state *hook)
{
    if (breaker_succeeded(&hook->breaker))
        say_resumed(hook, "hook succeeds again, and goes on");
}

void hooks_broke(struct deliverer *deliverer, struct hook_run_state *hook, const struct run *run,
                 const char *error)
{
    const struct log_field fields[] = {{"PRONTO_HOOK", hook->name}, {"PRONTO_ERROR", error}};
    char *copy;
    int64_t wait;
    bool known;

    if (hook->broken && !run->tries)
        return;
    copy = strdup(error);
    known = hook->broken && hook->error && copy && strcmp(hook->error, copy) == 0;
    wait = backoff_equal_jitter(PROBE_FIRST_MS, PROBE_LONGEST_MS, ++hook->failed_probes,
                                random_uniform(UINT32_MAX));
    if (!known)
        log_fields(LOG_ERR, MESSAGE_HOOK_BROKEN, fields, ARRAY_SIZE(fields),
                   "hook cannot be started: %s; its deliveries wait, and it is tried again by "
                   "itself and at a reload",
                   error);
    free(hook->error);
    hook->error = copy;
    hook->broken = hook->said_broken = true;
    hook->probe_boot_ms = time_boot_ms() + wait;
    deliverer_set_timer(deliverer, wait);
}

void hooks_mended(struct hook_run_state *hook, const struct run *run)
{
    struct log_field field = {"PRONTO_HOOK", hook->name};

    if (hook->broken && !run->tries)
        return;
    if (hook->said_broken)
        log_fields(LOG_NOTICE, MESSAGE_HOOK_MENDED, &field, 1, "hook can be started again");
    hook->said_broken = false;
    if (!hook->broken)
        return;
    hook->broken = false;
    hook->failed_probes = 0;
    free(hook->error);
    hook->error = NULL;
}

/* A time of the clock that does not jump, for people. */
static int64_t wall_time(int64_t boot_ms)
{
    return time_now() + (boot_ms - time_boot_ms());
}

int64_t deliverer_runs(const struct deliverer *deliverer)
{
    return deliverer->n_ended;
}

int deliverer_hook(const struct deliverer *deliverer, const char *name, struct hook_status *ret)
{
    const struct hook_run_state *hook = hooks_find((struct deliverer *)deliverer, name);

    if (!hook || !hook->configured)
        return -ENOENT;
    *ret = (struct hook_status){
        .state = "ok", .running = hook->running, .run_times = &hook->run_times};
    if (hook->broken) {
        ret->state = "broken";
        ret->error = hook->error;
        ret->retry_at = wall_time(hook->probe_boot_ms);
    } else if (hook->breaker.tripped) {
        ret->state = "tripped";
        ret->error = hook->trouble;
        ret->retry_at = wall_time(hook->breaker.probe_at);
    }
    return 0;
}
