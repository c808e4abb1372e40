/* libmicrohttpd's own time-out counts from the last byte, so a peer that sends one byte now and
 * then stays for ever; and at its limit of connections it stops accepting, so that slow peers keep
 * real ones out. Therefore each connection has a deadline of ours, and the oldest idle one gives
 * way to a new one. A connection is closed from here by shutdown(2); the library then sees the end
 * and frees it. */
#include "ingress/ingress_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>

/* A connection that is kept alive may wait so long for its next request: longer than proxies keep
 * an idle one to their upstream (nginx: 60 s), so that it is the proxy that closes and no request
 * is lost in between. */
#define KEEP_ALIVE_MS (75 * 1000)

/* At a stop a connection that is younger than this is not closed for sending nothing. */
#define FRESH_MS 1000

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* The lock is held. */
static void shed_one(struct ingress *ingress, struct peer *newcomer)
{
    struct peer *peer;

    TAILQ_FOREACH(peer, &ingress->peers, link)
    if (peer->idle && !peer->shed && peer != newcomer)
        break;
    if (!peer)
        peer = newcomer;
    peer->shed = true;
    shutdown(peer->fd, SHUT_RDWR);
    count(ingress, COUNT_SHED);
}

static void peer_add(struct ingress *ingress, struct MHD_Connection *connection,
                     void **socket_context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = calloc(1, sizeof(*peer));

    *socket_context = peer;
    if (!peer || !info) {
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR); /* without a deadline it could stay for ever */
        free(peer);
        *socket_context = NULL;
        return;
    }
    peer->fd = info->connect_fd;
    peer->idle = true;
    pthread_mutex_lock(&ingress->lock);
    peer->deadline_boot_ms = time_boot_ms() + ingress->settings->timeout_ms;
    peer->fresh_until_boot_ms = time_boot_ms() + FRESH_MS;
    TAILQ_INSERT_TAIL(&ingress->peers, peer, link);
    if (++ingress->n_peers > ingress->max_peers)
        shed_one(ingress, peer);
    pthread_mutex_unlock(&ingress->lock);
}

static void peer_remove(struct ingress *ingress, void **socket_context)
{
    struct peer *peer = *socket_context;

    if (!peer)
        return;
    pthread_mutex_lock(&ingress->lock);
    TAILQ_REMOVE(&ingress->peers, peer, link);
    ingress->n_peers--;
    pthread_mutex_unlock(&ingress->lock);
    free(peer);
    *socket_context = NULL;
}

void connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        peer_add(cls, connection, socket_context);
    else
        peer_remove(cls, socket_context);
}

void *connections_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct ingress *ingress = cls;
    struct peer *peer = peer_of(connection);
    int64_t latest;

    (void)uri;
    if (!peer)
        return NULL;
    pthread_mutex_lock(&ingress->lock);
    peer->begun = true;
    latest = time_boot_ms() + ingress->settings->timeout_ms;
    if (peer->deadline_boot_ms > latest)
        peer->deadline_boot_ms = latest;
    pthread_mutex_unlock(&ingress->lock);
    return NULL; /* what a request begins with */
}

void connections_begin(struct ingress *ingress, struct MHD_Connection *connection,
                       int64_t timeout_ms)
{
    struct peer *peer = peer_of(connection);
    int64_t now = time_boot_ms();

    if (!peer)
        return;
    pthread_mutex_lock(&ingress->lock);
    /* The first request's time runs since the connection was made, a later one's since its request line came. */
    if (peer->deadline_boot_ms > now + timeout_ms)
        peer->deadline_boot_ms = now + timeout_ms;
    peer->idle = false;
    pthread_mutex_unlock(&ingress->lock);
}

void connections_yield(struct ingress *ingress, struct MHD_Connection *connection)
{
    struct peer *peer = peer_of(connection);

    if (!peer)
        return;
    pthread_mutex_lock(&ingress->lock);
    peer->idle = true;
    pthread_mutex_unlock(&ingress->lock);
}

void connections_extend(struct ingress *ingress, struct MHD_Connection *connection, int64_t wait_ms)
{
    struct peer *peer = peer_of(connection);

    if (!peer)
        return;
    pthread_mutex_lock(&ingress->lock);
    peer->idle = false;
    peer->deadline_boot_ms = time_boot_ms() + wait_ms;
    pthread_mutex_unlock(&ingress->lock);
}

void connections_end(struct ingress *ingress, struct MHD_Connection *connection,
                     const struct request *request)
{
    struct peer *peer = peer_of(connection);

    if (!peer)
        return;
    pthread_mutex_lock(&ingress->lock);
    if (request && request->read_boot_us != 0)
        histogram_add(&ingress->answer_times, time_boot_us() - request->read_boot_us);
    peer->idle = true;
    peer->begun = false;
    peer->fresh_until_boot_ms = 0;
    peer->deadline_boot_ms = time_boot_ms() + KEEP_ALIVE_MS;
    TAILQ_REMOVE(&ingress->peers, peer, link); /* it is the youngest of the idle ones now */
    TAILQ_INSERT_TAIL(&ingress->peers, peer, link);
    pthread_mutex_unlock(&ingress->lock);
}

void connections_reap(struct ingress *ingress)
{
    int64_t now = time_boot_ms();
    struct requests overdue = LIST_HEAD_INITIALIZER(overdue);
    struct request *request, *next;
    struct peer *peer;

    pthread_mutex_lock(&ingress->lock);
    TAILQ_FOREACH(peer, &ingress->peers, link)
    {
        if (peer->shed || peer->deadline_boot_ms > now)
            continue;
        peer->shed = true;
        shutdown(peer->fd, SHUT_RDWR);
        count(ingress, COUNT_TIMED_OUT);
    }
    for (request = LIST_FIRST(&ingress->parked); request; request = next) {
        next = LIST_NEXT(request, parked_link);
        if (now - request->parked_boot_ms < INGRESS_COMMIT_WAIT_MS)
            continue;
        count(ingress, COUNT_UNAVAILABLE);
        request_unpark(request, ANSWER_UNAVAILABLE);
        LIST_INSERT_HEAD(&overdue, request, parked_link);
    }
    pthread_mutex_unlock(&ingress->lock);
    while ((request = LIST_FIRST(&overdue))) {
        LIST_REMOVE(request, parked_link);
        http_thread_resume(request->http, request->connection);
    }
}

/* Who connected before the listener was left to the next prontod is answered by this one. */
static bool sends_nothing(const struct peer *peer, int64_t now)
{
    return peer->idle && !peer->begun && peer->fresh_until_boot_ms <= now;
}

bool connections_shut_idle(struct ingress *ingress)
{
    int64_t now = time_boot_ms();
    struct peer *peer;
    bool none;

    pthread_mutex_lock(&ingress->lock);
    TAILQ_FOREACH(peer, &ingress->peers, link)
    if (!peer->shed && sends_nothing(peer, now)) {
        peer->shed = true;
        shutdown(peer->fd, SHUT_RD); /* what was answered still goes out */
    }
    none = TAILQ_EMPTY(&ingress->peers);
    pthread_mutex_unlock(&ingress->lock);
    return none;
}
