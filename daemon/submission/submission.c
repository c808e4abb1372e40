/* The two claimers, submits and polls, share the room that the gate gives. What operators ask goes before
 * both: somebody waits for it. */
#include "submission/submission_internal.h"

#include "common/log.h"
#include "common/timestamp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void submission_turn(struct submission *submission)
{
    if (submission->stopped)
        return;
    asks_step(submission);
    if (submission->polls_first) {
        polls_step(submission);
        submits_step(submission);
    } else {
        submits_step(submission);
        polls_step(submission);
    }
}

size_t submission_share(struct submission *submission, const struct claimer *claimer,
                        enum gate_call kind)
{
    const struct claimer *other =
        claimer == &submission->submits ? &submission->polls : &submission->submits;
    bool ours = submission->polls_first == (claimer == &submission->polls);
    size_t room = client_room(submission->client, kind);

    if (room > 1 && other->wanted)
        room = (room + 1) / 2;
    else if (room == 1 && other->wanted && !ours)
        room = 0;
    if (room > 0 && ours)
        submission->polls_first = !submission->polls_first;
    return room < STORE_CLAIM_MAX ? room : STORE_CLAIM_MAX;
}

void claimer_set_timer(struct claimer *claimer, int64_t wait_ms)
{
    uint64_t at, set;
    int enabled;

    if (wait_ms < 1)
        wait_ms = 1;
    if (wait_ms > LOOK_AGAIN_MS)
        wait_ms = LOOK_AGAIN_MS;
    at = (uint64_t)(time_boot_ms() + wait_ms) * 1000;
    if (sd_event_source_get_enabled(claimer->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
        sd_event_source_get_time(claimer->timer, &set) >= 0 && set <= at)
        return;
    sd_event_source_set_time(claimer->timer, at);
    sd_event_source_set_enabled(claimer->timer, SD_EVENT_ONESHOT);
}

static void on_client_turn(void *userdata)
{
    submission_turn(userdata);
}

static int on_submits_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    submission_wake_submits(userdata);
    return 0;
}

static int on_polls_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    submission_wake_polls(userdata);
    return 0;
}

void submission_wake_submits(struct submission *submission)
{
    submission->submits.wanted = true;
    submission_turn(submission);
}

void submission_wake_polls(struct submission *submission)
{
    submission->polls.wanted = true;
    submission_turn(submission);
}

void submission_reload(struct submission *submission, const struct config *config)
{
    submission->config = config;
    submission->submits.wanted = submission->polls.wanted = true;
    client_reload(submission->client, config);
}

void submission_link_up(struct submission *submission)
{
    client_link_up(submission->client);
}

void submission_link_down(struct submission *submission)
{
    client_link_down(submission->client);
}

void submission_frame(struct submission *submission, struct json_object *head, const char *payload,
                      size_t size)
{
    client_frame(submission->client, head, payload, size);
}

static int make_claimer(sd_event *loop, sd_event_time_handler_t handler,
                        struct submission *submission, struct claimer *claimer)
{
    int r = sd_event_add_time_relative(loop, &claimer->timer, CLOCK_BOOTTIME, UINT64_MAX / 2, 1000,
                                       handler, submission);

    return r < 0 ? r : sd_event_source_set_enabled(claimer->timer, SD_EVENT_OFF);
}

int submission_new(sd_event *loop, const struct config *config, struct store *store,
                   struct worker_link *egress, struct submission **ret)
{
    struct submission *submission = calloc(1, sizeof(*submission));
    int r;

    if (!submission)
        return -ENOMEM;
    submission->loop = loop;
    submission->config = config;
    submission->store = store;
    submission->last_ask = &submission->asks;
    r = insist_new(loop, store, &submission->insist);
    if (r >= 0)
        r = client_new(loop, config, egress, on_client_turn, submission, &submission->client);
    if (r >= 0)
        r = make_claimer(loop, on_submits_timer, submission, &submission->submits);
    if (r >= 0)
        r = make_claimer(loop, on_polls_timer, submission, &submission->polls);
    if (r < 0) {
        submission_free(submission);
        return r;
    }
    *ret = submission;
    return 0;
}

void submission_stop(struct submission *submission)
{
    submission->stopped = true;
    client_stop(submission->client);
    asks_end(submission);
}

bool submission_is_idle(const struct submission *submission)
{
    return client_open(submission->client) == 0 && !submission->submits.claiming &&
           !submission->polls.claiming && submission->n_unsaved == 0;
}

void submission_free(struct submission *submission)
{
    if (!submission)
        return;
    asks_free(submission);
    client_free(submission->client);
    insist_free(submission->insist, submission_drop);
    sd_event_source_disable_unref(submission->submits.timer);
    sd_event_source_disable_unref(submission->polls.timer);
    free(submission);
}

/* The day's credits end at midnight UTC. */
static void describe_budget(const struct submission *submission, struct submission_status *ret)
{
    size_t used = 0;

    ret->state = SUBMISSION_STATE_OUT_OF_BUDGET;
    ret->paused_until = time_next_midnight_utc(time_now());
    for (int type = 0; type < ENRICHMENT_MAX_; type++)
        if (submission->no_credits & 1U << type)
            used += (size_t)snprintf(ret->detail + used, sizeof(ret->detail) - used, "%s%s",
                                     used > 0 ? ", " : "", enrichment_type_name(type));
    snprintf(ret->detail + used, sizeof(ret->detail) - used,
             " wait: daily_credits in [pronto] are used up until 00:00 UTC");
}

void submission_status(const struct submission *submission, struct submission_status *ret)
{
    *ret = submission->counts;
    client_status(submission->client, ret);
    ret->credits_wait = submission->no_credits;
    if (ret->state == SUBMISSION_STATE_OK && submission->out_of_budget)
        describe_budget(submission, ret);
}

const char *submission_state_name(enum submission_state state)
{
    static const char *const names[] = {
        [SUBMISSION_STATE_OK] = "ok",
        [SUBMISSION_STATE_NO_KEY] = "no_key",
        [SUBMISSION_STATE_NO_LINK] = "no_link",
        [SUBMISSION_STATE_KEY_REFUSED] = "key_refused",
        [SUBMISSION_STATE_CREDITS] = "out_of_credits",
        [SUBMISSION_STATE_SLOWED] = "slowed",
        [SUBMISSION_STATE_TRIPPED] = "tripped",
        [SUBMISSION_STATE_OUT_OF_BUDGET] = "out_of_budget",
    };

    assert((size_t)state < ARRAY_SIZE(names));
    return names[state];
}
