/* Submits what is queued. The call is on disk before it is sent; how it ended is stored with
 * insist_post(): a submission never stays in a call because the disk was full for a moment. */
#include "submission/submission_internal.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct claim {
    struct store_claim_submissions command;
    struct submission *submission;
    size_t reserved;
};

/* A call under way. */
struct submit {
    struct submission *submission;
    struct submission_job *job;
};

static void submit_free(struct submit *submit)
{
    if (!submit)
        return;
    submission_job_free(submit->job);
    free(submit);
}

static void on_called(const struct call_answer *answer, struct call_meaning *ret, void *userdata)
{
    struct submit *submit = userdata;

    if (submission_finish_call(submit->submission, submit->job, answer, ret) < 0)
        log_error("out of memory over the answer to submission %lld; it counts as maybe sent after "
                  "the next start",
                  (long long)submit->job->submission);
    submit->submission->submits.wanted = true;
    submit_free(submit);
}

static int send_job(struct submission *submission, struct submit *submit)
{
    cleanup_json struct json_object *body = NULL;
    cleanup_free char *text = NULL;
    const struct submission_job *job = submit->job;
    bool bulk = job->n > 1; /* of a batch one may be left: bulk_enrich takes 2 to 100 */
    struct client_call call = {
        .kind = GATE_SUBMIT,
        .job.call = bulk ? EGRESS_BULK_ENRICH : EGRESS_SINGLE_ENRICH,
        .done = on_called,
        .userdata = submit,
    };
    int r = submission_body(job->type, job->contents, job->n, bulk,
                            submission->config->ingress.public_url, &job->token, &body);

    if (r == 0)
        r = json_serialize(body, &text, &call.size);
    if (r < 0)
        return r;
    call.body = text;
    return client_begin(submission->client, &call);
}

static void start_call(struct submission *submission, struct submission_job *job)
{
    struct submit *submit = malloc(sizeof(*submit));
    int r = -ENOMEM;

    if (submit) {
        *submit = (struct submit){submission, job};
        r = send_job(submission, submit);
    }
    if (r == 0) {
        submission->counts.submits++;
        return;
    }
    if (submission_put_back(submission, job, r) < 0)
        log_error("cannot put submission %lld back: out of memory; it is sent again after the next "
                  "start",
                  (long long)job->submission);
    submission_job_free(job);
    free(submit);
}

/* What waits for credits waits until they are released, or until the next day. */
static void note_credits(struct submission *submission, const struct store_claim_submissions *claim)
{
    bool out = claim->no_credits != 0 && claim->n == 0;
    int64_t now = time_now();

    submission->no_credits = claim->no_credits;
    if (claim->no_credits)
        claimer_set_timer(&submission->submits, time_next_midnight_utc(now) - now);
    if (out != submission->out_of_budget && !out)
        log_message(LOG_NOTICE, MESSAGE_BUDGET_FREED, "the day's credits allow submissions again");
    else if (out != submission->out_of_budget)
        log_message(LOG_WARNING, MESSAGE_BUDGET_USED_UP,
                    "daily_credits are used up: submissions wait until 00:00 UTC, or until results "
                    "without data give credits back");
    submission->out_of_budget = out;
}

static void on_claimed(struct store_command *command)
{
    struct claim *claim = command->userdata;
    struct submission *submission = claim->submission;

    submission->submits.claiming = false;
    client_release(submission->client, claim->reserved);
    if (command->result != STORE_OK) {
        claimer_set_timer(&submission->submits, STORE_AGAIN_MS);
        free(claim);
        return;
    }
    for (size_t i = 0; i < claim->command.n; i++)
        start_call(submission, claim->command.jobs[i]);
    note_credits(submission, &claim->command);
    if (claim->command.n > 0)
        submission->submits.wanted = true;
    else if (claim->command.next_due_at)
        claimer_set_timer(&submission->submits, claim->command.next_due_at - time_now());
    free(claim);
    submission_turn(submission);
}

void submits_step(struct submission *submission)
{
    struct claimer *claimer = &submission->submits;
    struct claim *claim;
    size_t most;

    if (claimer->claiming || !claimer->wanted)
        return;
    most = submission_share(submission, claimer, GATE_SUBMIT);
    if (most == 0)
        return;
    claim = calloc(1, sizeof(*claim));
    if (!claim) {
        claimer_set_timer(claimer, STORE_AGAIN_MS);
        return;
    }
    claim->submission = submission;
    claim->reserved = most;
    claim->command = (struct store_claim_submissions){
        .base = {.kind = STORE_CLAIM_SUBMISSIONS,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_claimed,
                 .userdata = claim},
        .max = most,
        .now = time_now(),
    };
    claimer->wanted = false;
    claimer->claiming = true;
    client_reserve(submission->client, most);
    if (store_post(submission->store, &claim->command.base) != STORE_OK) {
        claim->command.base.result = STORE_E_UNAVAILABLE;
        on_claimed(&claim->command.base);
    }
}
