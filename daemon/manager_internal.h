/* What the manager's files share. */
#pragma once

#include "common/log.h"
#include "delivery/deliverer.h"
#include "ingress/ingress.h"
#include "manager.h"
#include "query/query.h"
#include "rates.h"
#include "retention.h"
#include "submission/submission.h"
#include "workers.h"

struct worker_end {
    const char *program;
    struct worker_link *link;
    struct worker_process process; /* pid 0: a service of its own */
    struct log_rate away;          /* each attempt to connect may fail */
    bool lost;                     /* said, and not heard of since */
    bool reloading;                /* was told to, and has not answered */
};

struct manager {
    const char *config_path;
    struct config *config;
    sd_event *loop;
    struct store *store;
    struct store_reader *reader;
    struct worker_end egress, runner;
    struct submission *submission;
    struct deliverer *deliverer;
    struct ingress *ingress;
    struct query *query;
    struct retention *retention;
    struct watch *watch;
    struct rates rates;
    sd_event_source *store_source, *ready_timer, *stop_timer;
    /* Paths of the sockets that did not come from outside: removed at the end. */
    char *own_socket, *own_callback_socket;
    int64_t reload_deadline_boot_ms; /* 0: no reload is under way */
    bool reload_failed;
    bool workers_heard;
    int64_t workers_deadline_boot_ms; /* until then READY=1 waits for the first word of egress */
    bool ready_told, stopping, ingress_stopped;
    int exit_status;
};

/* manager.c */
void manager_stop(struct manager *manager, int exit_status);

/* manager_workers.c: starts or connects them, and what schedules their work. */
int manager_start_workers(struct manager *manager);
void manager_end_workers(struct manager *manager);
#define WORKER_END_MS 10000 /* a worker that we started may take so long to end */

/* manager_watch.c: troubles, the status line of the service, the watchdog. Needs all rooms. */
int manager_watch_new(struct manager *manager);
void manager_watch_free(struct manager *manager);
/* Takes a sample for the rates when it is time. */
void manager_look_at_rates(struct manager *manager);
/* The status line now, when it differs from what was told. */
void manager_tell_status(struct manager *manager);

/* manager_settings.c: what the rooms take from a configuration, and putting a new one in place. */
void manager_store_settings(const struct config *config, struct store_settings *ret);
int manager_ingress_new(struct manager *manager, int listen_fd);
/* Reads the configuration again; keeps the old one whole when the new one has faults. */
void manager_reload(struct manager *manager);
/* A worker answered (@state as in its "ready"), or went away (NULL). */
void manager_worker_reloaded(struct manager *manager, struct worker_end *worker, const char *state,
                             const char *detail);
/* Ends a reload whose workers do not answer in time. */
void manager_reload_look(struct manager *manager);

/* manager_status.c: what the query socket asks the other rooms. */
void manager_query_backend(struct manager *manager, struct query_backend *ret);
