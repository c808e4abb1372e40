/* One claim is under way at most; what it brings is sent at once, so that what is marked as in a
 * call on disk is in a call. How a call ended is stored with insist_post(): a submission never
 * stays in a call because the disk was full for a moment.
 *
 * A pause (wrong key, no credits, 429) stops claiming. When a pause for the key or credits is over,
 * one call at a time goes out as a probe, and the first that is accepted ends it. */
#include "submission/submitter_internal.h"

#include "common/log.h"
#include "common/timestamp.h"
#include "model/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct claim {
    struct store_claim_submissions command;
    struct submitter *submitter;
};

static void flight_free(struct flight *flight)
{
    submission_job_free(flight->job);
    free(flight);
}

/* The job could not be handed to egress: Pronto cannot have it. */
static void give_back(struct submitter *submitter, struct submission_job *job, const char *why)
{
    struct call_answer answer = {.fate = CALL_NOT_SENT, .retry_after_ms = -1, .error = why};
    int r = submitter_finish_call(submitter, job, &answer);

    if (r < 0)
        log_error("cannot put submission %lld back: %s; it is sent again after the next start",
                  (long long)job->submission, strerror(-r));
}

static int send_job(struct submitter *submitter, struct submission_job *job)
{
    cleanup_json struct json_object *body = NULL, *head = NULL;
    cleanup_free char *text = NULL;
    size_t size;
    bool bulk = job->n > 1; /* of a batch one may be left: Pronto's bulk_enrich takes 2 to 100 */
    struct egress_job wire = {.id = job->call,
                              .call = bulk ? EGRESS_BULK_ENRICH : EGRESS_SINGLE_ENRICH};
    int r = submission_body(job->type, job->contents, job->n, bulk,
                            submitter->config->ingress.public_url, &job->token, &body);

    if (r == 0)
        r = json_serialize(body, &text, &size);
    if (r == 0)
        r = egress_job_encode(&wire, &head);
    if (r == 0)
        r = worker_link_send(submitter->egress, head, text, size);
    return r;
}

static void start_call(struct submitter *submitter, struct submission_job *job)
{
    struct flight *flight = malloc(sizeof(*flight));
    int r = flight ? send_job(submitter, job) : -ENOMEM;

    if (r < 0) {
        give_back(submitter, job, strerror(-r));
        submission_job_free(job);
        free(flight);
        return;
    }
    *flight = (struct flight){.job = job, .next = submitter->flights};
    submitter->flights = flight;
    submitter->n_flights++;
    submitter->counts.calls++;
}

static void on_claimed(struct store_command *command)
{
    struct claim *claim = command->userdata;
    struct submitter *submitter = claim->submitter;

    submitter->claiming = false;
    if (command->result != STORE_OK) {
        submitter->wanted = true;
        submitter_set_timer(submitter, RETRY_FIRST_MS);
        free(claim);
        return;
    }
    for (size_t i = 0; i < claim->command.n; i++)
        start_call(submitter, claim->command.jobs[i]);
    if (claim->command.n > 0)
        submitter->wanted = true;
    else if (claim->command.next_due_at)
        submitter_set_timer(submitter, claim->command.next_due_at - time_now());
    free(claim);
    if (submitter->wanted)
        submitter_step(submitter);
}

void submitter_step(struct submitter *submitter)
{
    struct claim *claim;
    size_t most;

    if (submitter->claiming || !submitter->wanted)
        return;
    most = submitter_capacity(submitter);
    if (most == 0)
        return;
    claim = calloc(1, sizeof(*claim));
    if (!claim) {
        submitter_set_timer(submitter, RETRY_FIRST_MS);
        return;
    }
    claim->submitter = submitter;
    claim->command = (struct store_claim_submissions){
        .base = {.kind = STORE_CLAIM_SUBMISSIONS,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_claimed,
                 .userdata = claim},
        .max = most < STORE_CLAIM_MAX ? most : STORE_CLAIM_MAX,
        .now = time_now(),
    };
    submitter->wanted = false;
    submitter->claiming = true;
    if (store_post(submitter->store, &claim->command.base) != STORE_OK) {
        claim->command.base.result = STORE_E_UNAVAILABLE;
        on_claimed(&claim->command.base);
    }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    submitter_wake(userdata);
    return 0;
}

void submitter_wake(struct submitter *submitter)
{
    submitter->wanted = true;
    submitter_step(submitter);
}

void submitter_frame(struct submitter *submitter, struct json_object *head, const char *payload,
                     size_t size)
{
    const char *state = NULL, *detail = NULL;
    struct call_answer answer;
    int64_t id;

    if (control_decode(head, &state, &detail)) {
        bool no_key = state && strcmp(state, "no_key") == 0;

        submitter->ready = true;
        submitter->begun = submitter->begun || no_key; /* a missing key is said also at first */
        if (no_key)
            submitter_set_state(submitter, SUBMITTER_NO_KEY, detail);
        else if (submitter->state == SUBMITTER_NO_LINK && submitter->pauses > 0)
            submitter_set_state(submitter, submitter->before_down, "as before the link was lost");
        else if (submitter->state == SUBMITTER_NO_KEY || submitter->state == SUBMITTER_NO_LINK)
            submitter_set_state(submitter, SUBMITTER_OK, NULL);
        submitter->begun = true;
        submitter_wake(submitter);
        return;
    }
    if (egress_outcome_decode(head, payload, size, &id, &answer) < 0) {
        log_warning("prontod-egress sent a frame that is no outcome, ignoring it");
        return;
    }
    for (struct flight **p = &submitter->flights; *p; p = &(*p)->next) {
        struct flight *flight = *p;

        if (flight->job->call != id)
            continue;
        *p = flight->next;
        submitter->n_flights--;
        if (submitter_finish_call(submitter, flight->job, &answer) < 0)
            log_error("out of memory over the answer to submission %lld; it counts as maybe sent "
                      "after the next start",
                      (long long)flight->job->submission);
        flight_free(flight);
        submitter_wake(submitter);
        return;
    }
    log_debug("prontod-egress answered call %lld, which is not under way, ignoring it",
              (long long)id);
}

void submitter_link_up(struct submitter *submitter)
{
    submitter->ready = false; /* until egress says whether it has a key */
}

void submitter_link_down(struct submitter *submitter)
{
    struct call_answer answer = {.fate = CALL_MAYBE_SENT,
                                 .retry_after_ms = -1,
                                 .error = "prontod-egress ended during the call"};

    submitter->ready = false;
    if (submitter->state != SUBMITTER_NO_LINK)
        submitter->before_down = submitter->state;
    submitter_set_state(submitter, SUBMITTER_NO_LINK, "prontod-egress is not there");
    while (submitter->flights) {
        struct flight *flight = submitter->flights;

        submitter->flights = flight->next;
        submitter->n_flights--;
        if (submitter_finish_call(submitter, flight->job, &answer) < 0)
            log_error(
                "out of memory over submission %lld; it counts as maybe sent after the next start",
                (long long)flight->job->submission);
        flight_free(flight);
    }
}

void submitter_reload(struct submitter *submitter, const struct config *config)
{
    submitter->config = config;
    if (submitter->state == SUBMITTER_AUTH || submitter->state == SUBMITTER_CREDITS) {
        submitter_end_pause(submitter);
        submitter_set_state(submitter, SUBMITTER_OK, NULL);
    }
    submitter_wake(submitter);
}

int submitter_new(sd_event *loop, const struct config *config, struct store *store,
                  struct worker_link *egress, struct submitter **ret)
{
    struct submitter *submitter = calloc(1, sizeof(*submitter));
    int r;

    if (!submitter)
        return -ENOMEM;
    submitter->config = config;
    submitter->store = store;
    submitter->egress = egress;
    submitter->state = SUBMITTER_NO_LINK;
    r = insist_new(loop, store, &submitter->insist);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &submitter->timer, CLOCK_BOOTTIME, UINT64_MAX / 2, 0,
                                       on_timer, submitter);
    if (r < 0) {
        submitter_free(submitter);
        return r;
    }
    sd_event_source_set_enabled(submitter->timer, SD_EVENT_OFF);
    *ret = submitter;
    return 0;
}

void submitter_stop(struct submitter *submitter)
{
    submitter->stopped = true;
}

bool submitter_is_idle(const struct submitter *submitter)
{
    return submitter->n_flights == 0 && !submitter->claiming && submitter->n_unsaved == 0;
}

void submitter_free(struct submitter *submitter)
{
    if (!submitter)
        return;
    while (submitter->flights) {
        struct flight *flight = submitter->flights;

        submitter->flights = flight->next;
        flight_free(flight);
    }
    insist_free(submitter->insist, submitter_drop_finish);
    sd_event_source_unref(submitter->timer);
    free(submitter);
}

void submitter_status(const struct submitter *submitter, struct submitter_status *ret)
{
    *ret = submitter->counts;
    ret->state = submitter->state;
    memcpy(ret->detail, submitter->detail, sizeof(ret->detail));
    ret->paused_until = submitter->resume_at;
    ret->in_flight = (int64_t)submitter->n_flights;
}

const char *submitter_state_name(enum submitter_state state)
{
    static const char *const names[] = {
        [SUBMITTER_OK] = "ok",
        [SUBMITTER_NO_KEY] = "no_key",
        [SUBMITTER_NO_LINK] = "no_link",
        [SUBMITTER_AUTH] = "key_refused",
        [SUBMITTER_CREDITS] = "out_of_credits",
        [SUBMITTER_SLOWED] = "slowed",
    };

    assert((size_t)state < ARRAY_SIZE(names));
    return names[state];
}
