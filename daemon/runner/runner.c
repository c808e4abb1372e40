/* An outcome belongs to the link its job came over. prontod takes what was under way on a link that
 * went down as interrupted and runs it again, under the same number: so hooks of a link that is
 * gone are killed, and nothing is told of them over the next one. */
#include "runner/runner.h"

#include "common/log.h"
#include "common/timestamp.h"
#include "link/worker_settings.h"
#include "model/wire.h"
#include "runner/child.h"
#include "runner/orphans.h"
#include "runner/spawn.h"
#include "runner/waiting.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LIST_HEAD(children, child);

struct runner {
    const char *config_path;
    struct config *config;
    struct worker *worker;
    sd_event_source *any_end; /* SIGCHLD */
    struct children children;
    size_t n_children;
    struct waiting waiting;
    bool unswept; /* something that a hook left behind does not end */
    bool stopping;
};

static enum kin kin_of(pid_t pid, void *userdata)
{
    const struct runner *runner = userdata;
    const struct child *child;
    pid_t session = getsid(pid);
    enum kin kin = KIN_STRANGER;

    LIST_FOREACH(child, &runner->children, link)
    {
        if (child->pid == pid)
            return KIN_LEADER;
        if (child->pid == session && !child->over)
            kin = KIN_MEMBER;
    }
    return kin;
}

/* The end of a child: of one that a hook left behind, or of a hook, which its struct child hears of
 * by itself. */
static int on_any_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct runner *runner = userdata;

    (void)source;
    (void)info;
    if (runner->unswept)
        runner->unswept = !orphans_sweep(kin_of, runner);
    else
        orphans_reap(kin_of, runner);
    return 0;
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

/* The job comes back without having run. */
static void refuse(struct runner *runner, int64_t id, bool interrupted, const char *error)
{
    const struct hook_outcome outcome = {
        .id = id,
        .started_at = time_now(),
        .end = {.exit_code = -1, .not_started = !interrupted, .interrupted = interrupted},
        .error = error,
    };

    tell(runner, &outcome, NULL, 0);
}

static void start_waiting(struct runner *runner);

static void on_ended(struct child *child, const struct hook_outcome *outcome, const char *output,
                     size_t size, void *userdata)
{
    struct runner *runner = userdata;

    /* Before its outcome is told: the next run must not meet what this one left behind. */
    runner->unswept = !orphans_sweep(kin_of, runner);
    if (!child->lost)
        tell(runner, outcome, output, size);
    LIST_REMOVE(child, link);
    runner->n_children--;
    child_free(child);
    start_waiting(runner);
    if (runner->stopping && runner->n_children == 0)
        worker_quit(runner->worker);
}

static void start(struct runner *runner, const struct hook_job *job, const char *document,
                  size_t size)
{
    const struct hook_config *hook = config_hook(runner->config, job->hook);
    char error[PROGRAM_ERROR_SIZE];
    struct spawned spawned;
    struct child *child;
    int r;

    if (!hook) {
        refuse(runner, job->id, false,
               "the configuration of prontod-runner has no such hook; reload it");
        return;
    }
    if (hook->mode == HOOK_STREAM) {
        refuse(runner, job->id, false, "mode = stream is not supported by this version");
        return;
    }
    if (hook_spawn(hook, job->env, document, size, &spawned, error) != SPAWN_OK) {
        refuse(runner, job->id, false, error);
        return;
    }
    r = child_new(worker_loop(runner->worker), hook, job->id, spawned.pid, spawned.output_fd,
                  on_ended, runner, &child);
    if (r < 0) {
        log_error("cannot watch a hook, it was killed: %s", strerror(-r));
        refuse(runner, job->id, true, strerror(-r));
        return;
    }
    LIST_INSERT_HEAD(&runner->children, child, link);
    runner->n_children++;
}

static void start_waiting(struct runner *runner)
{
    struct waiting_job *next;
    struct hook_job job;

    while (runner->n_children < LIMIT_RUNNING && (next = waiting_take(&runner->waiting))) {
        if (hook_job_decode(next->head, &job) == 0) /* as it did before */
            start(runner, &job, next->document, next->size);
        waiting_job_free(next);
    }
}

static void on_job(struct runner *runner, struct json_object *head, const char *document,
                   size_t size)
{
    struct hook_job job;
    int r;

    if (hook_job_decode(head, &job) < 0) {
        log_warning("prontod sent a frame that is no job, ignoring it");
        return;
    }
    if (runner->stopping) {
        refuse(runner, job.id, true, "prontod-runner is stopping");
    } else if (runner->n_children < LIMIT_RUNNING) {
        start(runner, &job, document, size);
    } else {
        r = waiting_add(&runner->waiting, head, document, size);
        if (r < 0)
            refuse(runner, job.id, true, strerror(-r));
    }
}

static void say_ready(struct runner *runner, const char *state, const char *detail)
{
    cleanup_json struct json_object *head = NULL;
    int r = control_encode("ready", state, detail, &head);

    if (r == 0)
        r = worker_send(runner->worker, head, NULL, 0);
    if (r < 0 && r != -ENOTCONN)
        log_error("cannot tell prontod that hooks can be run: %s", strerror(-r));
}

/* A configuration with faults changes nothing. */
static void on_reload(void *userdata)
{
    struct runner *runner = userdata;
    struct worker_fault fault = {0};
    struct config *config;
    int r = config_load(runner->config_path, worker_note_fault, &fault, &config);

    if (r == CONFIG_OK) {
        config_free(runner->config);
        runner->config = config;
        say_ready(runner, "ok", NULL);
    } else {
        log_error("the configuration stays as it was");
        say_ready(runner, "old_configuration", r < 0 ? strerror(-r) : fault.text);
    }
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    const char *state, *detail, *control = control_decode(head, &state, &detail);

    if (!control)
        on_job(userdata, head, payload, size);
    else if (strcmp(control, "reload") == 0)
        on_reload(userdata);
    else
        log_warning("prontod asks for what this version does not know");
}

static void on_up(void *userdata)
{
    say_ready(userdata, "ok", NULL);
}

static void on_down(void *userdata)
{
    struct runner *runner = userdata;
    struct child *child;

    waiting_clear(&runner->waiting);
    LIST_FOREACH(child, &runner->children, link)
    {
        child->lost = true;
        child_kill(child);
    }
}

static void refuse_waiting(struct runner *runner)
{
    struct waiting_job *next;
    struct hook_job job;

    while ((next = waiting_take(&runner->waiting))) {
        if (hook_job_decode(next->head, &job) == 0)
            refuse(runner, job.id, true, "prontod-runner is stopping");
        waiting_job_free(next);
    }
}

static void on_stop(void *userdata)
{
    struct runner *runner = userdata;
    struct child *child;

    runner->stopping = true;
    refuse_waiting(runner);
    LIST_FOREACH(child, &runner->children, link)
    child_stop(child);
    if (runner->n_children == 0)
        worker_quit(runner->worker);
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
    waiting_init(&runner->waiting);
    *ret = runner;
    return 0;
}

int runner_attach(struct runner *runner, struct worker *worker)
{
    int r;

    runner->worker = worker;
    r = sd_event_add_signal(worker_loop(worker), &runner->any_end, SIGCHLD, on_any_end, runner);
    return r < 0 ? r : 0;
}

void runner_free(struct runner *runner)
{
    struct child *child;

    if (!runner)
        return;
    sd_event_source_disable_unref(runner->any_end);
    waiting_clear(&runner->waiting);
    while ((child = LIST_FIRST(&runner->children))) {
        LIST_REMOVE(child, link);
        child_free(child);
    }
    orphans_sweep(kin_of, runner);
    config_free(runner->config);
    free(runner);
}
