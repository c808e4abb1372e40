#include "submission/client.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flight {
    int64_t id;
    struct gate_pass pass;
    call_done_fn done;
    void *userdata;
    struct flight *next;
};

struct client {
    const struct config *config;
    struct worker_link *egress;
    struct gate *gate;
    sd_event_source *timer;
    void (*turn)(void *userdata);
    void *userdata;
    struct flight *flights;
    int64_t last_id;
    size_t reserved;
    bool begun; /* egress was ready once: before, there is nothing to say about pauses */
    bool stopped;
    enum gate_state said;
    char detail[CLIENT_DETAIL_SIZE];
};

static const struct {
    enum submission_state state;
    int level;
    const char *message_id;
    const char *remedy;
} states[] = {
    [GATE_OK] = {SUBMISSION_STATE_OK, LOG_NOTICE, MESSAGE_CALLS_RESUMED, ""},
    [GATE_NO_KEY] = {SUBMISSION_STATE_NO_KEY, LOG_WARNING, MESSAGE_KEY_MISSING, ""},
    [GATE_NO_LINK] = {SUBMISSION_STATE_NO_LINK, LOG_WARNING, MESSAGE_CALLS_NO_LINK, ""},
    [GATE_AUTH] = {SUBMISSION_STATE_KEY_REFUSED, LOG_WARNING, MESSAGE_KEY_REFUSED,
                   ". Put a valid API key in place and reload; it is also tried again by itself"},
    [GATE_CREDITS] = {SUBMISSION_STATE_CREDITS, LOG_WARNING, MESSAGE_CALLS_OUT_OF_CREDITS,
                      "; it is tried again by itself"},
    [GATE_SLOWED] = {SUBMISSION_STATE_SLOWED, LOG_NOTICE, MESSAGE_CALLS_SLOWED, ""},
    [GATE_TRIPPED] = {SUBMISSION_STATE_TRIPPED, LOG_WARNING, MESSAGE_CALLS_TRIPPED,
                      "; it is tried again by itself"},
};

/* Says a change of state, once. */
static void say_state(struct client *client)
{
    struct gate_status status = gate_status(client->gate, time_boot_ms());

    const char *name = submission_state_name(states[status.state].state);
    const struct log_field fields[] = {{"PRONTO_STATE", name}, {"PRONTO_ERROR", client->detail}};

    if (status.state == client->said)
        return;
    client->said = status.state;
    if (!client->begun || client->stopped)
        return;
    if (status.state == GATE_OK)
        log_fields(LOG_NOTICE, MESSAGE_CALLS_RESUMED, fields, 1, "calls to Pronto go on");
    else
        log_fields(states[status.state].level, states[status.state].message_id, fields,
                   ARRAY_SIZE(fields), "%s to Pronto wait (%s): %s; requests stay queued%s",
                   status.submits_only ? "submissions" : "calls", name, client->detail,
                   states[status.state].remedy);
}

static void set_detail(struct client *client, const char *detail)
{
    snprintf(client->detail, sizeof(client->detail), "%s", detail ? detail : "");
}

static void take_turn(struct client *client)
{
    say_state(client);
    client->turn(client->userdata);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    take_turn(userdata);
    return 0;
}

/* Earlier wins: submits and polls may wait for different things. */
static void set_timer(struct client *client, int64_t wait_ms)
{
    uint64_t at = (uint64_t)(time_boot_ms() + wait_ms) * 1000, set;
    int enabled;

    if (sd_event_source_get_enabled(client->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
        sd_event_source_get_time(client->timer, &set) >= 0 && set <= at)
        return;
    sd_event_source_set_time(client->timer, at);
    sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

size_t client_room(struct client *client, enum gate_call kind)
{
    int64_t now = time_boot_ms(), wait;
    size_t room = client->stopped ? 0 : gate_room(client->gate, kind, now);

    if (room > client->reserved)
        return room - client->reserved;
    wait = client->stopped ? -1 : gate_wait_ms(client->gate, kind, now);
    if (wait > 0)
        set_timer(client, wait);
    return 0;
}

void client_reserve(struct client *client, size_t n)
{
    client->reserved += n;
}

void client_release(struct client *client, size_t n)
{
    assert(n <= client->reserved);
    client->reserved -= n;
}

int client_begin(struct client *client, const struct client_call *call)
{
    cleanup_json struct json_object *head = NULL;
    struct flight *flight = malloc(sizeof(*flight));
    struct egress_job job = call->job;
    int r;

    if (!flight)
        return -ENOMEM;
    if (gate_room(client->gate, call->kind, time_boot_ms()) == 0) {
        free(flight);
        return -EBUSY;
    }
    job.id = client->last_id + 1;
    r = egress_job_encode(&job, &head);
    if (r == 0)
        r = worker_link_send(client->egress, head, call->body, call->size);
    if (r < 0) {
        free(flight);
        return r;
    }
    *flight = (struct flight){.id = ++client->last_id,
                              .pass = gate_begin(client->gate, call->kind, time_boot_ms()),
                              .done = call->done,
                              .userdata = call->userdata,
                              .next = client->flights};
    client->flights = flight;
    return 0;
}

static void end_flight(struct client *client, struct flight *flight,
                       const struct call_answer *answer, bool lost)
{
    struct call_meaning meaning = {.verdict = GATE_V_OK};

    flight->done(answer, &meaning, flight->userdata);
    if (lost)
        meaning.verdict = GATE_V_ABANDONED;
    else if (meaning.verdict != GATE_V_OK)
        set_detail(client, meaning.detail);
    gate_end(client->gate, flight->pass, meaning.verdict, answer->retry_after_ms, time_boot_ms(),
             random_uniform(UINT32_MAX));
    free(flight);
}

static void on_control(struct client *client, const char *state, const char *detail)
{
    bool no_key = state && strcmp(state, "no_key") == 0;
    int64_t now = time_boot_ms();

    client->begun = client->begun || no_key; /* a missing key is said also at first */
    if (no_key)
        set_detail(client, detail);
    gate_key(client->gate, !no_key, now);
    gate_link(client->gate, true, now);
    say_state(client);
    client->begun = true;
    take_turn(client);
}

void client_frame(struct client *client, struct json_object *head, const char *payload, size_t size)
{
    const char *state = NULL, *detail = NULL;
    struct call_answer answer;
    int64_t id;

    if (control_decode(head, &state, &detail)) {
        on_control(client, state, detail);
        return;
    }
    if (egress_outcome_decode(head, payload, size, &id, &answer) < 0) {
        log_warning("prontod-egress sent a frame that is no outcome, ignoring it");
        return;
    }
    for (struct flight **p = &client->flights; *p; p = &(*p)->next) {
        struct flight *flight = *p;

        if (flight->id != id)
            continue;
        *p = flight->next;
        end_flight(client, flight, &answer, false);
        take_turn(client);
        return;
    }
    log_debug("prontod-egress answered call %lld, which is not under way, ignoring it",
              (long long)id);
}

void client_link_up(struct client *client)
{
    (void)client; /* it counts when egress has said whether it has a key */
}

void client_link_down(struct client *client)
{
    struct call_answer answer = {.fate = CALL_MAYBE_SENT,
                                 .retry_after_ms = -1,
                                 .error = "prontod-egress ended during the call"};

    set_detail(client, "prontod-egress is not there");
    gate_link(client->gate, false, time_boot_ms());
    while (client->flights) {
        struct flight *flight = client->flights;

        client->flights = flight->next;
        end_flight(client, flight, &answer, true);
    }
    say_state(client);
}

static struct gate_limits limits_of(const struct config *config)
{
    return (struct gate_limits){.concurrency = config->pronto.concurrency,
                                .rate = config->pronto.rate};
}

void client_reload(struct client *client, const struct config *config)
{
    const struct gate_limits limits = limits_of(config);

    client->config = config;
    gate_configure(client->gate, &limits, time_boot_ms());
    take_turn(client);
}

void client_stop(struct client *client)
{
    client->stopped = true;
}

bool client_is_shut_for_long(const struct client *client, bool *ret_no_key)
{
    int64_t now = time_boot_ms();
    struct gate_status status = gate_status(client->gate, now);

    *ret_no_key = status.state == GATE_NO_KEY;
    return gate_is_shut_for_long(client->gate, now);
}

size_t client_open(const struct client *client)
{
    struct gate_status status = gate_status(client->gate, time_boot_ms());

    return status.open;
}

void client_status(const struct client *client, struct submission_status *ret)
{
    int64_t now = time_boot_ms();
    struct gate_status status = gate_status(client->gate, now);

    ret->state = states[status.state].state;
    snprintf(ret->detail, sizeof(ret->detail), "%s", status.state == GATE_OK ? "" : client->detail);
    ret->paused_until = status.resume_ms > now ? time_now() + status.resume_ms - now : 0;
    ret->in_flight = (int64_t)status.open;
    ret->concurrency = client->config->pronto.concurrency;
    ret->rate = client->config->pronto.rate;
}

int client_new(sd_event *loop, const struct config *config, struct worker_link *egress,
               void (*turn)(void *userdata), void *userdata, struct client **ret)
{
    const struct gate_limits limits = limits_of(config);
    struct client *client = calloc(1, sizeof(*client));
    int r = -ENOMEM;

    if (!client)
        return -ENOMEM;
    client->config = config;
    client->egress = egress;
    client->turn = turn;
    client->userdata = userdata;
    client->gate = gate_new(&limits, time_boot_ms());
    if (client->gate)
        r = sd_event_add_time_relative(loop, &client->timer, CLOCK_BOOTTIME, UINT64_MAX / 2, 1000,
                                       on_timer, client);
    if (r < 0) {
        client_free(client);
        return r;
    }
    sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
    set_detail(client, "prontod-egress is not there");
    client->said = GATE_NO_LINK;
    *ret = client;
    return 0;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    while (client->flights) {
        struct flight *flight = client->flights;

        client->flights = flight->next;
        free(flight);
    }
    gate_free(client->gate);
    sd_event_source_disable_unref(client->timer);
    free(client);
}

enum gate_verdict client_verdict(const struct call_answer *answer)
{
    if (answer->fate == CALL_NO_KEY)
        return GATE_V_NO_KEY;
    if (answer->fate != CALL_ANSWERED)
        return GATE_V_FAILED;
    switch (answer->status) {
    case 401:
    case 403:
        return GATE_V_AUTH;
    case 429:
        return GATE_V_SLOW;
    case 503:
        return answer->retry_after_ms >= 0 ? GATE_V_SLOW : GATE_V_FAILED;
    default:
        return answer->status >= 200 && answer->status <= 499 && answer->status / 100 != 3
                   ? GATE_V_OK
                   : GATE_V_FAILED;
    }
}

void client_describe(const struct call_answer *answer, char ret[static CLIENT_DETAIL_SIZE])
{
    if (answer->fate == CALL_ANSWERED)
        snprintf(ret, CLIENT_DETAIL_SIZE, "Pronto answered with status %d", answer->status);
    else
        snprintf(ret, CLIENT_DETAIL_SIZE, "%s", answer->error ? answer->error : "no answer");
}
