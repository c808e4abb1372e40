/* The rules, each independent of the others; a call may begin when all allow it.
 *
 * Places: the open calls of both kinds together never exceed `concurrency`.
 *
 * Rate: a bucket of `rate` tokens. A call takes one when it begins, and it comes back 1 s after the
 * call ended. Pronto sees a call at some moment between the two, so it never sees more than `rate`
 * calls in any second, whatever the network does to them.
 *
 * Slowed: upon GATE_V_SLOW all calls wait for what the answer said, at most 1 h; without a time for
 * full jitter of 1 s that doubles to 5 min with the number of slow answers in a row. When it is over
 * calls go on with all their room.
 *
 * Three pauses end by a probe: when the wait is over, one call may begin, and its end decides.
 *   AUTH     begins with a refused key; holds all calls; 60 s doubling to 15 min.
 *   CREDITS  begins when credits are used up; holds submits only; 60 s doubling to 15 min.
 *   BREAKER  begins with 5 failures in a row over all kinds; holds all calls; 1 s doubling to 5 min.
 * The waits are equal jitter. A probe that meets the pause's own reason makes the wait longer; a proper
 * answer ends the pause; an end that tells nothing about the reason (a failure, of the key) repeats the
 * wait; a probe that was abandoned is due again. One call may be the probe of several pauses.
 *
 * Calls that were under way when a pause began neither end it nor count again, also when they end
 * after it: calls are numbered, and a pause knows the first number that is news to it. Only a slow
 * answer of such a call may make the wait longer.
 *
 * Without key or link there is no room at all; the pauses go on meanwhile. */
#include "submission/gate.h"

#include "model/schedule.h"

#include <assert.h>
#include <limits.h>

#define SECOND_MS          1000
#define MINUTE_MS          (60 * (int64_t)SECOND_MS)
#define TOKEN_BACK_MS      SECOND_MS
#define SLOW_FIRST_MS      SECOND_MS
#define SLOW_LONGEST_MS    (5 * MINUTE_MS)
#define RETRY_AFTER_MAX_MS (60 * MINUTE_MS)
#define SHUT_LONG_MS       MINUTE_MS
#define NEVER              (-1) /* not by time alone */

enum { AUTH, CREDITS, BREAKER, N_PAUSES };

static const struct rule {
    enum gate_state state;
    unsigned threshold; /* bad ends in a row that begin the pause */
    int64_t first_ms, longest_ms;
} rules[N_PAUSES] = {
    [AUTH] = {GATE_AUTH, 1, MINUTE_MS, 15 * MINUTE_MS},
    [CREDITS] = {GATE_CREDITS, 1, MINUTE_MS, 15 * MINUTE_MS},
    [BREAKER] = {GATE_TRIPPED, 5, SECOND_MS, 5 * MINUTE_MS},
};

/* What the end of a call says about the reason of AUTH, CREDITS and BREAKER. */
static const enum meaning {
    NOTHING,
    GOOD,
    BAD,
    UNCLEAR
} meanings[][N_PAUSES] = {
    [GATE_V_OK] = {GOOD, GOOD, GOOD},
    [GATE_V_FAILED] = {UNCLEAR, UNCLEAR, BAD},
    [GATE_V_AUTH] = {BAD, UNCLEAR, GOOD},
    [GATE_V_NO_KEY] = {NOTHING, NOTHING, NOTHING},
    [GATE_V_CREDITS] = {GOOD, BAD, GOOD},
    [GATE_V_SLOW] = {UNCLEAR, UNCLEAR, GOOD},
    [GATE_V_ABANDONED] = {NOTHING, NOTHING, NOTHING},
};

struct pause {
    bool on, probing; /* probing: while on, the probe is under way */
    uint64_t probe;   /* its number */
    uint64_t since;   /* calls below this number say nothing */
    unsigned row;     /* bad ends in a row */
    int64_t until;    /* while on: from then a probe is due */
};

struct gate {
    struct gate_limits limits;
    bool link, key;
    uint64_t next;     /* number of the next call */
    uint64_t key_news; /* calls below this number began before the key was there */
    size_t open;
    struct pause pauses[N_PAUSES];
    struct {
        uint64_t since; /* calls below this number were under way when the pause began */
        unsigned row;   /* slow answers in a row */
        int64_t until;
    } slow;
    int64_t shut_since; /* asks have been held since then; NEVER: they are not */
    int64_t
        ended[GATE_RATE_MAX]; /* ring: ends of calls whose tokens may be out still, oldest first */
    size_t oldest, n_ended;
};

static void more(unsigned *count)
{
    if (*count < UINT_MAX)
        (*count)++;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- places and tokens ---- */

/* The @i-th oldest end in the ring. */
static int64_t end_at(const struct gate *gate, size_t i)
{
    return gate->ended[(gate->oldest + i) % GATE_RATE_MAX];
}

/* How many ends of the ring gave their token back. */
static size_t given_back(const struct gate *gate, int64_t now)
{
    size_t n = 0;

    while (n < gate->n_ended && end_at(gate, n) + TOKEN_BACK_MS <= now)
        n++;
    return n;
}

static void remember_end(struct gate *gate, int64_t now)
{
    size_t back = given_back(gate, now);

    gate->oldest = (gate->oldest + back) % GATE_RATE_MAX;
    gate->n_ended -= back;
    /* Open calls and tokens out were at most GATE_RATE_MAX together when the last call began. */
    assert(gate->n_ended < GATE_RATE_MAX);
    gate->ended[(gate->oldest + gate->n_ended) % GATE_RATE_MAX] = now;
    gate->n_ended++;
}

/* What the limits leave; a limit that was lowered may be exceeded for a while. */
static size_t room_of_limits(const struct gate *gate, int64_t now)
{
    size_t concurrency = (size_t)gate->limits.concurrency, rate = (size_t)gate->limits.rate;
    size_t out = gate->open + gate->n_ended - given_back(gate, now);
    size_t places = gate->open < concurrency ? concurrency - gate->open : 0;
    size_t tokens = out < rate ? rate - out : 0;

    return places < tokens ? places : tokens;
}

/* When the limits leave room, at the earliest. */
static int64_t limits_open_at(const struct gate *gate, int64_t now)
{
    size_t concurrency = (size_t)gate->limits.concurrency, rate = (size_t)gate->limits.rate;

    /* The tokens of open calls do not come back before those end. */
    if (gate->open >= concurrency || gate->open >= rate)
        return NEVER;
    if (gate->open + gate->n_ended < rate)
        return now;
    return later(now, end_at(gate, gate->open + gate->n_ended - rate) + TOKEN_BACK_MS);
}

/* ---- pauses ---- */

static bool concerns(int i, enum gate_call kind)
{
    return i != CREDITS || kind == GATE_SUBMIT;
}

static bool is_held(const struct gate *gate, enum gate_call kind, int64_t now)
{
    if (!gate->key || !gate->link || now < gate->slow.until)
        return true;
    for (int i = 0; i < N_PAUSES; i++)
        if (gate->pauses[i].on && concerns(i, kind))
            return true;
    return false;
}

/* When no pause keeps a call of @kind, be it a probe, from beginning; at most @now: none does. */
static int64_t pauses_open_at(const struct gate *gate, enum gate_call kind)
{
    int64_t at = gate->slow.until;

    if (!gate->key || !gate->link)
        return NEVER;
    for (int i = 0; i < N_PAUSES; i++) {
        const struct pause *pause = &gate->pauses[i];

        if (!pause->on || !concerns(i, kind))
            continue;
        if (pause->probing)
            return NEVER;
        at = later(at, pause->until);
    }
    return at;
}

/* Asks are held from the first moment on that something holds them, be it one thing after the other.
 * Time only ends holds, so it is enough to look at it before and after each change. */
static void note_shut(struct gate *gate, int64_t now)
{
    if (!is_held(gate, GATE_ASK, now))
        gate->shut_since = NEVER;
    else if (gate->shut_since == NEVER)
        gate->shut_since = now;
}

static void begin_wait(struct gate *gate, int i, int64_t now, uint32_t random)
{
    const struct rule *rule = &rules[i];
    struct pause *pause = &gate->pauses[i];

    pause->on = true;
    pause->since = gate->next;
    pause->until = now + backoff_equal_jitter(rule->first_ms, rule->longest_ms,
                                              pause->row - rule->threshold + 1, random);
}

static void end_pause(struct gate *gate, int i)
{
    struct pause *pause = &gate->pauses[i];

    pause->on = pause->probing = false;
    pause->row = 0;
}

/* What the end of a call means to pause @i. */
static void judge(struct gate *gate, int i, struct gate_pass pass, enum gate_verdict verdict,
                  int64_t now, uint32_t random)
{
    struct pause *pause = &gate->pauses[i];
    bool is_probe = pause->on && pause->probing && pause->probe == pass.number;

    if (is_probe)
        pause->probing = false;
    else if (pause->on || pass.number < pause->since)
        return;
    switch (meanings[verdict][i]) {
    case NOTHING:
        break;
    case GOOD:
        end_pause(gate, i);
        break;
    case BAD:
        more(&pause->row);
        if (pause->row >= rules[i].threshold)
            begin_wait(gate, i, now, random);
        break;
    case UNCLEAR:
        if (is_probe)
            begin_wait(gate, i, now, random);
        break;
    }
}

static void slow_down(struct gate *gate, struct gate_pass pass, int64_t retry_after_ms, int64_t now,
                      uint32_t random)
{
    int64_t wait = retry_after_ms;

    if (pass.number >= gate->slow.since)
        more(&gate->slow.row);
    if (wait < 1)
        wait = backoff_full_jitter(SLOW_FIRST_MS, SLOW_LONGEST_MS, gate->slow.row, random);
    else if (wait > RETRY_AFTER_MAX_MS)
        wait = RETRY_AFTER_MAX_MS;
    /* What began since the last pause is under way as this one begins. */
    if (now >= gate->slow.until)
        gate->slow.since = gate->next;
    gate->slow.until = later(gate->slow.until, now + wait);
}

static void judge_slowness(struct gate *gate, struct gate_pass pass, enum gate_verdict verdict,
                           int64_t retry_after_ms, int64_t now, uint32_t random)
{
    bool is_other_answer =
        verdict == GATE_V_OK || verdict == GATE_V_AUTH || verdict == GATE_V_CREDITS;

    if (verdict == GATE_V_SLOW)
        slow_down(gate, pass, retry_after_ms, now, random);
    else if (is_other_answer && pass.number >= gate->slow.since)
        gate->slow.row = 0;
}

/* ---- the interface ---- */

static void set_limits(struct gate *gate, const struct gate_limits *limits)
{
    assert(limits->concurrency >= 1 && limits->concurrency <= GATE_CONCURRENCY_MAX);
    assert(limits->rate >= 1 && limits->rate <= GATE_RATE_MAX);
    gate->limits = *limits;
}

struct gate *gate_new(const struct gate_limits *limits, int64_t now)
{
    struct gate *gate = calloc(1, sizeof(*gate));

    if (gate == NULL)
        return NULL;
    set_limits(gate, limits);
    gate->key = true;
    gate->shut_since = now;
    return gate;
}

void gate_free(struct gate *gate)
{
    free(gate);
}

void gate_configure(struct gate *gate, const struct gate_limits *limits, int64_t now)
{
    note_shut(gate, now);
    set_limits(gate, limits);
    for (int i = AUTH; i <= CREDITS; i++) {
        end_pause(gate, i);
        gate->pauses[i].since = gate->next;
    }
    note_shut(gate, now);
}

void gate_link(struct gate *gate, bool up, int64_t now)
{
    note_shut(gate, now);
    gate->link = up;
    note_shut(gate, now);
}

void gate_key(struct gate *gate, bool there, int64_t now)
{
    note_shut(gate, now);
    gate->key = there;
    gate->key_news = gate->next;
    note_shut(gate, now);
}

size_t gate_room(const struct gate *gate, enum gate_call kind, int64_t now)
{
    int64_t at = pauses_open_at(gate, kind);
    size_t room = room_of_limits(gate, now);

    if (at == NEVER || at > now)
        return 0;
    return is_held(gate, kind, now) && room > 1 ? 1 : room;
}

int64_t gate_wait_ms(const struct gate *gate, enum gate_call kind, int64_t now)
{
    int64_t pauses = pauses_open_at(gate, kind), limits = limits_open_at(gate, now);

    if (pauses == NEVER || limits == NEVER)
        return NEVER;
    return later(pauses, limits) > now ? later(pauses, limits) - now : 0;
}

struct gate_pass gate_begin(struct gate *gate, enum gate_call kind, int64_t now)
{
    struct gate_pass pass = {.number = gate->next};

    assert(gate_room(gate, kind, now) > 0);
    for (int i = 0; i < N_PAUSES; i++) {
        struct pause *pause = &gate->pauses[i];

        if (!pause->on || !concerns(i, kind))
            continue;
        pause->probing = true;
        pause->probe = pass.number;
    }
    gate->next++;
    gate->open++;
    return pass;
}

void gate_end(struct gate *gate, struct gate_pass pass, enum gate_verdict verdict,
              int64_t retry_after_ms, int64_t now, uint32_t random)
{
    assert(gate->open > 0 && pass.number < gate->next);
    note_shut(gate, now);
    gate->open--;
    remember_end(gate, now);
    for (int i = 0; i < N_PAUSES; i++)
        judge(gate, i, pass, verdict, now, random);
    judge_slowness(gate, pass, verdict, retry_after_ms, now, random);
    if (verdict == GATE_V_NO_KEY && pass.number >= gate->key_news)
        gate->key = false;
    note_shut(gate, now);
}

/* The pause whose state is the gravest of those that are on; -1: none is. */
static int gravest(const struct gate *gate, int64_t now)
{
    for (int i = 0; i < N_PAUSES; i++)
        if (gate->pauses[i].on && (i != BREAKER || now >= gate->slow.until))
            return i;
    return -1;
}

struct gate_status gate_status(const struct gate *gate, int64_t now)
{
    struct gate_status status = {
        .open = gate->open,
        .failures_in_a_row = gate->pauses[BREAKER].row,
        .submits_only = is_held(gate, GATE_SUBMIT, now) && !is_held(gate, GATE_ASK, now),
    };
    int i = gravest(gate, now);

    if (!gate->key) {
        status.state = GATE_NO_KEY;
    } else if (!gate->link) {
        status.state = GATE_NO_LINK;
    } else if (i >= 0) {
        status.state = rules[i].state;
        status.resume_ms = gate->pauses[i].until > now ? gate->pauses[i].until : 0;
    } else if (now < gate->slow.until) {
        status.state = GATE_SLOWED;
        status.resume_ms = gate->slow.until;
    }
    return status;
}

bool gate_is_shut_for_long(const struct gate *gate, int64_t now)
{
    if (!is_held(gate, GATE_ASK, now))
        return false;
    return !gate->key || now - gate->shut_since > SHUT_LONG_MS;
}
