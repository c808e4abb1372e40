/* The HTTP side: takes calls, lets them wait, answers them. The only user of libmicrohttpd beside
 * call.c. */
#pragma once

#include "simulator/call.h"

#include <stdint.h>
#include <sys/socket.h>

struct sim;
struct server;

/* Connections at a time; more are refused. With all callbacks under way (256) it stays below the
 * usual 1024 descriptors. */
#define LIMIT_CONNECTIONS 700

/* Seconds after which an idle connection is closed. */
#define CONNECTION_IDLE_S 120

/* Serves on a listening socket, which it takes over on success, in a thread of its own; sets
 * sim->server before that begins. Returns 0 or a negative errno. */
int server_new(struct sim *sim, int listen_fd);

/* Closes all connections, whatever they wait for. */
void server_free(struct server *server);

/* With the mutex held: an awaited callback of the call @number is over, @status 0 when unanswered.
 * Unknown numbers are ignored: that client went away. */
void server_release_call(struct server *server, uint64_t number, long status, const char *answer,
                         const char *error);

/* With the mutex held: how far everything is, for calls that wait. */
struct progress server_progress(const struct server *server);

/* Main's thread, without the mutex: wakes calls that need wait no longer. Returns when it must be
 * called again at the latest (CLOCK_BOOTTIME; INT64_MAX: never). */
int64_t server_turn(struct server *server, int64_t now);
