#include "manager_internal.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"
#include "model/wire.h"
#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELOAD_WAIT_MS 5000 /* for the workers */

void manager_log_fault(const char *file, unsigned line, const char *message, void *userdata)
{
    (void)userdata;
    if (line > 0)
        log_error("%s:%u: %s", file, line, message);
    else
        log_error("%s: %s", file, message);
}

void manager_store_settings(const struct config *config, struct store_settings *ret)
{
    *ret = (struct store_settings){
        .min_free = config->store.min_free,
        .max_unmatched = config->store.max_unmatched,
        .custom_lenient = config->custom_lenient,
        .resend_after_ms = config->pronto.resend_after_ms,
        .poll_after_ms = config->pronto.poll_after_ms,
        .deadline_ms = config->pronto.deadline_ms,
        .verify_fetch = config->ingress.verify_fetch,
        .batch = config->pronto.batch,
        .batch_delay_ms = config->pronto.batch_delay_ms,
        .daily_credits = config->pronto.daily_credits,
        .reuse_ms = config->pronto.reuse_ms,
        .n_hooks = config->n_hooks,
    };
    memcpy(ret->credit_prices, config->pronto.prices.of, sizeof(ret->credit_prices));
    for (size_t i = 0; i < config->n_hooks; i++) {
        const struct hook_config *hook = &config->hooks[i];
        struct hook_filter *filter = &ret->hooks[i];

        snprintf(filter->name, sizeof(filter->name), "%s", hook->name);
        filter->on = hook->on;
        filter->types = hook->types;
        filter->only = hook->only;
    }
}

static void ingress_settings(const struct config *config, char **secrets,
                             struct ingress_settings *ret)
{
    *ret = (struct ingress_settings){
        .secrets = secrets,
        .trusted_proxies = config->ingress.trusted_proxies,
        .max_body = config->ingress.max_body,
        .timeout_ms = config->ingress.timeout_ms,
    };
}

int manager_ingress_new(struct manager *manager, int listen_fd)
{
    struct ingress_settings settings;
    char **secrets = NULL;
    int r = config_read_secrets(manager->config, &secrets);

    if (r != CONFIG_OK) {
        log_error("cannot read the shared secrets: %s",
                  r < 0 ? strerror(-r) : "a line is not a secret; see prontod --check-config");
        close(listen_fd);
        return r < 0 ? r : -EINVAL;
    }
    ingress_settings(manager->config, secrets, &settings);
    r = ingress_new(manager->loop, manager->store, listen_fd,
                    manager->config->ingress.max_connections, &settings, &manager->ingress);
    config_free_secrets(secrets);
    return r;
}

static void on_reconfigured(struct store_command *command)
{
    struct store_reconfigure *reconfigure = (struct store_reconfigure *)command;

    if (command->result != STORE_OK)
        log_error("the store did not take the new configuration; send SIGHUP again");
    free(reconfigure);
}

static int reconfigure_store(struct manager *manager, const struct config *config)
{
    struct store_reconfigure *command = calloc(1, sizeof(*command));

    if (!command)
        return -ENOMEM;
    command->base = (struct store_command){
        .kind = STORE_RECONFIGURE, .where = STORE_DONE_ON_LOOP, .done = on_reconfigured};
    manager_store_settings(config, &command->settings);
    if (store_post(manager->store, &command->base) != STORE_OK) {
        free(command);
        return -EAGAIN;
    }
    return 0;
}

static void tell_worker(struct worker_end *worker)
{
    cleanup_json struct json_object *head = NULL;
    int r;

    if (!worker_link_is_up(worker->link))
        return; /* it reads the configuration when it comes back */
    r = control_encode("reload", NULL, NULL, &head);
    if (r == 0)
        r = worker_link_send(worker->link, head, NULL, 0);
    if (r < 0)
        log_error("cannot tell %s to reload: %s; send SIGHUP again", worker->program, strerror(-r));
    worker->reloading = r >= 0;
}

/* Listeners and the database stay what they were until the next start. */
static void warn_of_fixed(const struct config *old, const struct config *fresh)
{
    if (strcmp(old->ingress.listen, fresh->ingress.listen) != 0 ||
        strcmp(old->query.socket, fresh->query.socket) != 0 ||
        strcmp(old->store.path, fresh->store.path) != 0 ||
        old->ingress.max_connections != fresh->ingress.max_connections)
        log_message(LOG_WARNING, MESSAGE_CONFIG_NEEDS_RESTART,
                    "listen, max_connections, socket and url take effect at the next start of "
                    "prontod, not at a reload");
}

static int put_in_place(struct manager *manager, const struct config *fresh)
{
    struct ingress_settings settings;
    char **secrets = NULL;
    int r = config_read_secrets(fresh, &secrets);

    if (r != CONFIG_OK)
        return r;
    ingress_settings(fresh, secrets, &settings);
    /* The query socket last: it keeps the pointer, and what fails before leaves the old one alone. */
    r = reconfigure_store(manager, fresh);
    if (r == 0)
        r = ingress_reconfigure(manager->ingress, &settings);
    config_free_secrets(secrets);
    if (r == 0)
        r = query_reload(manager->query, fresh);
    return r;
}

/* The service manager hears of the end when the workers have the new configuration as well: who waits
 * for `systemctl reload` may change the files again. */
static void end_reload(struct manager *manager)
{
    manager->reload_deadline_boot_ms = 0;
    manager_tell_status(manager);
    if (manager->ready_told)
        notify_ready();
}

void manager_worker_reloaded(struct manager *manager, struct worker_end *worker, const char *state,
                             const char *detail)
{
    const struct log_field fields[] = {{"PRONTO_WORKER", worker->program},
                                       {"PRONTO_ERROR", detail}};

    if (!worker->reloading)
        return;
    worker->reloading = false;
    if (state && strcmp(state, "old_configuration") == 0) {
        manager->reload_failed = true;
        log_fields(LOG_ERR, MESSAGE_CONFIG_REJECTED, fields, ARRAY_SIZE(fields),
                   "%s did not take the new configuration: %s; mend it and reload again",
                   worker->program, detail ? detail : "it has faults");
    }
    if (manager->reload_deadline_boot_ms != 0 && !manager->egress.reloading &&
        !manager->runner.reloading)
        end_reload(manager);
}

void manager_reload_look(struct manager *manager)
{
    if (manager->reload_deadline_boot_ms == 0 || time_boot_ms() < manager->reload_deadline_boot_ms)
        return;
    log_warning("a worker did not answer to the reload; see systemctl status prontod-egress "
                "prontod-runner");
    manager->egress.reloading = manager->runner.reloading = false;
    end_reload(manager);
}

void manager_reload(struct manager *manager)
{
    struct config *fresh = NULL, *old = manager->config;
    int r;

    notify_reloading();
    r = config_load(manager->config_path, manager_log_fault, NULL, &fresh);
    if (r == CONFIG_OK)
        r = config_check_environment(fresh, manager_log_fault, NULL);
    if (r == CONFIG_OK)
        r = put_in_place(manager, fresh);
    if (r != 0) {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED,
                    "reload failed%s%s; the old configuration stays", r < 0 ? ": " : "",
                    r < 0 ? strerror(-r) : "");
        config_free(fresh);
        manager->reload_failed = true;
        end_reload(manager);
        return;
    }
    warn_of_fixed(old, fresh);
    manager->config = fresh;
    tell_worker(&manager->egress);
    tell_worker(&manager->runner);
    submission_reload(manager->submission, fresh);
    deliverer_reload(manager->deliverer, fresh);
    retention_reload(manager->retention, fresh->store.retention_ms);
    config_free(old);
    log_message(LOG_NOTICE, MESSAGE_CONFIG_RELOADED, "configuration reloaded from %s",
                manager->config_path);
    manager->reload_failed = false;
    manager->reload_deadline_boot_ms = time_boot_ms() + RELOAD_WAIT_MS;
    if (!manager->egress.reloading && !manager->runner.reloading)
        end_reload(manager);
}
