/* What the parts of the simulator share.
 *
 * Two threads: the one of libmicrohttpd runs the handlers of calls, main's sends the callbacks and
 * wakes calls that wait. The mutex guards everything reachable from here but the transfers of
 * libcurl, which only main's thread touches. No function of libmicrohttpd that waits for its thread
 * is called while it is held. */
#pragma once

#include "simulator/behaviour.h"
#include "simulator/fault.h"
#include "simulator/job.h"
#include "simulator/record.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct sender;
struct server;

struct sim {
    pthread_mutex_t mutex;
    uint64_t seed;
    const char *api_key; /* NULL: any that is not empty */

    struct behaviours initial; /* of the command line */
    struct behaviours behaviours;
    struct fault_state faults[GROUP_COUNT];

    struct jobs jobs;
    struct record record;
    int64_t spent;         /* credits, since the balance was set */
    uint64_t next_draw;    /* numbers decisions about calls */
    uint64_t next_contact; /* numbers decisions about contacts */

    struct sender *sender;
    struct server *server;
};

static inline void sim_unlock_p(struct sim **sim)
{
    pthread_mutex_unlock(&(*sim)->mutex);
}

/* Holds the mutex to the end of the scope. */
#define SIM_LOCK(s)                                                                                \
    __attribute__((cleanup(sim_unlock_p))) struct sim *sim_locked_ = (s);                          \
    pthread_mutex_lock(&sim_locked_->mutex)

static inline int64_t sim_price(const struct behaviours *b, enum enrichment_type type)
{
    switch (type) {
    case TYPE_EMAIL:
        return b->price_email;
    case TYPE_PHONE:
        return b->price_phone;
    case TYPE_PERSONAL_EMAIL:
        return b->price_personal_email;
    }
    return 0;
}
