/* The two workers: started by us, or services of their own that we connect to. */
#include "manager_internal.h"

#include "common/message_ids.h"
#include "model/wire.h"

#include <stdlib.h>
#include <string.h>

static void worker_went_down(struct manager *manager, struct worker_end *worker, const char *reason)
{
    const struct log_field fields[] = {{"PRONTO_WORKER", worker->program},
                                       {"PRONTO_ERROR", reason}};

    manager_worker_reloaded(manager, worker, NULL, NULL);
    if (manager->stopping)
        return;
    if (worker->process.pid == 0) {
        worker->lost = true;
        log_limited_fields(&worker->away, LOG_WARNING, MESSAGE_WORKER_LOST, fields,
                           ARRAY_SIZE(fields), "%s is not there (%s), connecting again",
                           worker->program, reason);
        return;
    }
    log_fields(LOG_ERR, MESSAGE_WORKER_ENDED, fields, ARRAY_SIZE(fields),
               "%s ended (%s). prontod starts no program once it serves, so it stops; start it "
               "again, nothing is lost",
               worker->program, reason);
    manager_stop(manager, EXIT_FAILURE);
}

/* It counts when it says something: a socket accepts also for a worker that does not start. */
static void worker_was_heard(struct worker_end *worker)
{
    const struct log_field field = {"PRONTO_WORKER", worker->program};

    if (!worker->lost)
        return;
    worker->lost = false;
    worker->away = (struct log_rate){0};
    log_fields(LOG_NOTICE, MESSAGE_WORKER_BACK, &field, 1, "%s is back", worker->program);
}

/* A worker that we started is up before its scheduler is there; that begins with "not ready" as
 * well. */
static void worker_said(struct manager *manager, struct worker_end *worker,
                        struct json_object *head)
{
    const char *state, *detail, *control;

    worker_was_heard(worker);
    control = control_decode(head, &state, &detail);
    if (control && strcmp(control, "ready") == 0)
        manager_worker_reloaded(manager, worker, state, detail);
}

static void on_egress_up(void *userdata)
{
    struct manager *manager = userdata;

    if (manager->submission)
        submission_link_up(manager->submission);
}

static void on_egress_frame(struct json_object *head, const char *payload, size_t size,
                            void *userdata)
{
    struct manager *manager = userdata;

    worker_said(manager, &manager->egress, head);
    manager->workers_heard =
        true; /* whether there is a key is known: who asks to submit hears the truth */
    submission_frame(manager->submission, head, payload, size);
}

static void on_egress_down(const char *reason, void *userdata)
{
    struct manager *manager = userdata;

    submission_link_down(manager->submission);
    worker_went_down(manager, &manager->egress, reason);
}

static void on_runner_up(void *userdata)
{
    struct manager *manager = userdata;

    if (manager->deliverer)
        deliverer_link_up(manager->deliverer);
}

static void on_runner_frame(struct json_object *head, const char *payload, size_t size,
                            void *userdata)
{
    struct manager *manager = userdata;

    worker_said(manager, &manager->runner, head);
    deliverer_frame(manager->deliverer, head, payload, size);
}

static void on_runner_down(const char *reason, void *userdata)
{
    struct manager *manager = userdata;

    deliverer_link_down(manager->deliverer);
    worker_went_down(manager, &manager->runner, reason);
}

static int start_worker(struct manager *manager, struct worker_end *worker, const char *program,
                        const char *socket_variable, const struct worker_link_handlers *handlers)
{
    const char *path = getenv(socket_variable);
    int r;

    worker->program = program;
    if (path && *path)
        return worker_link_connect(manager->loop, path, handlers, manager, &worker->link);
    r = worker_start(program, manager->config_path, &worker->process);
    if (r < 0) {
        log_error("cannot start %s: %s; is the package installed completely?", program,
                  strerror(-r));
        return r;
    }
    return worker_link_adopt(manager->loop, worker->process.fd, handlers, manager, &worker->link);
}

int manager_start_workers(struct manager *manager)
{
    static const struct worker_link_handlers egress = {
        .on_up = on_egress_up, .on_frame = on_egress_frame, .on_down = on_egress_down};
    static const struct worker_link_handlers runner = {
        .on_up = on_runner_up, .on_frame = on_runner_frame, .on_down = on_runner_down};
    int r =
        start_worker(manager, &manager->egress, "prontod-egress", "PRONTOD_EGRESS_SOCKET", &egress);

    if (r >= 0)
        r = start_worker(manager, &manager->runner, "prontod-runner", "PRONTOD_RUNNER_SOCKET",
                         &runner);
    if (r >= 0)
        r = submission_new(manager->loop, manager->config, manager->store, manager->egress.link,
                           &manager->submission);
    if (r >= 0)
        r = deliverer_new(manager->loop, manager->config, manager->store, manager->reader,
                          manager->runner.link, &manager->deliverer);
    return r;
}

static void end_worker(struct worker_end *worker)
{
    worker_link_free(worker->link);
    if (worker->process.pid > 0)
        worker_join(&worker->process, WORKER_END_MS);
}

void manager_end_workers(struct manager *manager)
{
    end_worker(&manager->egress);
    end_worker(&manager->runner);
}
