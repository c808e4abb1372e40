/* What both workers' main() have in common: where the link comes from (the descriptor prontod
 * handed over as $PRONTOD_LINK_FD; or, as a service, the listening socket of socket activation,
 * sd_listen_fds(3), one connection at a time, peer checked), signals, sd_notify, the loop. A worker
 * that prontod started ends when the link ends; a service goes on waiting for the next connection.
 * SIGTERM finishes what is under way. */
#pragma once

#include "link/link.h"

struct worker_ops {
    /* A frame from prontod. Answers go through worker_send(). */
    void (*on_frame)(struct json_object *head, const char *payload, size_t size, void *userdata);
    /* A link came up: say {"control": "ready"}. */
    void (*on_up)(void *userdata);
    /* The link is gone: outcomes of what is under way cannot be told; stop it (the runner kills its
     * hooks, egress aborts its calls). */
    void (*on_down)(void *userdata);
    /* SIGTERM: finish what is under way, then call worker_quit(). */
    void (*on_stop)(void *userdata);
    /* SIGHUP. */
    void (*on_reload)(void *userdata);
};

struct worker;

/* Sets up; *ret_loop is borrowed from the worker. Returns 0 or a negative errno with *ret_reason
 * (static text). */
int worker_new(const struct worker_ops *ops, void *userdata, struct worker **ret,
               const char **ret_reason);
sd_event *worker_loop(struct worker *worker);
int worker_send(struct worker *worker, struct json_object *head, const void *payload, size_t size);
int worker_run(struct worker *worker); /* until worker_quit(); returns the exit status */
void worker_quit(struct worker *worker);
void worker_free(struct worker *worker);
