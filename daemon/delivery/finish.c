/* How an attempt ended goes to the store with insist_post(): a delivery never stays running on disk
 * because the disk was full for a moment. What the end means is decided by model/schedule.h. */
#include "delivery/deliverer_internal.h"

#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_WAIT_MS 1000

struct finish {
    struct store_finish_attempt command;
    struct deliverer *deliverer;
    char *error, *output;
};

static void finish_free(struct finish *finish)
{
    free(finish->error);
    free(finish->output);
    free(finish);
}

static void on_finished(struct store_command *command)
{
    struct finish *finish = command->userdata;
    struct deliverer *deliverer = finish->deliverer;

    if (insist_again(deliverer->insist, command))
        return;
    deliverer->n_unsaved--;
    finish_free(finish);
    deliverer_wake(deliverer);
}

void deliverer_drop_finish(struct store_command *command)
{
    finish_free(command->userdata);
}

static struct finish *finish_new(struct deliverer *deliverer, store_key delivery)
{
    struct finish *finish = calloc(1, sizeof(*finish));

    if (!finish)
        return NULL;
    finish->deliverer = deliverer;
    finish->command = (struct store_finish_attempt){
        .base = {.kind = STORE_FINISH_ATTEMPT,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_finished,
                 .userdata = finish},
        .delivery = delivery,
        .now = time_now(),
    };
    return finish;
}

static void finish_post(struct finish *finish)
{
    finish->deliverer->n_unsaved++;
    insist_post(finish->deliverer->insist, &finish->command.base);
}

void deliverer_put_back(struct deliverer *deliverer, store_key delivery, int64_t wait_ms)
{
    struct finish *finish = finish_new(deliverer, delivery);

    if (!finish) {
        log_error("out of memory over a delivery that waits; it runs after the next start");
        return;
    }
    finish->command.outcome = ATTEMPT_HOOK_BROKEN;
    finish->command.next_at = time_now() + wait_ms;
    finish_post(finish);
}

#define HOW_SIZE 64

static void describe_end(const struct attempt_end *end, char ret[static HOW_SIZE])
{
    if (end->timed_out)
        snprintf(ret, HOW_SIZE, "timed out");
    else if (end->interrupted)
        snprintf(ret, HOW_SIZE, "was interrupted");
    else if (end->signal)
        snprintf(ret, HOW_SIZE, "was killed by signal %d", end->signal);
    else if (end->exit_code < 0)
        snprintf(ret, HOW_SIZE, "ended without an answer");
    else
        snprintf(ret, HOW_SIZE, "ended with %d", end->exit_code);
}

static void log_attempt(const struct run *run, const struct store_finish_attempt *command,
                        const char *how)
{
    struct log_field fields[] = {
        {"PRONTO_HOOK", run->hook}, {"PRONTO_DELIVERY_ID", run->id}, {"PRONTO_ERROR", NULL}};
    char when[TIME_RFC3339_SIZE];

    time_format_rfc3339(command->next_at, when);
    if (command->outcome == ATTEMPT_SUCCEEDED) {
        /* As it should be, and thousands of times a second; the attempt is in the database. */
        log_fields(LOG_DEBUG, NULL, fields, ARRAY_SIZE(fields), "hook %s after %lld ms", how,
                   (long long)command->duration_ms);
    } else if (command->outcome == ATTEMPT_DEAD) {
        fields[2].value = how;
        log_fields(
            LOG_ERR, MESSAGE_DELIVERY_DEAD, fields, ARRAY_SIZE(fields),
            "hook %s after %lld ms; the delivery is dead: see prontoctl deliveries --state dead",
            how, (long long)command->duration_ms);
    } else if (command->outcome == ATTEMPT_RETRY) {
        log_fields(LOG_NOTICE, NULL, fields, ARRAY_SIZE(fields),
                   "hook %s after %lld ms; next attempt at %s", how,
                   (long long)command->duration_ms, when);
    } else {
        log_fields(LOG_NOTICE, NULL, fields, ARRAY_SIZE(fields), "hook %s; it runs again", how);
    }
}

/* What the end means, with the settings that the run was started with. */
static void judge(const struct run *run, struct store_finish_attempt *command)
{
    command->outcome = attempt_judge(&command->end, run->attempts, run->interruptions,
                                     command->now - run->since, run->max_attempts, run->give_up_ms);
    command->next_at = command->now;
    if (command->outcome == ATTEMPT_RETRY)
        command->next_at +=
            backoff_equal_jitter(run->backoff_first_ms, run->backoff_longest_ms,
                                 (unsigned)run->attempts + 1, random_uniform(UINT32_MAX));
}

/* Neither an interruption nor data that the hook refuses says anything about the hook. */
static void tell_breaker(struct deliverer *deliverer, struct hook_run_state *hook,
                         const struct run *run, const struct store_finish_attempt *command,
                         const char *how)
{
    const struct attempt_end *end = &command->end;

    if (command->outcome == ATTEMPT_SUCCEEDED)
        hooks_succeeded(hook);
    else if (!end->interrupted &&
             (end->timed_out || end->signal != 0 || end->exit_code != EXIT_PERMANENT))
        hooks_failed(deliverer, hook, run, how);
}

/* The runner could not take it (it stops, or the machine is short of processes, memory or
 * descriptors): that is not the hook's fault, and asking again at once would not help. */
static bool was_refused(const struct hook_outcome *outcome)
{
    return outcome && outcome->end.interrupted && outcome->end.exit_code < 0 &&
           outcome->end.signal == 0;
}

static void refused(struct deliverer *deliverer, const struct run *run,
                    const struct hook_outcome *outcome)
{
    const char *error = outcome->error ? outcome->error : "unknown reason";
    const struct log_field fields[] = {{"PRONTO_HOOK", run->hook}, {"PRONTO_ERROR", error}};

    log_limited_fields(
        &deliverer->refused, LOG_WARNING, MESSAGE_RUNNER_SHORT, fields, ARRAY_SIZE(fields),
        "prontod-runner could not start a hook: %s; it is asked again in a second", error);
    deliverer->refused_until_boot_ms = time_boot_ms() + REFUSED_WAIT_MS;
    deliverer_put_back(deliverer, run->delivery, REFUSED_WAIT_MS);
}

/* What the runner measured. */
static void copy_figures(struct store_finish_attempt *command, const struct hook_outcome *outcome)
{
    command->started_at = outcome ? outcome->started_at : command->now;
    command->duration_ms = outcome ? outcome->duration_ms : 0;
    command->cpu_ms = outcome ? outcome->cpu_ms : -1;
    command->memory_bytes = outcome ? outcome->memory_bytes : -1;
}

static int copy_texts(struct finish *finish, const struct hook_outcome *outcome, const char *output,
                      size_t size)
{
    if (outcome && outcome->error && !(finish->error = strdup(outcome->error)))
        return -ENOMEM;
    if (size > LIMIT_HOOK_OUTPUT) {
        output += size - LIMIT_HOOK_OUTPUT;
        size = LIMIT_HOOK_OUTPUT;
    }
    if (size > 0) {
        finish->output = malloc(size);
        if (!finish->output)
            return -ENOMEM;
        memcpy(finish->output, output, size);
    }
    finish->command.error = finish->error;
    finish->command.output = finish->output;
    finish->command.output_size = size;
    return 0;
}

void deliverer_finish(struct deliverer *deliverer, const struct run *run,
                      const struct hook_outcome *outcome, const char *output, size_t size)
{
    struct hook_run_state *hook = hooks_find(deliverer, run->hook);
    struct finish *finish;
    char how[HOW_SIZE];

    if (hook)
        hook->running--;
    if (run->cancelled)
        return;
    if (hook && outcome && outcome->end.not_started) {
        hooks_broke(deliverer, hook, run, outcome->error ? outcome->error : "unknown reason");
        deliverer_put_back(deliverer, run->delivery, 0);
        return;
    }
    if (was_refused(outcome)) {
        refused(deliverer, run, outcome);
        return;
    }
    finish = finish_new(deliverer, run->delivery);
    if (!finish || copy_texts(finish, outcome, output, size) < 0) {
        if (finish)
            finish_free(finish);
        log_error(
            "out of memory over the end of a hook; its delivery runs again after the next start");
        return;
    }
    finish->command.end =
        outcome ? outcome->end : (struct attempt_end){.exit_code = -1, .interrupted = true};
    copy_figures(&finish->command, outcome);
    deliverer->n_ended++;
    if (hook && outcome)
        histogram_add(&hook->run_times, outcome->duration_ms * 1000);
    judge(run, &finish->command);
    describe_end(&finish->command.end, how);
    log_attempt(run, &finish->command, how);
    if (hook && outcome)
        hooks_mended(hook, run);
    if (hook && hook->configured)
        tell_breaker(deliverer, hook, run, &finish->command, how);
    finish_post(finish);
}
