/* How a submit call ended. */
#include "submission/submission_internal.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct finish {
    struct store_finish_call command;
    struct submission *submission;
    struct submission_verdict verdict;
};

static void finish_free(struct finish *finish)
{
    submission_verdict_done(&finish->verdict);
    free(finish);
}

void submission_finish_drop(struct store_finish_call *command)
{
    finish_free(command->base.userdata);
}

static void on_finished(struct store_command *command)
{
    struct finish *finish = command->userdata;
    struct submission *submission = finish->submission;

    if (insist_again(submission->insist, command))
        return;
    submission->n_unsaved--;
    finish_free(finish);
    submission_turn(submission);
}

/* What it means for the other calls. */
static enum gate_verdict meaning_of(const struct call_answer *answer,
                                    enum submission_outcome outcome)
{
    enum gate_verdict verdict = client_verdict(answer);

    if (outcome == SUBMISSION_CREDITS)
        return GATE_V_CREDITS;
    if (outcome == SUBMISSION_MAYBE)
        return GATE_V_FAILED; /* also a 2xx that says nothing */
    return verdict == GATE_V_OK && outcome == SUBMISSION_AGAIN ? GATE_V_FAILED : verdict;
}

/* When is it sent again? @ret_counts: it was a failure of this submission, not of the client. */
static int64_t next_try(const struct submission *submission, const struct submission_job *job,
                        enum submission_outcome outcome, enum gate_verdict verdict,
                        bool *ret_counts)
{
    int64_t now = time_now();

    *ret_counts = true;
    switch (outcome) {
    case SUBMISSION_AUTH:
    case SUBMISSION_CREDITS:
        *ret_counts = false;
        return now; /* due as soon as the pause is over */
    case SUBMISSION_MAYBE:
        return now + submission->config->pronto.resend_after_ms;
    case SUBMISSION_AGAIN:
        *ret_counts = verdict != GATE_V_SLOW;
        return *ret_counts
                   ? now + backoff_full_jitter(RETRY_FIRST_MS, RETRY_LONGEST_MS,
                                               (unsigned)job->tries + 1, random_uniform(UINT32_MAX))
                   : now;
    case SUBMISSION_ACCEPTED:
    case SUBMISSION_REFUSED:
        break;
    }
    return 0;
}

static void count(struct submission *submission, enum submission_outcome outcome)
{
    if (outcome == SUBMISSION_ACCEPTED)
        submission->counts.accepted++;
    else if (outcome == SUBMISSION_REFUSED)
        submission->counts.refused++;
    else
        submission->counts.deferred++;
}

/* Pronto's own words may name the person; ours and curl's do not. */
static void log_outcome(const struct submission_job *job, const struct call_meaning *meaning,
                        const struct submission_verdict *verdict, int64_t next_at)
{
    char when[TIME_RFC3339_SIZE], number[24];
    const struct log_field fields[] = {{"PRONTO_SUBMISSION", number}};

    snprintf(number, sizeof(number), "%lld", (long long)job->submission);

    if (verdict->outcome == SUBMISSION_ACCEPTED) {
        struct log_field field = {"PRONTO_ENRICHMENT_ID", verdict->enrichment_id};

        log_fields(LOG_INFO, NULL, &field, 1,
                   "submission %lld with %zu contacts accepted by Pronto",
                   (long long)job->submission, job->n);
    } else if (verdict->outcome == SUBMISSION_REFUSED && job->n > 1) {
        log_notice("submission %lld: Pronto refused a batch of %zu contacts; it is sent again in "
                   "halves",
                   (long long)job->submission, job->n);
    } else if (verdict->outcome == SUBMISSION_REFUSED) {
        log_fields(LOG_NOTICE, MESSAGE_REQUEST_REFUSED, fields, ARRAY_SIZE(fields),
                   "submission %lld: Pronto refused a contact for good (%s); its request is failed",
                   (long long)job->submission, meaning->detail);
    } else {
        time_format_rfc3339(next_at, when);
        log_notice("submission %lld was not accepted by Pronto (%s), will be sent again at %s",
                   (long long)job->submission, meaning->detail, when);
    }
}

static int judge(const struct submission_job *job, const struct call_answer *answer,
                 struct submission_verdict *ret)
{
    char token[TOKEN_TEXT_SIZE];
    /* The API key is masked by egress, which alone has it. */
    const char *const secrets[] = {token, NULL};
    int r;

    token_format(&job->token, token);
    r = submission_judge(answer, secrets, ret);
    secret_wipe(token, sizeof(token));
    return r;
}

/* For who reads the status: Pronto's own words only where they are about the account. */
static void describe(const struct call_answer *answer, const struct submission_verdict *verdict,
                     struct call_meaning *meaning)
{
    if (verdict->outcome == SUBMISSION_AUTH || verdict->outcome == SUBMISSION_CREDITS)
        snprintf(meaning->detail, sizeof(meaning->detail), "%s", verdict->error);
    else
        client_describe(answer, meaning->detail);
}

int submission_finish_call(struct submission *submission, const struct submission_job *job,
                           const struct call_answer *answer, struct call_meaning *ret)
{
    struct finish *finish = calloc(1, sizeof(*finish));
    int r = finish ? judge(job, answer, &finish->verdict) : -ENOMEM;
    enum submission_outcome outcome;
    bool counts;

    if (r < 0) {
        ret->verdict = client_verdict(answer);
        free(finish);
        return r;
    }
    outcome = finish->verdict.outcome;
    ret->verdict = meaning_of(answer, outcome);
    describe(answer, &finish->verdict, ret);
    finish->submission = submission;
    finish->command = (struct store_finish_call){
        .base = {.kind = STORE_FINISH_CALL,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_finished,
                 .userdata = finish},
        .call = job->call,
        .outcome = outcome,
        .enrichment_id = finish->verdict.enrichment_id,
        .error = finish->verdict.error,
        .next_at = next_try(submission, job, outcome, ret->verdict, &counts),
        .now = time_now(),
    };
    finish->command.counts = counts;
    count(submission, outcome);
    log_outcome(job, ret, &finish->verdict, finish->command.next_at);
    submission->n_unsaved++;
    insist_post(submission->insist, &finish->command.base);
    return 0;
}

int submission_put_back(struct submission *submission, const struct submission_job *job, int error)
{
    struct finish *finish = calloc(1, sizeof(*finish));
    int64_t now = time_now();

    if (!finish)
        return -ENOMEM;
    finish->submission = submission;
    finish->command = (struct store_finish_call){
        .base = {.kind = STORE_FINISH_CALL,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_finished,
                 .userdata = finish},
        .call = job->call,
        .outcome = SUBMISSION_AGAIN,
        .error = error == -EBUSY ? "calls to Pronto wait" : "prontod-egress could not be told",
        .next_at = error == -EBUSY ? now : now + RETRY_FIRST_MS,
        .now = now,
    };
    submission->n_unsaved++;
    insist_post(submission->insist, &finish->command.base);
    return 0;
}
