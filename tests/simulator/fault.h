/* What goes wrong with the answers of a group of endpoints, and how often. */
#pragma once

#include "simulator/behaviour.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct sim;

/* How often the faults of a group happened since its rules were set. */
struct fault_state {
    int64_t statuses;
    int64_t others;
};

enum fault {
    FAULT_NONE,
    FAULT_STATUS,
    FAULT_GARBAGE,
    FAULT_REDIRECT,
    FAULT_HANG,
    FAULT_DRIP,
    FAULT_CLOSE,
    FAULT_HUGE,
};

/* The fault that the next answer of a group has; counts it. */
enum fault fault_choose(struct sim *sim, enum group group);

/* Whether the call does nothing but fail; a submission is accepted nevertheless when the behaviour
 * accept_anyway says so. */
bool fault_replaces(enum fault fault);

/* Spoils the answer. @key: of the client, for the behaviour echo_key_in_error; or NULL. Returns 0
 * or -ENOMEM. */
int fault_apply(struct sim *sim, struct call *call, enum group group, enum fault fault,
                const char *key);

/* Sets Retry-After from a rule: "date" or "date:SECONDS" becomes an HTTP date, other text stays as
 * it is. */
void fault_retry_after(const char *rule, char ret[static RETRY_AFTER_SIZE]);
