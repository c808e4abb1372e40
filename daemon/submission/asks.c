/* What operators ask: the result of one request, or the account's credits. They wait for room like all
 * other calls, but not for long. */
#include "submission/submission_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_US (30 * UINT64_C(1000000))

enum ask_stage { ASK_WAITS = 0, ASK_CLAIMS, ASK_CALLS };

struct ask {
    struct store_claim_poll command; /* first: the store gives it back */
    struct submission *submission;
    struct ask *next;
    enum ask_stage stage;
    bool begun;
    store_key request; /* 0: the credits */
    ask_done_fn done;  /* NULL: nobody waits any more */
    void *done_userdata;
    sd_event_source *timer;
};

static void unlink_ask(struct ask *ask)
{
    struct submission *submission = ask->submission;

    for (struct ask **p = &submission->asks; *p; p = &(*p)->next) {
        if (*p != ask)
            continue;
        *p = ask->next;
        if (submission->last_ask == &ask->next)
            submission->last_ask = p;
        return;
    }
}

static void answer(struct ask *ask, const struct ask_answer *what)
{
    ask_done_fn done = ask->done;

    ask->done = NULL;
    if (done)
        done(what, ask->done_userdata);
}

static void free_ask(struct ask *ask)
{
    unlink_ask(ask);
    sd_event_source_disable_unref(ask->timer);
    free(ask);
}

static void end(struct ask *ask, int status, const char *kind, const char *detail)
{
    const struct ask_answer what = {.status = status, .kind = kind, .detail = detail};

    answer(ask, &what);
    free_ask(ask);
}

/* A call that ended: the problem it is, or false when it is none. */
static bool is_problem(const struct call_meaning *meaning, bool failed, struct ask_answer *ret)
{
    *ret = (struct ask_answer){.status = 502, .detail = meaning->detail};
    switch (meaning->verdict) {
    case GATE_V_OK:
        return failed;
    case GATE_V_AUTH:
        ret->kind = "authentication";
        ret->detail = "Pronto refused the API key";
        return true;
    case GATE_V_NO_KEY:
        ret->status = 503;
        ret->kind = "authentication";
        ret->detail = "prontod has no API key";
        return true;
    case GATE_V_SLOW:
        ret->status = 503;
        ret->kind = "rate_limit";
        ret->detail = "Pronto wants fewer calls; try again later";
        return true;
    case GATE_V_CREDITS:
    case GATE_V_FAILED:
    case GATE_V_ABANDONED:
        break;
    }
    return true;
}

/* The result of a request. */

static void on_polled(const struct polled *polled, void *userdata)
{
    static const struct ask_answer good = {.status = 200};
    struct ask *ask = userdata;
    struct ask_answer problem;

    if (is_problem(&polled->meaning, polled->failed, &problem))
        answer(ask, &problem);
    else
        answer(ask, &good);
    free_ask(ask);
}

static void on_claimed(struct store_command *command)
{
    struct ask *ask = (struct ask *)command;
    struct submission *submission = ask->submission;

    client_release(submission->client, 1);
    switch (command->result) {
    case STORE_OK:
        ask->stage = ASK_CALLS;
        if (poller_ask(submission, &ask->command.job, on_polled, ask) < 0)
            end(ask, 503, NULL, "prontod-egress is not there");
        return;
    case STORE_E_NOT_FOUND:
        end(ask, 404, NULL, "there is no such request");
        return;
    case STORE_E_STATE:
        end(ask, 409, NULL,
            "only a request that is pending or expired can be asked for: this one was not sent "
            "yet, or has its end");
        return;
    case STORE_E_CONFLICT:
        end(ask, 409, NULL, "a batch has no result to fetch; its results come by callbacks only");
        return;
    case STORE_E_UNAVAILABLE:
    case STORE_E_FULL:
        break;
    }
    end(ask, 503, NULL, "the store cannot commit now");
}

static void start_poll(struct ask *ask)
{
    struct submission *submission = ask->submission;

    ask->stage = ASK_CLAIMS;
    ask->command = (struct store_claim_poll){
        .base = {.kind = STORE_CLAIM_POLL, .where = STORE_DONE_ON_LOOP, .done = on_claimed},
        .request = ask->request,
        .lease_ms = poller_lease_ms(submission),
        .now = time_now(),
    };
    client_reserve(submission->client, 1);
    if (store_post(submission->store, &ask->command.base) != STORE_OK) {
        ask->command.base.result = STORE_E_UNAVAILABLE;
        on_claimed(&ask->command.base);
    }
}

/* The credits. */

static void on_credits(const struct call_answer *got, struct call_meaning *ret, void *userdata)
{
    struct ask *ask = userdata;
    cleanup_json struct json_object *body = NULL;
    struct ask_answer what;
    int r = 1;

    ret->verdict = client_verdict(got);
    client_describe(got, ret->detail);
    if (got->fate == CALL_ANSWERED && got->status >= 200 && got->status <= 299)
        r = json_parse_strict(got->body ? got->body : "", got->body_size, true, &body);
    if (!is_problem(ret, r != 0, &what))
        what = (struct ask_answer){.status = 200, .answer = body};
    answer(ask, &what);
    free_ask(ask);
}

static void start_credits(struct ask *ask)
{
    struct client_call call = {
        .kind = GATE_ASK, .job.call = EGRESS_CREDITS, .done = on_credits, .userdata = ask};

    ask->stage = ASK_CALLS;
    if (client_begin(ask->submission->client, &call) < 0)
        end(ask, 503, NULL, "prontod-egress is not there");
}

/* Why no call is made, and will not be soon; false when one may be. */
static bool is_hopeless(const struct submission *submission, struct ask_answer *ret)
{
    static struct submission_status status; /* its detail is shown */

    client_status(submission->client, &status);
    *ret = (struct ask_answer){.status = 503, .detail = status.detail};
    switch (status.state) {
    case SUBMISSION_STATE_NO_KEY:
        ret->kind = "authentication";
        return true;
    case SUBMISSION_STATE_KEY_REFUSED:
        ret->status = 502;
        ret->kind = "authentication";
        return client_room(submission->client, GATE_ASK) == 0; /* else it is the probe */
    case SUBMISSION_STATE_TRIPPED:
        return client_room(submission->client, GATE_ASK) == 0;
    case SUBMISSION_STATE_NO_LINK:
        return true;
    case SUBMISSION_STATE_OK:
    case SUBMISSION_STATE_CREDITS:
    case SUBMISSION_STATE_SLOWED:
    case SUBMISSION_STATE_OUT_OF_BUDGET:
        break;
    }
    return false;
}

static struct ask *next_waiting(struct submission *submission)
{
    struct ask *ask = submission->asks;

    while (ask && (ask->stage != ASK_WAITS || !ask->begun))
        ask = ask->next;
    return ask;
}

void asks_step(struct submission *submission)
{
    struct ask_answer why;
    struct ask *ask;

    while ((ask = next_waiting(submission))) {
        if (is_hopeless(submission, &why)) {
            answer(ask, &why);
            free_ask(ask);
        } else if (client_room(submission->client, GATE_ASK) == 0) {
            return;
        } else if (ask->request) {
            start_poll(ask);
        } else {
            start_credits(ask);
        }
    }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct ask *ask = userdata;

    (void)usec;
    if (ask->begun) {
        if (ask->stage == ASK_WAITS)
            end(ask, 503, "rate_limit", "calls to Pronto wait; try again later");
        return 0;
    }
    ask->begun = true;
    sd_event_source_set_time_relative(source, PATIENCE_US);
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    asks_step(ask->submission);
    return 0;
}

/* It begins with the next turn of the loop, so that its end never comes before its caller knows. */
static int add(struct submission *submission, store_key request, ask_done_fn done,
               void *done_userdata)
{
    struct ask *ask = calloc(1, sizeof(*ask));

    if (!ask)
        return -ENOMEM;
    if (sd_event_add_time_relative(submission->loop, &ask->timer, CLOCK_BOOTTIME, 0, 1000, on_timer,
                                   ask) < 0) {
        free(ask);
        return -ENOMEM;
    }
    ask->submission = submission;
    ask->request = request;
    ask->done = done;
    ask->done_userdata = done_userdata;
    *submission->last_ask = ask;
    submission->last_ask = &ask->next;
    return 0;
}

int submission_ask_request(struct submission *submission, store_key request, ask_done_fn done,
                           void *done_userdata)
{
    return add(submission, request, done, done_userdata);
}

int submission_ask_credits(struct submission *submission, ask_done_fn done, void *done_userdata)
{
    return add(submission, 0, done, done_userdata);
}

void submission_ask_cancel(struct submission *submission, void *done_userdata)
{
    for (struct ask *ask = submission->asks; ask; ask = ask->next) {
        if (ask->done_userdata != done_userdata || !ask->done)
            continue;
        ask->done = NULL;
        if (ask->stage == ASK_WAITS)
            free_ask(ask);
        return;
    }
}

void asks_end(struct submission *submission)
{
    static const struct ask_answer stopping = {.status = 503, .detail = "prontod is stopping"};
    struct ask *next;

    for (struct ask *ask = submission->asks; ask; ask = next) {
        next = ask->next;
        answer(ask, &stopping);
        if (ask->stage == ASK_WAITS)
            free_ask(ask);
    }
}

void asks_free(struct submission *submission)
{
    while (submission->asks)
        free_ask(submission->asks);
}
