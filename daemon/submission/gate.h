/* May a call to Pronto be made now? For all kinds of calls together: how many at a time, how many a
 * second, and the pauses that Pronto's answers ask for. Pure: time (milliseconds of a clock that never
 * jumps) and randomness are arguments.
 *
 * - No more than `concurrency` calls are open.
 * - A call takes one of `rate` tokens, which comes back a second after the call is over. Pronto sees a
 *   call between its begin and its end; so however late it sees one, it never sees more than `rate` in a
 *   second.
 * - 429, or 503 with Retry-After: nothing until that is over; without one, full jitter of 1 s to 5 min.
 * - 401, 403: nothing, then one call as a probe after 60 s, doubling to 15 min. Out of credits likewise,
 *   but only what spends credits is held back.
 * - Five failures in a row trip the breaker: nothing, then a probe after 1 s, doubling to 5 min.
 * - Calls that were under way when a pause began neither end it nor count again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_call {
    GATE_SUBMIT = 0, /* spends credits */
    GATE_ASK,        /* does not */
};

enum gate_state {
    GATE_OK = 0,
    GATE_NO_KEY,  /* there is no API key */
    GATE_NO_LINK, /* nobody is there who makes calls */
    GATE_AUTH,
    GATE_CREDITS,
    GATE_SLOWED,
    GATE_TRIPPED,
};

/* What the end of a call says. */
enum gate_verdict {
    GATE_V_OK = 0, /* a proper answer */
    GATE_V_FAILED,
    GATE_V_AUTH,
    GATE_V_NO_KEY,
    GATE_V_CREDITS,
    GATE_V_SLOW,
    GATE_V_ABANDONED, /* by us: counts as nothing */
};

#define GATE_RATE_MAX 1000
struct gate_limits {
    int64_t concurrency, rate; /* 1 or more; rate at most GATE_RATE_MAX */
};

struct gate;

/* Closed (no link) and without limits until gate_configure(). 0 or -ENOMEM. */
int gate_new(struct gate **ret);
void gate_free(struct gate *gate);

/* At the start and at a reload, which also ends the pauses for the key and for credits. */
void gate_configure(struct gate *gate, const struct gate_limits *limits, int64_t now);
void gate_link(struct gate *gate, bool up, int64_t now);
void gate_key(struct gate *gate, bool there, int64_t now);

/* How many more calls of a kind may begin now. */
size_t gate_room(const struct gate *gate, enum gate_call kind, int64_t now);
/* Until there may be room because time has passed: 0 when there is some, -1 when time alone does not
 * bring it. */
int64_t gate_wait_ms(const struct gate *gate, enum gate_call kind, int64_t now);

void gate_begin(struct gate *gate, enum gate_call kind, int64_t now);
/* @retry_after_ms: -1 when it was not said. */
void gate_end(struct gate *gate, enum gate_call kind, enum gate_verdict verdict,
              int64_t retry_after_ms, int64_t now, uint32_t random);

struct gate_status {
    enum gate_state state; /* the gravest */
    int64_t resume_ms;     /* when it is over, or a probe is made; 0: not known */
    bool submits_only;     /* it holds back only what spends credits */
    size_t open;
};
void gate_status(const struct gate *gate, int64_t now, struct gate_status *ret);

/* Nothing can be asked, and that for more than a minute; at once without a key. */
bool gate_is_shut_for_long(const struct gate *gate, int64_t now);
