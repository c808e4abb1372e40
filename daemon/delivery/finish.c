/* How an attempt ended goes to the store with insist_post(): a delivery never stays running on disk
 * because the disk was full for a moment. What the end means is decided by model/schedule.h from
 * what the store has of the delivery. */
#include "delivery/deliverer_internal.h"

#include "common/log.h"
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

static void log_attempt(const struct run *run, const struct store_finish_attempt *command)
{
    struct log_field fields[] = {{"PRONTO_HOOK", run->hook}, {"PRONTO_DELIVERY_ID", run->id}};
    const struct attempt_end *end = &command->end;
    char how[64], when[TIME_RFC3339_SIZE];

    if (end->timed_out)
        snprintf(how, sizeof(how), "timed out");
    else if (end->interrupted)
        snprintf(how, sizeof(how), "was interrupted");
    else if (end->signal)
        snprintf(how, sizeof(how), "was killed by signal %d", end->signal);
    else if (end->exit_code < 0)
        snprintf(how, sizeof(how), "ended without an answer");
    else
        snprintf(how, sizeof(how), "ended with %d", end->exit_code);
    time_format_rfc3339(command->next_at, when);
    if (command->outcome == ATTEMPT_SUCCEEDED)
        log_fields(LOG_INFO, NULL, fields, ARRAY_SIZE(fields), "hook %s after %lld ms", how,
                   (long long)command->duration_ms);
    else if (command->outcome == ATTEMPT_DEAD)
        log_fields(
            LOG_ERR, NULL, fields, ARRAY_SIZE(fields),
            "hook %s after %lld ms; the delivery is dead: see prontoctl deliveries --state dead",
            how, (long long)command->duration_ms);
    else if (command->outcome == ATTEMPT_RETRY)
        log_fields(LOG_NOTICE, NULL, fields, ARRAY_SIZE(fields),
                   "hook %s after %lld ms; next attempt at %s", how,
                   (long long)command->duration_ms, when);
    else
        log_fields(LOG_NOTICE, NULL, fields, ARRAY_SIZE(fields), "hook %s; it runs again", how);
}

/* What the end means, from the store's record of the delivery. 0, READER_E_NOT_FOUND, or a negative
 * errno. */
static int judge(struct deliverer *deliverer, const struct run *run,
                 struct store_finish_attempt *command)
{
    struct delivery_record record = {0};
    int r = reader_delivery(deliverer->reader, run->delivery, &record);

    if (r != 0)
        return r;
    command->outcome =
        attempt_judge(&command->end, record.n_attempts, record.interruptions,
                      command->now - record.created_at, run->max_attempts, run->give_up_ms);
    command->next_at = command->now;
    if (command->outcome == ATTEMPT_RETRY)
        command->next_at +=
            backoff_equal_jitter(run->backoff_first_ms, run->backoff_longest_ms,
                                 (unsigned)record.n_attempts + 1, random_uniform(UINT32_MAX));
    delivery_record_done(&record);
    return 0;
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
    int r;

    if (hook)
        hook->running--;
    if (hook && outcome && outcome->end.not_started) {
        hooks_broke(deliverer, hook, outcome->error ? outcome->error : "unknown reason");
        deliverer_put_back(deliverer, run->delivery, 0);
        return;
    }
    if (outcome && outcome->end.interrupted && outcome->end.exit_code < 0 &&
        outcome->end.signal == 0) {
        deliverer_put_back(deliverer, run->delivery,
                           REFUSED_WAIT_MS); /* the runner could not take it: it never ran */
        return;
    }
    if (hook && outcome)
        hooks_mended(hook);
    finish = finish_new(deliverer, run->delivery);
    if (!finish) {
        log_error(
            "out of memory over the end of a hook; its delivery runs again after the next start");
        return;
    }
    finish->command.end =
        outcome ? outcome->end : (struct attempt_end){.exit_code = -1, .interrupted = true};
    finish->command.started_at = outcome ? outcome->started_at : finish->command.now;
    finish->command.duration_ms = outcome ? outcome->duration_ms : 0;
    r = copy_texts(finish, outcome, output, size);
    if (r == 0)
        r = judge(deliverer, run, &finish->command);
    if (r != 0) {
        if (r != READER_E_NOT_FOUND) { /* else it was erased while it ran */
            log_error("cannot store the end of a hook: %s; its delivery runs again", strerror(-r));
            deliverer_put_back(deliverer, run->delivery, REFUSED_WAIT_MS);
        }
        finish_free(finish);
        return;
    }
    log_attempt(run, &finish->command);
    finish_post(finish);
}
