/* Asks Pronto for what no callback brought. */
#include "submission/submission_internal.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_MS        (60 * 1000)
#define EXPIRE_GRACE_MS (60 * 60 * 1000) /* while Pronto cannot be asked; see fill_claim() */
#define SHUT_LOOK_MS    (61 * 1000)      /* whether it is shut for long by now */

struct claim {
    struct store_claim_polls command;
    struct submission *submission;
    size_t reserved;
};

/* A call under way, and then its end on the way to the disk. */
struct poll {
    struct store_finish_poll command;
    struct submission *submission;
    struct poll_verdict verdict;
    char *raw;
    polled_fn done;
    void *userdata;
    struct polled polled;
};

int64_t poller_lease_ms(const struct submission *submission)
{
    return submission->config->pronto.timeout_ms + LEASE_MS;
}

static void poll_free(struct poll *poll)
{
    if (!poll)
        return;
    poll_verdict_done(&poll->verdict);
    free(poll->raw);
    free(poll);
}

/* All of an outage may expire together: prontoctl list --state expired has the others. */
static void say_expired(const struct submission *submission, store_key request)
{
    static struct log_rate rate;
    char id[UUID_TEXT_SIZE];
    const struct log_field field = {"PRONTO_REQUEST_ID", id};

    store_id(submission->store, STORE_KIND_REQUEST, request, id);
    log_limited_fields(&rate, LOG_WARNING, MESSAGE_REQUEST_EXPIRED, &field, 1,
                       "a request expired: no result came before the deadline");
}

static void on_stored(struct store_command *command)
{
    struct poll *poll = command->userdata;
    struct submission *submission = poll->submission;

    if (insist_again(submission->insist, command))
        return;
    submission->n_unsaved--;
    if (command->result == STORE_OK && poll->command.mismatched) {
        log_warning("Pronto was asked for a request and answered with another contact; it is asked "
                    "again");
        poll->polled.failed = true;
    }
    if (command->result == STORE_OK && poll->command.expired)
        say_expired(submission, poll->command.request);
    if (poll->done)
        poll->done(&poll->polled, poll->userdata);
    poll_free(poll);
    submission_turn(submission);
}

void submission_drop(struct store_command *command)
{
    if (command->kind == STORE_FINISH_POLL)
        poll_free(command->userdata);
    else
        submission_finish_drop((struct store_finish_call *)command);
}

static void count(struct submission *submission, enum poll_outcome outcome)
{
    if (outcome == POLL_FINISHED)
        submission->counts.polls_finished++;
    else if (outcome == POLL_PENDING)
        submission->counts.polls_pending++;
    else if (outcome == POLL_FAILED)
        submission->counts.polls_failed++;
}

/* What the command needs outlives the answer. */
static int keep(struct poll *poll, const struct call_answer *answer)
{
    struct store_finish_poll *command = &poll->command;

    command->outcome = poll->verdict.outcome;
    if (command->outcome == POLL_FAILED)
        command->error = poll->verdict.error;
    if (command->outcome != POLL_FINISHED)
        return 0;
    poll->raw = malloc(answer->body_size + 1);
    if (!poll->raw)
        return -ENOMEM;
    memcpy(poll->raw, answer->body, answer->body_size);
    command->raw = poll->raw;
    command->raw_size = answer->body_size;
    command->reading = poll->verdict.reading;
    return 0;
}

static void on_called(const struct call_answer *answer, struct call_meaning *ret, void *userdata)
{
    struct poll *poll = userdata;
    struct submission *submission = poll->submission;
    int r = poll_judge(answer, &poll->verdict);

    if (r == 0)
        r = keep(poll, answer);
    ret->verdict = client_verdict(answer);
    if (ret->verdict == GATE_V_OK && poll->verdict.outcome == POLL_FAILED)
        ret->verdict = GATE_V_FAILED;
    client_describe(answer, ret->detail);
    submission->polls.wanted = true;
    poll->polled.meaning = *ret;
    /* Who asks by hand wants to know that Pronto does not know it; by itself it is asked again. */
    poll->polled.failed = r < 0 || ret->verdict != GATE_V_OK || answer->status >= 300;
    if (r < 0) { /* its lease ends, and it is asked for again */
        log_error("out of memory over the answer to a question; it is asked again");
        if (poll->done)
            poll->done(&poll->polled, poll->userdata);
        poll_free(poll);
        return;
    }
    count(submission, poll->verdict.outcome);
    poll->command.now = time_now();
    poll->command.random = random_uniform(UINT32_MAX);
    submission->n_unsaved++;
    insist_post(submission->insist, &poll->command.base);
}

int poller_ask(struct submission *submission, const struct poll_job *job, polled_fn done,
               void *userdata)
{
    struct poll *poll = calloc(1, sizeof(*poll));
    struct client_call call = {
        .kind = GATE_ASK,
        .job = {.call = EGRESS_CONTACT, .contact = job->enrichment_id},
        .done = on_called,
        .userdata = poll,
    };
    int r;

    if (!poll)
        return -ENOMEM;
    poll->submission = submission;
    poll->verdict.outcome = POLL_FAILED;
    poll->done = done;
    poll->userdata = userdata;
    poll->command = (struct store_finish_poll){
        .base = {.kind = STORE_FINISH_POLL,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_stored,
                 .userdata = poll},
        .request = job->request,
    };
    r = client_begin(submission->client, &call);
    if (r == 0) {
        submission->counts.polls++;
        return 0;
    }
    if (done) {
        free(poll);
        return r;
    }
    poll->command.outcome = POLL_NOT_ASKED; /* due again at once */
    poll->command.now = time_now();
    submission->n_unsaved++;
    insist_post(submission->insist, &poll->command.base);
    return 0;
}

static void on_claimed(struct store_command *command)
{
    struct claim *claim = command->userdata;
    struct submission *submission = claim->submission;
    const struct store_claim_polls *polls = &claim->command;

    submission->polls.claiming = false;
    client_release(submission->client, claim->reserved);
    if (command->result != STORE_OK) {
        claimer_set_timer(&submission->polls, STORE_AGAIN_MS);
        free(claim);
        return;
    }
    for (size_t i = 0; i < polls->n; i++)
        if (poller_ask(submission, &polls->jobs[i], NULL, NULL) < 0)
            log_error("out of memory over a question; it is asked after its lease");
    if (polls->more)
        submission->polls.wanted = true;
    else if (polls->next_due_at)
        claimer_set_timer(&submission->polls, polls->next_due_at - time_now());
    free(claim);
    submission_turn(submission);
}

/* When Pronto cannot be asked for long, what is due is put off, so that it does not stand before the
 * others for ever. It expires then only a while after its deadline, in the hope that it can be asked
 * before; but at once without a key: nobody means to ask. */
static bool fill_claim(struct submission *submission, struct store_claim_polls *claim)
{
    bool no_key;

    claim->now = time_now();
    claim->lease_ms = poller_lease_ms(submission);
    claim->random = random_uniform(UINT32_MAX);
    claim->cannot_ask = client_is_shut_for_long(submission->client, &no_key);
    if (claim->cannot_ask)
        claim->expire_before = no_key ? claim->now : claim->now - EXPIRE_GRACE_MS;
    else
        claim->max = submission_share(submission, &submission->polls, GATE_ASK);
    return claim->cannot_ask || claim->max > 0;
}

void polls_step(struct submission *submission)
{
    struct claimer *claimer = &submission->polls;
    struct claim *claim;

    if (claimer->claiming || !claimer->wanted)
        return;
    claim = calloc(1, sizeof(*claim));
    if (!claim || !fill_claim(submission, &claim->command)) {
        claimer_set_timer(claimer, claim ? SHUT_LOOK_MS : STORE_AGAIN_MS);
        free(claim);
        return;
    }
    claim->submission = submission;
    claim->reserved = claim->command.max;
    claim->command.base = (struct store_command){.kind = STORE_CLAIM_POLLS,
                                                 .where = STORE_DONE_ON_LOOP,
                                                 .done = on_claimed,
                                                 .userdata = claim};
    claimer->wanted = false;
    claimer->claiming = true;
    client_reserve(submission->client, claim->reserved);
    if (store_post(submission->store, &claim->command.base) != STORE_OK) {
        claim->command.base.result = STORE_E_UNAVAILABLE;
        on_claimed(&claim->command.base);
    }
}
