/* An outcome belongs to the link its job came over. prontod takes what was under way on a link that
 * went down as interrupted and runs it again, under the same number: so hooks of a link that is
 * gone are killed, and nothing is told of them over the next one. */
#include "runner/runner.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "link/worker_settings.h"
#include "model/wire.h"
#include "runner/runs.h"
#include "runner/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct runner {
    const char *config_path;
    struct config *config;
    struct worker *worker;
    struct processes *processes;
    struct runs *runs;       /* hooks with mode = exec */
    struct streams *streams; /* with mode = stream */
    bool stopping;
};

static void tell(const struct hook_outcome *outcome, const char *output, size_t size,
                 void *userdata)
{
    struct runner *runner = userdata;
    cleanup_json struct json_object *head = NULL;
    int r = hook_outcome_encode(outcome, &head);

    if (r == 0)
        r = worker_send(runner->worker, head, output, size);
    if (r < 0 && r != -ENOTCONN)
        log_error(
            "cannot tell prontod how a hook ended: %s; it runs again after prontod's next start",
            strerror(-r));
}

static void quit_when_idle(void *userdata)
{
    struct runner *runner = userdata;

    if (runner->stopping && runs_are_idle(runner->runs) && streams_are_idle(runner->streams))
        worker_quit(runner->worker);
}

static struct teller make_teller(struct runner *runner)
{
    return (struct teller){.tell = tell, .idle = quit_when_idle, .userdata = runner};
}

static void on_job(struct runner *runner, struct json_object *head, const char *document,
                   size_t size)
{
    const struct teller teller = make_teller(runner);
    const struct hook_config *hook;
    struct hook_job job;

    if (hook_job_decode(head, &job) < 0) {
        log_warning("prontod sent a frame that is no job, ignoring it");
        return;
    }
    hook = config_hook(runner->config, job.hook);
    if (!hook)
        teller_refuse(&teller, job.id, false,
                      "the configuration of prontod-runner has no such hook; reload it");
    else if (hook->mode == HOOK_STREAM)
        streams_give(runner->streams, hook, &job, document, size);
    else
        runs_give(runner->runs, hook, &job, head, document, size);
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
        runs_reload(runner->runs, config);
        streams_reload(runner->streams, config);
        config_free(runner->config);
        runner->config = config;
        say_ready(runner, "ok", NULL);
    } else {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED, "the configuration stays as it was");
        say_ready(runner, "old_configuration", r < 0 ? strerror(-r) : fault.text);
    }
}

/* Of a job that runs, that waits, or that has ended meanwhile. */
static void on_cancel(struct runner *runner, struct json_object *head)
{
    int64_t id;

    if (hook_cancel_decode(head, &id) < 0) {
        log_warning("prontod cancels what is no job, ignoring it");
        return;
    }
    runs_cancel(runner->runs, id);
    streams_cancel(runner->streams, id);
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    const char *state, *detail, *control = control_decode(head, &state, &detail);

    if (!control)
        on_job(userdata, head, payload, size);
    else if (strcmp(control, "reload") == 0)
        on_reload(userdata);
    else if (strcmp(control, "cancel") == 0)
        on_cancel(userdata, head);
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

    runs_drop(runner->runs);
    streams_drop(runner->streams);
}

static void on_stop(void *userdata)
{
    struct runner *runner = userdata;

    runner->stopping = true;
    runs_stop(runner->runs);
    streams_stop(runner->streams);
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
    *ret = runner;
    return 0;
}

int runner_attach(struct runner *runner, struct worker *worker)
{
    const struct teller teller = make_teller(runner);
    int r;

    runner->worker = worker;
    r = processes_new(worker_loop(worker), &runner->processes);
    if (r >= 0)
        r = runs_new(runner->processes, runner->config, &teller, &runner->runs);
    if (r >= 0)
        r = streams_new(runner->processes, runner->config, &teller, &runner->streams);
    if (r >= 0 && processes_have_cgroups(runner->processes))
        log_info("each hook runs in a control group of its own");
    return r < 0 ? r : 0;
}

void runner_free(struct runner *runner)
{
    if (!runner)
        return;
    runs_free(runner->runs);
    streams_free(runner->streams);
    processes_free(runner->processes);
    config_free(runner->config);
    free(runner);
}
