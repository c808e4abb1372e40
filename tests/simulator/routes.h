/* Which handler answers which call. */
#pragma once

#include "simulator/call.h"

#define API_PREFIX "/api/v2"

struct route {
    const char *method;
    const char *path; /* may end with {id} */
    call_handler handler;
    enum group group; /* GROUP_COUNT: not of the API, no key needed */
};

/* Looks for the route of a call, and sets route, id, api, and the Allow of a 405. */
void routes_find(struct call *call);

/* Runs the handler of a call whose body has come. */
int routes_dispatch(struct sim *sim, struct call *call);

/* Pronto's endpoints (routes_api.c). */
int api_single(struct sim *sim, struct call *call);
int api_bulk(struct sim *sim, struct call *call);
int api_contact(struct sim *sim, struct call *call);
int api_credits(struct sim *sim, struct call *call);
int api_account(struct sim *sim, struct call *call);

/* Everything that happens to a call of the API before and after its handler: limits, the key,
 * faults. */
int api_call(struct sim *sim, struct call *call);

/* The simulator's own (routes_sim.c). */
int sim_get_behaviour(struct sim *sim, struct call *call);
int sim_post_behaviour(struct sim *sim, struct call *call);
int sim_delete_behaviour(struct sim *sim, struct call *call);
int sim_get_log(struct sim *sim, struct call *call);
int sim_delete_log(struct sim *sim, struct call *call);
int sim_post_callback(struct sim *sim, struct call *call);
int sim_post_flush(struct sim *sim, struct call *call);
int sim_get_wait(struct sim *sim, struct call *call);
