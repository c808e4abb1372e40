#include "submission/gate.h"

#include "model/schedule.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define TOKEN_BACK_MS 1000

#define SLOW_FIRST_MS   1000
#define SLOW_LONGEST_MS (5 * 60 * 1000)
#define SLOW_OBEYED_MS  (60 * 60 * 1000) /* an absurd Retry-After is not obeyed for longer */

#define PAUSE_FIRST_MS   (60 * 1000) /* for the key or credits */
#define PAUSE_LONGEST_MS (15 * 60 * 1000)

#define TRIP_AFTER      5 /* failures in a row */
#define TRIP_FIRST_MS   1000
#define TRIP_LONGEST_MS (5 * 60 * 1000)

#define LONG_MS (60 * 1000)

/* After @until one call is made as a probe; what it brings decides. */
struct pause {
    bool active;
    int64_t until;
    unsigned in_a_row;
};

struct gate {
    struct gate_limits limits;
    size_t open;
    bool key, link;
    struct pause auth, credits, trip;
    int64_t slow_until;
    unsigned slow_in_a_row, failures_in_a_row;
    bool probing; /* a probe is under way */
    enum gate_call probe_kind;
    int64_t shut_since;          /* nothing can be asked; 0: it can */
    int64_t ends[GATE_RATE_MAX]; /* of calls whose tokens are out: a ring */
    size_t first_end, n_ends;
};

int gate_new(struct gate **ret)
{
    struct gate *gate = calloc(1, sizeof(*gate));

    if (!gate)
        return -ENOMEM;
    gate->key = true; /* until it is said that there is none */
    *ret = gate;
    return 0;
}

void gate_free(struct gate *gate)
{
    free(gate);
}

static void note_shut(struct gate *gate, int64_t now)
{
    bool shut = !gate->key || !gate->link || gate->auth.active || gate->trip.active;

    if (!shut)
        gate->shut_since = 0;
    else if (gate->shut_since == 0)
        gate->shut_since = now;
}

void gate_configure(struct gate *gate, const struct gate_limits *limits, int64_t now)
{
    assert(limits->concurrency > 0 && limits->rate > 0 && limits->rate <= GATE_RATE_MAX);
    gate->limits = *limits;
    gate->auth = gate->credits = (struct pause){.active = false};
    gate->probing = gate->probing && gate->trip.active;
    note_shut(gate, now);
}

void gate_link(struct gate *gate, bool up, int64_t now)
{
    gate->link = up;
    note_shut(gate, now);
}

void gate_key(struct gate *gate, bool there, int64_t now)
{
    gate->key = there;
    note_shut(gate, now);
}

/* Room. */

static int64_t end_at(const struct gate *gate, size_t i)
{
    return gate->ends[(gate->first_end + i) % GATE_RATE_MAX];
}

/* Tokens of calls that ended less than a second ago. */
static size_t tokens_out(const struct gate *gate, int64_t now)
{
    size_t back = 0;

    while (back < gate->n_ends && now - end_at(gate, back) >= TOKEN_BACK_MS)
        back++;
    return gate->n_ends - back;
}

static bool holds(const struct gate *gate, const struct pause *pause, enum gate_call kind)
{
    return pause->active && (pause != &gate->credits || kind == GATE_SUBMIT);
}

/* The pause that ends last; NULL: none holds this kind. */
static const struct pause *longest_pause(const struct gate *gate, enum gate_call kind)
{
    const struct pause *pauses[] = {&gate->auth, &gate->trip, &gate->credits}, *longest = NULL;

    for (size_t i = 0; i < 3; i++)
        if (holds(gate, pauses[i], kind) && (!longest || pauses[i]->until > longest->until))
            longest = pauses[i];
    return longest;
}

static size_t places(const struct gate *gate, int64_t now)
{
    size_t concurrency = (size_t)gate->limits.concurrency, rate = (size_t)gate->limits.rate;
    size_t taken = gate->open + tokens_out(gate, now);
    size_t free_places = gate->open < concurrency ? concurrency - gate->open : 0;
    size_t tokens = taken < rate ? rate - taken : 0;

    return free_places < tokens ? free_places : tokens;
}

size_t gate_room(const struct gate *gate, enum gate_call kind, int64_t now)
{
    const struct pause *pause = longest_pause(gate, kind);
    size_t room = places(gate, now);

    if (!gate->link || !gate->key || gate->slow_until > now || room == 0)
        return 0;
    if (!pause)
        return room;
    return pause->until <= now && !gate->probing ? 1 : 0;
}

int64_t gate_wait_ms(const struct gate *gate, enum gate_call kind, int64_t now)
{
    const struct pause *pause = longest_pause(gate, kind);
    int64_t at = gate->slow_until;
    size_t out = tokens_out(gate, now);

    if (gate_room(gate, kind, now) > 0)
        return 0;
    if (!gate->link || !gate->key || (pause && gate->probing))
        return -1;
    if (pause && pause->until > at)
        at = pause->until;
    if (at > now)
        return at - now;
    /* Only tokens come back by themselves. */
    if (gate->open >= (size_t)gate->limits.concurrency || out == 0)
        return -1;
    return end_at(gate, gate->n_ends - out) + TOKEN_BACK_MS - now;
}

/* Calls. */

void gate_begin(struct gate *gate, enum gate_call kind, int64_t now)
{
    assert(gate_room(gate, kind, now) > 0);
    if (longest_pause(gate, kind)) {
        gate->probing = true;
        gate->probe_kind = kind;
    }
    gate->open++;
}

static void note_end(struct gate *gate, int64_t now)
{
    size_t back = gate->n_ends - tokens_out(gate, now);

    gate->first_end = (gate->first_end + back) % GATE_RATE_MAX;
    gate->n_ends -= back;
    assert(gate->open > 0 && gate->n_ends < GATE_RATE_MAX);
    gate->open--;
    gate->ends[(gate->first_end + gate->n_ends++) % GATE_RATE_MAX] = now;
}

static void begin_pause(struct pause *pause, int64_t first_ms, int64_t longest_ms, int64_t now,
                        uint32_t random)
{
    pause->active = true;
    pause->until = now + backoff_equal_jitter(first_ms, longest_ms, ++pause->in_a_row, random);
}

static void end_pause(struct pause *pause)
{
    *pause = (struct pause){.active = false};
}

static void slow_down(struct gate *gate, int64_t retry_after_ms, int64_t now, uint32_t random)
{
    int64_t wait = retry_after_ms < SLOW_OBEYED_MS ? retry_after_ms : SLOW_OBEYED_MS;

    if (gate->slow_until <= now)
        gate->slow_in_a_row++;
    if (wait < 0)
        wait = backoff_full_jitter(SLOW_FIRST_MS, SLOW_LONGEST_MS, gate->slow_in_a_row, random);
    if (now + wait > gate->slow_until)
        gate->slow_until = now + wait;
}

static void fail(struct gate *gate, bool probe, int64_t now, uint32_t random)
{
    if (probe && gate->auth.active)
        begin_pause(&gate->auth, PAUSE_FIRST_MS, PAUSE_LONGEST_MS, now, random);
    if (probe && gate->credits.active && gate->probe_kind == GATE_SUBMIT)
        begin_pause(&gate->credits, PAUSE_FIRST_MS, PAUSE_LONGEST_MS, now, random);
    if (gate->trip.active && !probe)
        return;
    gate->failures_in_a_row++;
    if (gate->trip.active || gate->failures_in_a_row >= TRIP_AFTER)
        begin_pause(&gate->trip, TRIP_FIRST_MS, TRIP_LONGEST_MS, now, random);
}

/* Pronto answered: what holds back for another reason than this answer's is over. */
static void answered(struct gate *gate, enum gate_call kind, enum gate_verdict verdict)
{
    gate->failures_in_a_row = 0;
    end_pause(&gate->trip);
    if (verdict != GATE_V_AUTH)
        end_pause(&gate->auth);
    if (verdict == GATE_V_OK && kind == GATE_SUBMIT)
        end_pause(&gate->credits);
    if (verdict != GATE_V_SLOW)
        gate->slow_in_a_row = 0;
}

static void take_verdict(struct gate *gate, enum gate_verdict verdict, int64_t retry_after_ms,
                         int64_t now, uint32_t random)
{
    if (verdict == GATE_V_AUTH)
        begin_pause(&gate->auth, PAUSE_FIRST_MS, PAUSE_LONGEST_MS, now, random);
    else if (verdict == GATE_V_CREDITS)
        begin_pause(&gate->credits, PAUSE_FIRST_MS, PAUSE_LONGEST_MS, now, random);
    else if (verdict == GATE_V_SLOW)
        slow_down(gate, retry_after_ms, now, random);
}

void gate_end(struct gate *gate, enum gate_call kind, enum gate_verdict verdict,
              int64_t retry_after_ms, int64_t now, uint32_t random)
{
    bool probe = gate->probing && gate->probe_kind == kind;
    bool paused = longest_pause(gate, kind) != NULL;

    note_end(gate, now);
    if (probe)
        gate->probing = false;
    if (verdict == GATE_V_NO_KEY) {
        gate->key = false;
    } else if (verdict == GATE_V_FAILED) {
        fail(gate, probe, now, random);
    } else if (verdict != GATE_V_ABANDONED && (probe || !paused)) {
        answered(gate, kind, verdict);
        take_verdict(gate, verdict, retry_after_ms, now, random);
    } else if (verdict == GATE_V_SLOW) {
        slow_down(gate, retry_after_ms, now, random); /* a wait that Pronto names holds always */
    }
    note_shut(gate, now);
}

/* Status. */

static enum gate_state state_of(const struct gate *gate, int64_t now, int64_t *ret_resume)
{
    *ret_resume = 0;
    if (!gate->link)
        return GATE_NO_LINK;
    if (!gate->key)
        return GATE_NO_KEY;
    if (gate->auth.active) {
        *ret_resume = gate->auth.until;
        return GATE_AUTH;
    }
    if (gate->trip.active) {
        *ret_resume = gate->trip.until;
        return GATE_TRIPPED;
    }
    if (gate->slow_until > now) {
        *ret_resume = gate->slow_until;
        return GATE_SLOWED;
    }
    if (gate->credits.active) {
        *ret_resume = gate->credits.until;
        return GATE_CREDITS;
    }
    return GATE_OK;
}

void gate_status(const struct gate *gate, int64_t now, struct gate_status *ret)
{
    *ret = (struct gate_status){.open = gate->open};
    ret->state = state_of(gate, now, &ret->resume_ms);
    ret->submits_only = ret->state == GATE_CREDITS;
}

bool gate_is_shut_for_long(const struct gate *gate, int64_t now)
{
    if (gate->shut_since == 0)
        return false;
    return !gate->key || now - gate->shut_since > LONG_MS;
}
