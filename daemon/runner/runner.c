#include "runner/runner.h"

#include "common/log.h"
#include "common/timestamp.h"
#include "link/worker_settings.h"
#include "model/wire.h"
#include "runner/child.h"
#include "runner/orphans.h"
#include "runner/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

LIST_HEAD(children, child);

struct runner {
    const char *config_path;
    struct config *config;
    struct worker *worker;
    struct children children;
    size_t n_children;
    bool stopping;
};

static bool is_leader(pid_t pid, void *userdata)
{
    const struct runner *runner = userdata;
    const struct child *child;

    LIST_FOREACH(child, &runner->children, link)
    if (child->pid == pid)
        return true;
    return false;
}

static void tell(struct runner *runner, const struct hook_outcome *outcome, const char *output,
                 size_t size)
{
    cleanup_json struct json_object *head = NULL;
    int r = hook_outcome_encode(outcome, &head);

    if (r == 0)
        r = worker_send(runner->worker, head, output, size);
    if (r < 0 && r != -ENOTCONN)
        log_error(
            "cannot tell prontod how a hook ended: %s; it runs again after prontod's next start",
            strerror(-r));
}

static void quit_when_idle(struct runner *runner)
{
    if (runner->stopping && runner->n_children == 0)
        worker_quit(runner->worker);
}

static void on_ended(struct child *child, const struct hook_outcome *outcome, const char *output,
                     size_t size, void *userdata)
{
    struct runner *runner = userdata;

    if (!child->lost)
        tell(runner, outcome, output, size);
    orphans_kill(is_leader, runner);
    LIST_REMOVE(child, link);
    runner->n_children--;
    child_free(child);
    quit_when_idle(runner);
}

/* The job comes back without having run. */
static void refuse(struct runner *runner, int64_t id, bool hooks_fault, const char *error)
{
    struct hook_outcome outcome = {
        .id = id,
        .started_at = time_now(),
        .end = {.exit_code = -1, .not_started = hooks_fault, .interrupted = !hooks_fault},
        .error = error,
    };

    tell(runner, &outcome, NULL, 0);
}

static void start(struct runner *runner, const struct hook_job *job, const struct hook_config *hook,
                  const char *document, size_t size)
{
    cleanup_free char *error = NULL;
    struct spawned spawned;
    struct child *child;
    int r = hook_spawn(hook, job->env, document, size, &spawned, &error);

    if (r == SPAWN_OK) {
        r = child_new(worker_loop(runner->worker), hook, job->id, spawned.pid, spawned.output_fd,
                      on_ended, runner, &child);
        if (r == 0) {
            LIST_INSERT_HEAD(&runner->children, child, link);
            runner->n_children++;
            return;
        }
    }
    if (r == SPAWN_E_NOT_STARTED) {
        refuse(runner, job->id, true, error);
    } else {
        log_warning("cannot start a hook now: %s; it is tried again", strerror(-r));
        refuse(runner, job->id, false, strerror(-r));
    }
}

static void reload(struct runner *runner);

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    struct runner *runner = userdata;
    const char *control, *state, *detail;
    const struct hook_config *hook;
    struct hook_job job;

    control = control_decode(head, &state, &detail);
    if (control) {
        if (strcmp(control, "reload") == 0)
            reload(runner);
        return;
    }
    if (hook_job_decode(head, &job) < 0) {
        log_warning("prontod sent a frame that is no job, ignoring it");
        return;
    }
    hook = config_hook(runner->config, job.hook);
    if (!hook)
        refuse(runner, job.id, true, "prontod-runner's configuration has no such hook; reload it");
    else if (hook->mode == HOOK_STREAM)
        refuse(runner, job.id, true, "mode = stream is not supported by this version");
    else if (runner->stopping || runner->n_children >= RUNNER_JOBS_MAX)
        refuse(runner, job.id, false, "prontod-runner is stopping or has too many hooks running");
    else
        start(runner, &job, hook, payload, size);
}

static void say_ready(struct runner *runner, const char *detail)
{
    cleanup_json struct json_object *head = NULL;

    if (control_encode("ready", "ok", detail, &head) < 0 ||
        worker_send(runner->worker, head, NULL, 0) < 0)
        log_error("cannot tell prontod that the runner is ready");
}

static void read_configuration(struct runner *runner)
{
    struct worker_fault fault = {0};
    struct config *fresh;

    if (config_load(runner->config_path, worker_note_fault, &fault, &fresh) != CONFIG_OK) {
        log_error("the configuration has faults; the old one stays");
        return;
    }
    config_free(runner->config);
    runner->config = fresh;
}

static void reload(struct runner *runner)
{
    read_configuration(runner);
    say_ready(runner, NULL);
}

static void on_reload(void *userdata)
{
    read_configuration(userdata); /* by a signal: prontod may not be there */
}

static void on_up(void *userdata)
{
    say_ready(userdata, NULL);
}

/* Outcomes cannot be told any more, so their deliveries run again: nothing of them may go on
 * meanwhile. */
static void on_down(void *userdata)
{
    struct runner *runner = userdata;
    struct child *child;

    LIST_FOREACH(child, &runner->children, link)
    child_kill(child);
}

static void on_stop(void *userdata)
{
    struct runner *runner = userdata;
    struct child *child;

    runner->stopping = true;
    LIST_FOREACH(child, &runner->children, link)
    child_stop(child);
    quit_when_idle(runner);
}

const struct worker_ops runner_ops = {
    .on_frame = on_frame,
    .on_up = on_up,
    .on_down = on_down,
    .on_stop = on_stop,
    .on_reload = on_reload,
};

int runner_new(const char *config_path, struct config *config, struct runner **ret)
{
    struct runner *runner = calloc(1, sizeof(*runner));

    if (!runner) {
        config_free(config);
        return -ENOMEM;
    }
    runner->config_path = config_path;
    runner->config = config;
    LIST_INIT(&runner->children);
    *ret = runner;
    return 0;
}

void runner_set_worker(struct runner *runner, struct worker *worker)
{
    runner->worker = worker;
}

void runner_free(struct runner *runner)
{
    struct child *child;

    if (!runner)
        return;
    while ((child = LIST_FIRST(&runner->children))) {
        LIST_REMOVE(child, link);
        child_free(child);
    }
    orphans_kill(is_leader, runner);
    config_free(runner->config);
    free(runner);
}
