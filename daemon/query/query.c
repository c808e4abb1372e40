/* The library has an epoll of its own and no thread: its descriptor is a source of the main loop,
 * and so is the time at which it wants to look at its connections next. Whatever it does, it does
 * inside MHD_run(), so a call and its connection never change under our hands; resuming a
 * connection only marks it, and the turn comes from the loop. */
#include "query/query_internal.h"

#include "common/io.h"
#include "common/timestamp.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECTION_MEMORY 65536 /* header of one request: long filters fit */

static void run(struct query *query)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    unsigned connections = query->n_connections;

    MHD_run(query->daemon);
    if (query->n_connections < connections) {
        /* At its limit the library does not listen, and it listens again only when it begins its
         * next turn. */
        query_turn(query);
        return;
    }
    if (MHD_get_timeout(query->daemon, &wait_ms) != MHD_YES) {
        sd_event_source_set_enabled(query->timer, SD_EVENT_OFF);
        return;
    }
    if (wait_ms > QUERY_IDLE_S * 1000ULL)
        wait_ms = QUERY_IDLE_S * 1000ULL;
    sd_event_source_set_time_relative(query->timer, wait_ms * 1000);
    sd_event_source_set_enabled(query->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    (void)source;
    (void)fd;
    (void)revents;
    run(userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    run(userdata);
    return 0;
}

void query_turn(struct query *query)
{
    sd_event_source_set_time_relative(query->timer, 0);
    sd_event_source_set_enabled(query->timer, SD_EVENT_ONESHOT);
}

/* The raw path counts: the library's own unescaping would cut it at %00. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* @socket_context is set for strangers only. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct query *query = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        query->n_connections--;
        if (*socket_context)
            query->n_strangers--;
        return;
    }
    query->n_connections++;
    *socket_context = NULL;
    if (!info || peers_look(&query->peers, query->config, info->connect_fd) != PEER_NONE)
        return;
    *socket_context = query;
    if (++query->n_strangers > QUERY_STRANGERS_MAX)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static int start_daemon(struct query *query, int listen_fd)
{
    const union MHD_DaemonInfo *info;
    int r;

    query->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, call_handle, query,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)QUERY_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)QUERY_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, call_begin, query,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, query, MHD_OPTION_NOTIFY_COMPLETED,
        call_completed, query, MHD_OPTION_END);
    if (!query->daemon)
        return -EIO;
    info = MHD_get_daemon_info(query->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return -EIO;
    r = sd_event_add_io(query->loop, &query->io, info->epoll_fd, EPOLLIN, on_io, query);
    if (r >= 0)
        r = sd_event_add_time_relative(query->loop, &query->timer, CLOCK_BOOTTIME, 0, 1000,
                                       on_timer, query);
    return r < 0 ? r : 0;
}

int query_new(sd_event *loop, const struct config *config, int listen_fd,
              const struct query_backend *backend, struct query **ret)
{
    struct query *query = calloc(1, sizeof(*query));
    int r = query ? fd_set_nonblock_cloexec(listen_fd) : -ENOMEM;

    if (r < 0) {
        free(query);
        close(listen_fd);
        return r;
    }
    query->loop = sd_event_ref(loop);
    query->config = config;
    query->backend = *backend;
    query->started_boot_ms = time_boot_ms();
    LIST_INIT(&query->calls);
    LIST_INIT(&query->waiters);
    r = start_daemon(query, listen_fd);
    if (r < 0) {
        if (!query->daemon)
            close(listen_fd);
        query_free(query);
        return r;
    }
    *ret = query;
    return 0;
}

int query_reload(struct query *query, const struct config *config)
{
    query->config = config;
    peers_forget(&query->peers);
    return 0;
}

void query_changed(struct query *query, const struct store_changes *changes)
{
    struct call *call;

    waiters_wake(query, changes->settled, changes->n_settled);
    if (!changes->events)
        return;
    LIST_FOREACH(call, &query->waiters, waiters_link)
    if (call->stream)
        stream_wake(call);
}

static void stop_listening(struct query *query)
{
    int fd = MHD_quiesce_daemon(query->daemon);

    if (fd >= 0)
        close(fd);
}

void query_stop(struct query *query)
{
    if (query->stopping)
        return;
    query->stopping = true;
    stop_listening(query);
    waiters_end(query);
}

bool query_is_idle(const struct query *query)
{
    return query->n_busy == 0;
}

/* Nothing may be suspended when the library is stopped. What the store still holds frees itself
 * when it comes back. */
void query_free(struct query *query)
{
    struct call *call;

    if (!query)
        return;
    if (query->daemon) {
        if (!query->stopping)
            stop_listening(query);
        query->stopping = true;
        LIST_FOREACH(call, &query->calls, link)
        if (call->suspended) {
            call->suspended = false;
            MHD_resume_connection(call->connection);
        }
        MHD_stop_daemon(query->daemon);
    }
    sd_event_source_disable_unref(query->io);
    sd_event_source_disable_unref(query->timer);
    sd_event_unref(query->loop);
    free(query);
}
