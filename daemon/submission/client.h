/* All calls to Pronto go through here: whoever makes one asks for room first, which the gate gives
 * (concurrency, rate, pauses, breaker), and hears of its end. Knows what is under way, not what it is
 * about. */
#pragma once

#include "config/config.h"
#include "link/worker_link.h"
#include "model/wire.h"
#include "submission/gate.h"
#include "submission/submission.h"

#define CLIENT_DETAIL_SIZE 256

/* What a call's end means for all calls. */
struct call_meaning {
    enum gate_verdict verdict;
    char detail[CLIENT_DETAIL_SIZE]; /* in words, without secrets or persons */
};

/* The end of a call: the user judges the answer, which is borrowed. */
typedef void (*call_done_fn)(const struct call_answer *answer, struct call_meaning *ret,
                             void *userdata);

struct client_call {
    enum gate_call kind;
    struct egress_job job; /* without id */
    const char *body;      /* or NULL; borrowed */
    size_t size;
    call_done_fn done;
    void *userdata;
};

struct client;

/* @turn is called whenever there may be room. Others are borrowed. 0 or a negative errno. */
int client_new(sd_event *loop, const struct config *config, struct worker_link *egress,
               void (*turn)(void *userdata), void *userdata, struct client **ret);
void client_free(struct client *client);
void client_reload(struct client *client, const struct config *config);
void client_link_up(struct client *client);
void client_link_down(struct client *client);
void client_frame(struct client *client, struct json_object *head, const char *payload,
                  size_t size);
void client_stop(struct client *client); /* no room any more */

/* How many calls of a kind may begin now; what was reserved for claims under way is taken off. When
 * there is none, @turn is called when time may have made some. */
size_t client_room(struct client *client, enum gate_call kind);
void client_reserve(struct client *client, size_t n);
void client_release(struct client *client, size_t n);

/* Begins a call. 0, or a negative errno: nothing was sent, and done is not called. -EBUSY: a pause began
 * since there was room. */
int client_begin(struct client *client, const struct client_call *call);

/* No call for asking can be made, and that for long. *ret_no_key: for want of a key. */
bool client_is_shut_for_long(const struct client *client, bool *ret_no_key);
size_t client_open(const struct client *client);

/* State, detail, paused_until, in_flight and limits. */
void client_status(const struct client *client, struct submission_status *ret);

/* Pronto answered 2xx or a proper refusal: what else an HTTP answer means for all calls. */
enum gate_verdict client_verdict(const struct call_answer *answer);
/* The same in words. */
void client_describe(const struct call_answer *answer, char ret[static CLIENT_DETAIL_SIZE]);
