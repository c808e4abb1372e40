#include "runner/runs.h"

#include "runner/child.h"
#include "runner/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

LIST_HEAD(children, child);

struct runs {
    struct processes *processes;
    const struct config *config;
    struct teller teller;
    struct children children;
    size_t n_children;
    struct waiting waiting;
    bool stopping;
};

static void start_waiting(struct runs *runs);

static void on_ended(struct child *child, const struct hook_outcome *outcome, const char *output,
                     size_t size, void *userdata)
{
    struct runs *runs = userdata;

    if (!child->lost)
        runs->teller.tell(outcome, output, size, runs->teller.userdata);
    LIST_REMOVE(child, link);
    runs->n_children--;
    child_free(child);
    start_waiting(runs);
    if (runs->n_children == 0)
        runs->teller.idle(runs->teller.userdata);
}

static void start(struct runs *runs, const struct hook_config *hook, const struct hook_job *job,
                  const char *document, size_t size)
{
    char error[PROGRAM_ERROR_SIZE];
    struct child *child;
    int r = child_start(runs->processes, hook, job, document, size, on_ended, runs, &child, error);

    if (r == PROCESS_E_NOT_STARTED) {
        teller_refuse(&runs->teller, job->id, false, error);
        return;
    }
    if (r < 0) {
        teller_refuse(&runs->teller, job->id, true, strerror(-r));
        return;
    }
    LIST_INSERT_HEAD(&runs->children, child, link);
    runs->n_children++;
}

static void start_waiting(struct runs *runs)
{
    struct waiting_job *next;
    struct hook_job job;

    while (runs->n_children < LIMIT_RUNNING && (next = waiting_take(&runs->waiting))) {
        const struct hook_config *hook =
            hook_job_decode(next->head, &job) == 0 ? config_hook(runs->config, job.hook) : NULL;

        if (hook && hook->mode == HOOK_EXEC)
            start(runs, hook, &job, next->document, next->size);
        else /* it left the configuration while it waited */
            teller_refuse(&runs->teller, job.id, true, "the hook has changed");
        waiting_job_free(next);
    }
}

void runs_give(struct runs *runs, const struct hook_config *hook, const struct hook_job *job,
               struct json_object *head, const char *document, size_t size)
{
    int r;

    if (runs->stopping) {
        teller_refuse(&runs->teller, job->id, true, "prontod-runner is stopping");
    } else if (runs->n_children < LIMIT_RUNNING) {
        start(runs, hook, job, document, size);
    } else {
        r = waiting_add(&runs->waiting, head, document, size);
        if (r < 0)
            teller_refuse(&runs->teller, job->id, true, strerror(-r));
    }
}

void runs_cancel(struct runs *runs, int64_t id)
{
    struct waiting_job *job = waiting_take_id(&runs->waiting, id);
    struct child *child;

    if (job)
        teller_refuse(&runs->teller, id, true, TELLER_ERASED);
    waiting_job_free(job);
    LIST_FOREACH(child, &runs->children, link)
    if (child->id == id)
        child_stop(child);
}

void runs_reload(struct runs *runs, const struct config *config)
{
    runs->config = config;
}

static void refuse_waiting(struct runs *runs)
{
    struct waiting_job *next;
    struct hook_job job;

    while ((next = waiting_take(&runs->waiting))) {
        if (hook_job_decode(next->head, &job) == 0) /* as it did before */
            teller_refuse(&runs->teller, job.id, true, "prontod-runner is stopping");
        waiting_job_free(next);
    }
}

void runs_stop(struct runs *runs)
{
    struct child *child;

    runs->stopping = true;
    refuse_waiting(runs);
    LIST_FOREACH(child, &runs->children, link)
    child_stop(child);
}

void runs_drop(struct runs *runs)
{
    struct child *child;

    waiting_clear(&runs->waiting);
    LIST_FOREACH(child, &runs->children, link)
    {
        child->lost = true;
        child_kill(child);
    }
}

bool runs_are_idle(const struct runs *runs)
{
    return runs->n_children == 0;
}

int runs_new(struct processes *processes, const struct config *config, const struct teller *teller,
             struct runs **ret)
{
    struct runs *runs = calloc(1, sizeof(*runs));

    if (!runs)
        return -ENOMEM;
    runs->processes = processes;
    runs->config = config;
    runs->teller = *teller;
    LIST_INIT(&runs->children);
    waiting_init(&runs->waiting);
    *ret = runs;
    return 0;
}

void runs_free(struct runs *runs)
{
    struct child *child;

    if (!runs)
        return;
    waiting_clear(&runs->waiting);
    while ((child = LIST_FIRST(&runs->children))) {
        LIST_REMOVE(child, link);
        child_free(child);
    }
    free(runs);
}
