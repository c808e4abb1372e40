/* The callback listener: bytes become an authenticated, checked callback; the connection is parked
 * until the commit, then answered (the manual, "Callback endpoint"). libmicrohttpd with a thread of
 * its own; meets the rest at the store's queue. All functions but the library's own callbacks run
 * on the thread of the main loop. */
#pragma once

#include "common/histogram.h"
#include "config/config.h"
#include "store/store.h"

#include <stdint.h>
#include <systemd/sd-event.h>

struct ingress;

/* What a reload may change. */
struct ingress_settings {
    char *const *secrets;         /* shared secrets, NULL-terminated; copied */
    char *const *trusted_proxies; /* copied */
    int64_t max_body, timeout_ms;
};

/* Takes the listening socket over. Serves at once, but answers 503 until the store is ready.
 * @max_connections is fixed for its life. Returns 0 or a negative errno. */
int ingress_new(sd_event *loop, struct store *store, int listen_fd, int64_t max_connections,
                const struct ingress_settings *settings, struct ingress **ret);

/* Applies to requests that begin afterwards; drops no connection. Returns 0 or -ENOMEM (then the
 * old settings stay). */
int ingress_reconfigure(struct ingress *ingress, const struct ingress_settings *settings);

/* Stops accepting; connections that have sent something are still answered. @done is called on the
 * loop when none is left, or when the time-out of the last one is over. */
void ingress_stop(struct ingress *ingress, void (*done)(void *userdata), void *userdata);

/* Whether its threads still work; as store_knock() and store_answered() of the store. */
void ingress_knock(struct ingress *ingress, uint64_t number);
uint64_t ingress_answered(struct ingress *ingress);

void ingress_free(struct ingress *ingress);

/* Counters since start; any thread. */
struct ingress_counts {
    int64_t connections, connections_max, requests;
    int64_t unknown_token, bad_framing, too_large, bad_encoding, bad_method, not_found, unavailable,
        timed_out, shed;
    struct histogram
        answer_times; /* of callbacks that were read whole: from then to their answer */
};
void ingress_counts(struct ingress *ingress, struct ingress_counts *ret);

/* Wait for a commit at most so long, then 503: Pronto may hang up after 5 s. */
#define INGRESS_COMMIT_WAIT_MS 5000
