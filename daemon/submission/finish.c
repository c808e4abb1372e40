#include "submission/submitter_internal.h"

#include "common/log.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_FIRST_MS   (60 * 1000) /* for the key or credits, doubling */
#define PAUSE_LONGEST_MS (15 * 60 * 1000)
#define SLOW_DOWN_MAX_MS (60 * 60 * 1000) /* an absurd Retry-After is not obeyed for longer */

struct finish {
    struct store_finish_call command;
    struct submitter *submitter;
    struct submission_verdict verdict;
};

static void on_finished(struct store_command *command)
{
    struct finish *finish = command->userdata;
    struct submitter *submitter = finish->submitter;

    if (insist_again(submitter->insist, command))
        return;
    submitter->n_unsaved--;
    submission_verdict_done(&finish->verdict);
    free(finish);
    submitter_step(submitter);
}

void submitter_drop_finish(struct store_command *command)
{
    struct finish *finish = command->userdata;

    submission_verdict_done(&finish->verdict);
    free(finish);
}

/* How many pauses in a row; the calls that were under way when one began belong to it. */
static unsigned count_pause(struct submitter *submitter)
{
    if (!submitter_is_paused(submitter))
        submitter->pauses++;
    return submitter->pauses;
}

/* When is it sent again, and does the whole client wait? */
static int64_t next_try(struct submitter *submitter, const struct submission_job *job,
                        const struct call_answer *answer, const struct submission_verdict *verdict,
                        bool *ret_counts)
{
    int64_t now = time_now(), wait = verdict->retry_after_ms;

    *ret_counts = true;
    switch (verdict->outcome) {
    case SUBMISSION_AUTH:
    case SUBMISSION_CREDITS: {
        enum submitter_state state =
            verdict->outcome == SUBMISSION_AUTH ? SUBMITTER_AUTH : SUBMITTER_CREDITS;

        wait = backoff_equal_jitter(PAUSE_FIRST_MS, PAUSE_LONGEST_MS, count_pause(submitter),
                                    random_uniform(UINT32_MAX));
        if (answer->fate == CALL_NO_KEY)
            submitter_set_state(submitter, SUBMITTER_NO_KEY, verdict->error);
        else
            submitter_pause(submitter, state, wait, verdict->error);
        *ret_counts = false;
        return now; /* due as soon as the pause is over */
    }
    case SUBMISSION_MAYBE:
        return now + submitter->config->pronto.poll_after_ms;
    case SUBMISSION_AGAIN:
        if (wait > SLOW_DOWN_MAX_MS)
            wait = SLOW_DOWN_MAX_MS;
        if (answer->fate == CALL_ANSWERED && answer->status == 429) {
            if (wait < 0)
                wait = backoff_equal_jitter(RETRY_FIRST_MS, RETRY_LONGEST_MS,
                                            count_pause(submitter), random_uniform(UINT32_MAX));
            submitter_pause(submitter, SUBMITTER_SLOWED, wait, verdict->error);
            *ret_counts = false;
            return now;
        }
        if (wait < 0)
            wait = backoff_full_jitter(RETRY_FIRST_MS, RETRY_LONGEST_MS, (unsigned)job->tries + 1,
                                       random_uniform(UINT32_MAX));
        return now + wait;
    case SUBMISSION_ACCEPTED:
    case SUBMISSION_REFUSED:
        return 0;
    }
    return now;
}

static void count(struct submitter *submitter, enum submission_outcome outcome)
{
    if (outcome == SUBMISSION_ACCEPTED)
        submitter->counts.accepted++;
    else if (outcome == SUBMISSION_REFUSED)
        submitter->counts.refused++;
    else
        submitter->counts.deferred++;
}

/* Pronto's own words may name the person; ours and curl's do not. */
static void say_why(const struct call_answer *answer, char *ret, size_t size)
{
    if (answer->fate == CALL_ANSWERED)
        snprintf(ret, size, "HTTP %d", answer->status);
    else
        snprintf(ret, size, "%s", answer->error ? answer->error : "no answer");
}

static void log_outcome(const struct submission_job *job, const struct call_answer *answer,
                        const struct submission_verdict *verdict, int64_t next_at)
{
    char when[TIME_RFC3339_SIZE], why[256];

    if (verdict->outcome == SUBMISSION_ACCEPTED) {
        struct log_field field = {"PRONTO_ENRICHMENT_ID", verdict->enrichment_id};

        log_fields(LOG_INFO, NULL, &field, 1,
                   "submission %lld with %zu contacts accepted by Pronto",
                   (long long)job->submission, job->n);
    } else if (verdict->outcome == SUBMISSION_REFUSED) {
        log_notice("submission %lld refused by Pronto for good; its requests are failed",
                   (long long)job->submission);
    } else {
        time_format_rfc3339(next_at, when);
        say_why(answer, why, sizeof(why));
        log_notice("submission %lld was not accepted by Pronto (%s), will be sent again at %s",
                   (long long)job->submission, why, when);
    }
}

int submitter_finish_call(struct submitter *submitter, const struct submission_job *job,
                          const struct call_answer *answer)
{
    struct finish *finish = calloc(1, sizeof(*finish));
    char token[TOKEN_TEXT_SIZE];
    const char *const secrets[] = {token,
                                   NULL}; /* the API key is masked by egress, which alone has it */
    bool counts;
    int r;

    if (!finish)
        return -ENOMEM;
    token_format(&job->token, token);
    r = submission_judge(answer, secrets, &finish->verdict);
    if (r < 0) {
        free(finish);
        return r;
    }
    finish->submitter = submitter;
    finish->command = (struct store_finish_call){
        .base = {.kind = STORE_FINISH_CALL,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_finished,
                 .userdata = finish},
        .call = job->call,
        .outcome = finish->verdict.outcome,
        .enrichment_id = finish->verdict.enrichment_id,
        .error = finish->verdict.error,
        .next_at = next_try(submitter, job, answer, &finish->verdict, &counts),
        .now = time_now(),
    };
    finish->command.counts = counts;
    count(submitter, finish->verdict.outcome);
    log_outcome(job, answer, &finish->verdict, finish->command.next_at);
    /* A call that was under way before a pause does not end it; the first one after it does. */
    if ((finish->verdict.outcome == SUBMISSION_ACCEPTED ||
         finish->verdict.outcome == SUBMISSION_REFUSED) &&
        !submitter_is_paused(submitter)) {
        submitter_end_pause(submitter);
        if (submitter->state != SUBMITTER_OK)
            submitter_set_state(submitter, SUBMITTER_OK, NULL);
    }
    submitter->n_unsaved++;
    insist_post(submitter->insist, &finish->command.base);
    return 0;
}
