/* Start: database, workers, listeners, so that nothing is accepted before it can be stored, and no
 * program is started once a peer can speak to us. Stop: the reverse; what was accepted is finished,
 * what runs longer than we may wait is found on disk by the next start. */
#include "manager_internal.h"

#include "common/confine.h"
#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"
#include "fds.h"
#include "notify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define READY_LOOK_US   (20 * 1000ULL)
#define WORKERS_WAIT_MS 5000 /* a worker that is a service of its own may come later */
#define STOP_GRACE_MS                                                                              \
    (30 * 1000) /* for hooks and calls under way; beyond it they run again after the next start */
#define STOP_LOOK_US (50 * 1000ULL)

/* Rooms tell each other what happened through here. */

static void on_changed(const struct store_changes *changes, void *userdata)
{
    struct manager *manager = userdata;

    if (changes->submissions && manager->submission)
        submission_wake_submits(manager->submission);
    if (changes->polls && manager->submission)
        submission_wake_polls(manager->submission);
    if (changes->deliveries && manager->deliverer)
        deliverer_wake(manager->deliverer);
    for (size_t i = 0; i < changes->n_cancelled && manager->deliverer; i++)
        deliverer_cancel(manager->deliverer, changes->cancelled[i]);
    if (manager->query)
        query_changed(manager->query, changes);
}

static int on_store(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct manager *manager = userdata;
    int r = store_dispatch(manager->store, on_changed, manager);

    (void)source;
    (void)fd;
    (void)revents;
    if (r < 0) {
        const struct log_field field = {"PRONTO_ERROR", strerror(-r)};

        log_fields(
            LOG_CRIT, MESSAGE_STORE_GAVE_UP, &field, 1,
            "the database cannot be written any more: %s; ending, so that a new start recovers it",
            strerror(-r));
        manager->exit_status = EXIT_FAILURE;
        sd_event_exit(manager->loop, 0);
    }
    return 0;
}

/* Building. */

static int open_store(struct manager *manager)
{
    struct store_settings *settings = calloc(1, sizeof(*settings));
    cleanup_free char *reason = NULL;
    int r;

    if (!settings)
        return -ENOMEM;
    manager_store_settings(manager->config, settings);
    r = store_open(manager->config->store.path, settings, time_now(), &manager->store, &reason);
    free(settings);
    if (r > 0) {
        const struct log_field field = {"PRONTO_DATABASE", manager->config->store.path};

        log_fields(LOG_ERR,
                   r == STORE_OPEN_E_NEWER ? MESSAGE_DATABASE_NEWER : MESSAGE_DATABASE_REFUSED,
                   &field, 1, "%s", reason);
        return -EINVAL;
    }
    if (r < 0) {
        log_error("cannot open the database %s: %s", manager->config->store.path, strerror(-r));
        return r;
    }
    r = store_reader_open(manager->store, &manager->reader);
    if (r >= 0)
        r = sd_event_add_io(manager->loop, &manager->store_source, store_fd(manager->store),
                            EPOLLIN, on_store, manager);
    return r;
}

/* A socket file of ours goes with us. */
static int listen_unix(const char *path, char **ret_own, int *ret_fd)
{
    int r = fds_listen_unix(path, ret_fd);

    if (r == 0)
        *ret_own = strdup(path);
    return r;
}

static void say_listen_failed(const char *address, const char *error, const char *hint)
{
    const struct log_field fields[] = {{"PRONTO_ADDRESS", address}, {"PRONTO_ERROR", error}};

    log_fields(LOG_ERR, MESSAGE_LISTEN_FAILED, fields, ARRAY_SIZE(fields),
               "cannot listen on %s: %s%s", address, error, hint);
}

static int listen_callback(struct manager *manager, int inherited)
{
    const char *address = manager->config->ingress.listen, *path = fds_unix_path(address);
    int fd = inherited, r = 0;

    if (fd < 0)
        r = path ? listen_unix(path, &manager->own_callback_socket, &fd)
                 : fds_listen_tcp(address, &fd);
    if (r < 0) {
        say_listen_failed(
            address, strerror(-r),
            path ? "; another prontod may serve there, or the directory is missing or not writable"
                 : "; another program may use the port, or the address is not of this machine");
        return r;
    }
    return manager_ingress_new(manager, fd);
}

static int listen_query(struct manager *manager, int inherited)
{
    struct query_backend backend;
    int fd = inherited, r = 0;

    if (fd < 0)
        r = listen_unix(manager->config->query.socket, &manager->own_socket, &fd);
    if (r < 0) {
        say_listen_failed(manager->config->query.socket,
                          r == -EADDRINUSE ? "another prontod serves there" : strerror(-r), "");
        return r;
    }
    manager_query_backend(manager, &backend);
    return query_new(manager->loop, manager->config, fd, &backend, &manager->query);
}

/* The workers run, and all listeners are open. */
static void give_up_rights(void)
{
    int r = confine(CONFINE_RECEIVER);

    if (r < 0)
        log_notice("the kernel takes no filter of system calls (%s); going on without",
                   strerror(-r));
}

/* READY=1 only when callbacks can be stored: not on a full disk. */
static int on_ready_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct manager *manager = userdata;

    (void)usec;
    if (manager->stopping || manager->ready_told)
        return 0;
    if (store_ready(manager->store) &&
        (manager->workers_heard || time_boot_ms() >= manager->workers_deadline_boot_ms)) {
        manager->ready_told = true;
        give_up_rights();
        log_message(LOG_NOTICE, MESSAGE_READY, "serving callbacks on %s",
                    manager->config->ingress.listen);
        manager_tell_status(manager);
        notify_ready();
        return 0;
    }
    sd_event_source_set_time_relative(source, READY_LOOK_US);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                          void *userdata)
{
    struct manager *manager = userdata;

    (void)source;
    (void)info;
    if (manager->stopping) {
        log_message(LOG_WARNING, MESSAGE_STOP_UNFINISHED,
                    "told to stop again, ending at once; what was under way runs again after the "
                    "next start");
        sd_event_exit(manager->loop, 0);
        return 0;
    }
    manager_stop(manager, EXIT_SUCCESS);
    return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                            void *userdata)
{
    struct manager *manager = userdata;

    (void)source;
    (void)info;
    if (!manager->stopping)
        manager_reload(manager);
    return 0;
}

static int watch_signals(struct manager *manager)
{
    int r = sd_event_add_signal(manager->loop, NULL, SIGTERM, on_stop_signal, manager);

    if (r >= 0)
        r = sd_event_add_signal(manager->loop, NULL, SIGINT, on_stop_signal, manager);
    if (r >= 0)
        r = sd_event_add_signal(manager->loop, NULL, SIGHUP, on_reload_signal, manager);
    return r;
}

static int build(struct manager *manager)
{
    int callback_fd, query_fd, r = fds_inherited(&callback_fd, &query_fd);

    if (r >= 0)
        r = sd_event_new(&manager->loop);
    if (r >= 0)
        r = watch_signals(manager);
    if (r >= 0)
        r = open_store(manager);
    if (r >= 0)
        r = manager_start_workers(manager);
    if (r >= 0)
        r = listen_query(manager, query_fd);
    if (r >= 0)
        r = listen_callback(manager, callback_fd);
    if (r >= 0)
        r = retention_new(manager->loop, manager->store, manager->reader,
                          manager->config->store.retention_ms, &manager->retention);
    if (r >= 0)
        r = manager_watch_new(manager);
    if (r >= 0)
        r = sd_event_add_time_relative(manager->loop, &manager->ready_timer, CLOCK_BOOTTIME, 0, 0,
                                       on_ready_timer, manager);
    return r;
}

int manager_new(const char *config_path, struct config *config, struct manager **ret)
{
    struct manager *manager = calloc(1, sizeof(*manager));
    int r;

    if (!manager) {
        config_free(config);
        return -ENOMEM;
    }
    manager->config_path = config_path;
    manager->config = config;
    manager->workers_deadline_boot_ms = time_boot_ms() + WORKERS_WAIT_MS;
    r = build(manager);
    if (r < 0) {
        manager_free(manager);
        return r;
    }
    submission_wake_submits(manager->submission);
    submission_wake_polls(manager->submission);
    deliverer_wake(manager->deliverer);
    *ret = manager;
    return 0;
}

/* Stopping. */

static bool is_idle(const struct manager *manager)
{
    return manager->ingress_stopped && query_is_idle(manager->query) &&
           submission_is_idle(manager->submission) && deliverer_is_idle(manager->deliverer);
}

static int on_stop_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct manager *manager = userdata;
    static int64_t deadline;

    (void)usec;
    if (deadline == 0)
        deadline = time_boot_ms() + STOP_GRACE_MS;
    if (is_idle(manager))
        return sd_event_exit(manager->loop, 0);
    if (time_boot_ms() >= deadline) {
        log_message(LOG_WARNING, MESSAGE_STOP_UNFINISHED,
                    "some hooks or calls did not end in time; they run again after the next start");
        return sd_event_exit(manager->loop, 0);
    }
    sd_event_source_set_time_relative(source, STOP_LOOK_US);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void on_ingress_stopped(void *userdata)
{
    ((struct manager *)userdata)->ingress_stopped = true;
}

void manager_stop(struct manager *manager, int exit_status)
{
    if (manager->stopping)
        return;
    manager->stopping = true;
    manager->exit_status = exit_status;
    log_message(LOG_NOTICE, MESSAGE_STOPPING, "stopping: finishing what was accepted");
    notify_stopping();
    manager_tell_status(manager);
    notify_extend_timeout(STOP_GRACE_MS + 2 * WORKER_END_MS + 10000);
    submission_stop(manager->submission);
    deliverer_stop(manager->deliverer);
    query_stop(manager->query);
    ingress_stop(manager->ingress, on_ingress_stopped, manager);
    if (sd_event_add_time_relative(manager->loop, &manager->stop_timer, CLOCK_BOOTTIME, 0, 0,
                                   on_stop_timer, manager) < 0)
        sd_event_exit(manager->loop, 0);
}

int manager_run(struct manager *manager)
{
    int r = sd_event_loop(manager->loop);

    if (r < 0) {
        log_error("the main loop failed: %s", strerror(-r));
        return EXIT_FAILURE;
    }
    return manager->exit_status;
}

void manager_free(struct manager *manager)
{
    if (!manager)
        return;
    manager_watch_free(manager);
    ingress_free(manager->ingress);
    query_free(manager->query);
    if (manager->store)
        store_stop(manager->store); /* what the schedulers have there comes back while they live */
    deliverer_free(manager->deliverer);
    submission_free(manager->submission);
    retention_free(manager->retention);
    manager_end_workers(manager);
    sd_event_source_unref(manager->store_source);
    sd_event_source_unref(manager->ready_timer);
    sd_event_source_unref(manager->stop_timer);
    /* While the store's lock keeps the next prontod out. */
    if (manager->own_socket)
        unlink(manager->own_socket);
    if (manager->own_callback_socket)
        unlink(manager->own_callback_socket);
    free(manager->own_socket);
    free(manager->own_callback_socket);
    store_reader_free(manager->reader);
    store_close(manager->store);
    sd_event_unref(manager->loop);
    config_free(manager->config);
    free(manager);
}
