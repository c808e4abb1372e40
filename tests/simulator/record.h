/* What the simulator saw and did, for GET /_sim/log: lists that grow to a limit, and counts. */
#pragma once

#include "common/json.h"

#include <stddef.h>
#include <stdint.h>

/* Entries kept in each list; beyond it the oldest tenth is dropped and counted. */
#define LIMIT_RECORD 100000

/* Bytes of a callback's body, and of an answer to one, that an entry keeps. */
#define LIMIT_RECORD_BODY   ((size_t)64 * 1024)
#define LIMIT_RECORD_ANSWER 4096

/* Arrivals remembered for the rate: more calls in one second are not told apart. */
#define LIMIT_RATE 65536

enum count {
    COUNT_CALLS,                /* calls of the API, whatever their answer */
    COUNT_SUBMISSIONS,          /* accepted ones */
    COUNT_CONTACTS,             /* in accepted submissions */
    COUNT_REPEATS,              /* contacts that were submitted before */
    COUNT_REPEAT_WHILE_WAITING, /* those whose callback was still to come */
    COUNT_POLLS,                /* GET /contacts/{id} */
    COUNT_FINISHED,             /* contacts whose enrichment has completed */
    COUNT_CALLBACKS,            /* callbacks that were answered, with whatever status */
    COUNT_FAILED,               /* callbacks that were sent and not answered */
    COUNT_ATTEMPTS,             /* callbacks that were sent and are over: answered or failed */
    COUNT_LOST,                 /* contacts whose callback was never sent, on purpose */
    COUNT_COUNT,
};

enum record_list {
    RECORD_CALLS,
    RECORD_SUBMISSIONS,
    RECORD_CALLBACKS,
    RECORD_LISTS,
};

struct record {
    struct json_object *lists[RECORD_LISTS];
    int64_t dropped;
    int64_t counts[COUNT_COUNT];

    int64_t concurrent;
    int64_t max_concurrent;
    int64_t max_rate;
    int64_t *arrivals; /* a ring of LIMIT_RATE, CLOCK_BOOTTIME in microseconds */
    unsigned first_arrival, n_arrivals;
};

/* Returns 0 or -ENOMEM. */
int record_init(struct record *ret);
void record_release(struct record *record);

/* Forgets everything but the calls that are under way. Returns 0 or -ENOMEM. */
int record_clear(struct record *record);

/* Appends to a list; the entry is consumed, also on failure. Returns 0 or -ENOMEM. */
int record_append(struct record *record, enum record_list list, struct json_object *entry);

/* Adds text that came from outside, at most @limit bytes of it; what is not UTF-8 becomes '?', so
 * that the log stays JSON. Returns 0 or -ENOMEM. */
int record_add_text(struct json_object *entry, const char *key, const char *text, size_t size,
                    size_t limit);

/* A call of the API begins at @now_us (CLOCK_BOOTTIME in microseconds); returns how many began in
 * the second up to then, this one included. */
int64_t record_call_begin(struct record *record, int64_t now_us);
void record_call_end(struct record *record);

/* Adds the lists, counts and maxima to @ret as members. Returns 0 or -ENOMEM. */
int record_to_json(const struct record *record, struct json_object *ret);

/* The name of a count in JSON and in queries; COUNT_COUNT when unknown. */
const char *count_name(enum count count);
enum count count_parse(const char *name);
