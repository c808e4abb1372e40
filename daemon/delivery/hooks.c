#include "delivery/deliverer_internal.h"

#include "common/log.h"
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

static void carry_over(struct hook_run_state *fresh, const struct hook_run_state *old)
{
    /* Broken is looked at anew: a reload is how an operator says that it is mended. */
    fresh->running = old->running;
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
            carry_over(&fresh[n], old);
        n++;
    }
    for (size_t i = 0; i < deliverer->n_hooks; i++) {
        const struct hook_run_state *old = &deliverer->hooks[i];

        if (old->running == 0 || config_hook(config, old->name))
            continue;
        memcpy(fresh[n].name, old->name, sizeof(fresh[n].name));
        carry_over(&fresh[n++], old);
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

size_t hooks_capacity(struct deliverer *deliverer, struct hook_run_state *hook)
{
    const struct hook_config *config = config_hook(deliverer->config, hook->name);
    int64_t most;

    if (!hook->configured || !config)
        return 0;
    if (hook->broken) {
        int64_t left = hook->probe_boot_ms - time_boot_ms();

        if (left > 0) {
            deliverer_set_timer(deliverer, left);
            return 0;
        }
        return hook->running == 0 ? 1 : 0;
    }
    most = config->mode == HOOK_STREAM ? config->window : config->concurrency;
    return hook->running < most ? (size_t)(most - hook->running) : 0;
}

void hooks_broke(struct deliverer *deliverer, struct hook_run_state *hook, const char *error)
{
    struct log_field field = {"PRONTO_HOOK", hook->name};
    char *copy = strdup(error);
    bool known = hook->broken && hook->error && copy && strcmp(hook->error, copy) == 0;
    int64_t wait = backoff_equal_jitter(PROBE_FIRST_MS, PROBE_LONGEST_MS, ++hook->failed_probes,
                                        random_uniform(UINT32_MAX));

    if (!known)
        log_fields(LOG_ERR, NULL, &field, 1,
                   "hook cannot be started: %s; its deliveries wait, and it is tried again by "
                   "itself and at a reload",
                   error);
    free(hook->error);
    hook->error = copy;
    hook->broken = true;
    hook->probe_boot_ms = time_boot_ms() + wait;
    deliverer_set_timer(deliverer, wait);
}

void hooks_mended(struct hook_run_state *hook)
{
    struct log_field field = {"PRONTO_HOOK", hook->name};

    if (!hook->broken)
        return;
    log_fields(LOG_NOTICE, NULL, &field, 1, "hook can be started again");
    hook->broken = false;
    hook->failed_probes = 0;
    free(hook->error);
    hook->error = NULL;
}

int deliverer_hook(const struct deliverer *deliverer, const char *name, struct hook_status *ret)
{
    const struct hook_run_state *hook = hooks_find((struct deliverer *)deliverer, name);

    if (!hook || !hook->configured)
        return -ENOENT;
    *ret = (struct hook_status){
        .state = hook->broken ? "broken" : "ok", .error = hook->error, .running = hook->running};
    return 0;
}
