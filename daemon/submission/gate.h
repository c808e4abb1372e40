/* May a call to Pronto begin now? One gate for all kinds of calls together. Pure: time and randomness
 * are arguments. Times are milliseconds of one monotonic clock that is above 0; the times that a gate
 * is told never go back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define GATE_CONCURRENCY_MAX 100
#define GATE_RATE_MAX        1000

enum gate_call {
    GATE_SUBMIT = 0, /* a POST that spends credits */
    GATE_ASK,        /* a GET that does not */
};

/* What keeps calls from being made, the gravest first. */
enum gate_state {
    GATE_OK = 0,
    GATE_NO_KEY,  /* there is no API key */
    GATE_NO_LINK, /* whoever makes the calls is not there */
    GATE_AUTH,    /* Pronto refuses the key */
    GATE_CREDITS, /* nothing is left to spend; holds GATE_SUBMIT only */
    GATE_SLOWED,  /* Pronto told us to wait */
    GATE_TRIPPED, /* too many calls failed in a row */
};

/* How a call ended. */
enum gate_verdict {
    GATE_V_OK,
    GATE_V_FAILED,    /* no answer, or one that is Pronto's fault */
    GATE_V_AUTH,      /* 401, 403 */
    GATE_V_NO_KEY,    /* not made: there is no key */
    GATE_V_CREDITS,   /* 402 */
    GATE_V_SLOW,      /* 429, or 503 with Retry-After */
    GATE_V_ABANDONED, /* nothing is known of it: the link went down, or we stopped */
};

struct gate_limits {
    int64_t concurrency; /* open calls: 1..GATE_CONCURRENCY_MAX */
    int64_t rate;        /* calls in any second: 1..GATE_RATE_MAX */
};

/* A call that began. The caller keeps it and hands it back once, to gate_end. */
struct gate_pass {
    uint64_t number; /* calls are counted in the order in which they begin */
};

struct gate_status {
    enum gate_state state; /* the gravest that holds for any call */
    int64_t resume_ms;     /* when that state's wait is over; 0: not by itself, or it is over and
                                   one call finds out */
    size_t open;           /* calls under way */
    unsigned failures_in_a_row; /* GATE_V_FAILED since the last proper answer */
    bool submits_only;          /* something holds submits, and nothing holds asks */
};

struct gate;

/* A gate without link and with a key. NULL: no memory. The caller frees it with gate_free. */
struct gate *gate_new(const struct gate_limits *limits, int64_t now);
/* NULL is fine. */
void gate_free(struct gate *gate);
DEFINE_CLEANUP(struct gate *, gate_free);
#define cleanup_gate __attribute__((cleanup(gate_free_p)))

/* New limits, at once: what is open or not yet given back stays counted. Also ends the pauses for
 * GATE_AUTH and GATE_CREDITS, and what calls that are under way then say of key and credits is
 * ignored: to be called when the calls made from now on carry the new key. */
void gate_configure(struct gate *gate, const struct gate_limits *limits, int64_t now);
/* Calls can or cannot be made at all. Calls that a lost link leaves open are the caller's to end
 * (GATE_V_ABANDONED). Pauses go on meanwhile. */
void gate_link(struct gate *gate, bool up, int64_t now);
/* There is an API key or not. Pauses go on meanwhile. */
void gate_key(struct gate *gate, bool there, int64_t now);

/* How many more calls of @kind may begin now: 1 at most while a probe is due, 0 in a pause. */
size_t gate_room(const struct gate *gate, enum gate_call kind, int64_t now);
/* Milliseconds until gate_room is worth another look: 0 when there is room, -1 when time alone brings
 * none (no key, no link, all places taken, a probe under way), else > 0. */
int64_t gate_wait_ms(const struct gate *gate, enum gate_call kind, int64_t now);

/* A call of @kind begins; there must be room for it. */
struct gate_pass gate_begin(struct gate *gate, enum gate_call kind, int64_t now);
/* It ended. @retry_after_ms, for GATE_V_SLOW: what the answer said; below 1: nothing usable.
 * @random: any 32-bit random number. */
void gate_end(struct gate *gate, struct gate_pass pass, enum gate_verdict verdict,
              int64_t retry_after_ms, int64_t now, uint32_t random);

struct gate_status gate_status(const struct gate *gate, int64_t now);
/* Calls of GATE_ASK cannot be made for a reason other than the limits, and that has been so for more
 * than 60 s (without a key: at once). */
bool gate_is_shut_for_long(const struct gate *gate, int64_t now);
