/* The library's loop, driven from here. Its own thread (MHD_USE_INTERNAL_POLLING_THREAD) has a fault in 0.9.75: when exactly 128
 * connections are ready at once, it waits for a 129th before it looks at them, for ever. Asked not to wait, as
 * MHD_run() does, it never does; so the waiting is ours. */
#include "ingress/ingress_internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The raw path counts: the library's own unescaping would cut a token at %00. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_thread *http, int listen_fd, unsigned limit)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_handle, http,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, /* connections.c has deadlines */
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, connections_request_line, http->ingress,
        MHD_OPTION_NOTIFY_CONNECTION, connections_notify, http->ingress,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, http->ingress, MHD_OPTION_END);
}

/* How long nothing is due, for poll(2). */
static int wait_ms(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (MHD_get_timeout(daemon, &timeout) != MHD_YES)
        return -1;
    return timeout < INT_MAX ? (int)timeout : INT_MAX;
}

static unsigned count_connections(struct MHD_Daemon *daemon)
{
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* At its limit, or without a descriptor, the library takes the listener out of its epoll, and puts it
 * back in the first run after connections were closed: that run must not wait for anything. */
static bool run(struct MHD_Daemon *daemon)
{
    unsigned before = count_connections(daemon);

    if (MHD_run(daemon) != MHD_YES)
        abort(); /* epoll_wait(2) failed for a reason that is a fault of ours */
    return count_connections(daemon) < before;
}

static void quiesce(struct http_thread *http)
{
    int fd = http->quiesced ? -1 : MHD_quiesce_daemon(http->daemon);

    http->quiesced = true;
    if (fd >= 0)
        close(fd);
}

static void *http_main(void *userdata)
{
    struct http_thread *http = userdata;
    struct pollfd fds[2] = {{.fd = http->epoll_fd, .events = POLLIN},
                            {.fd = http->wake_fd, .events = POLLIN}};
    bool again = false;

    for (;;) {
        enum http_order order;
        eventfd_t value;
        uint64_t knock;

        if (poll(fds, 2, again ? 0 : wait_ms(http->daemon)) < 0 && errno != EINTR)
            abort(); /* only for a reason that is a fault of ours */
        if (fds[1].revents)
            eventfd_read(http->wake_fd, &value);
        atomic_store(&http->woken,
                     false); /* before the run, which sees what was resumed until now */
        knock = atomic_load(&http->knock);
        order = (enum http_order)atomic_load(&http->order);
        if (order != HTTP_SERVE)
            quiesce(http);
        if (order == HTTP_END)
            return NULL;
        again = run(http->daemon);
        atomic_store(&http->answered, knock);
    }
}

/* Once for many that are resumed together. */
static void wake(struct http_thread *http)
{
    if (!atomic_exchange(&http->woken, true))
        eventfd_write(http->wake_fd, 1);
}

static void order(struct http_thread *http, enum http_order what)
{
    atomic_store(&http->order, what);
    wake(http);
}

void http_thread_resume(struct http_thread *http, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    wake(http);
}

int http_thread_new(struct ingress *ingress, int listen_fd, unsigned limit,
                    struct http_thread **ret)
{
    struct http_thread *http = calloc(1, sizeof(*http));
    const union MHD_DaemonInfo *info;
    int r;

    if (!http) {
        close(listen_fd);
        return -ENOMEM;
    }
    http->ingress = ingress;
    http->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = http->wake_fd < 0 ? -errno : store_reader_open(ingress->store, &http->reader);
    if (r == 0) {
        http->daemon = start_daemon(http, listen_fd, limit);
        info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        http->epoll_fd = info ? info->epoll_fd : -1;
        r = info ? -pthread_create(&http->thread, NULL, http_main, http) : -EIO;
    }
    if (r < 0) {
        if (http->daemon)
            MHD_stop_daemon(http->daemon); /* and the listener */
        else
            close(listen_fd);
        http->daemon = NULL;
        http_thread_free(http);
        return r;
    }
    *ret = http;
    return 0;
}

void http_thread_knock(struct http_thread *http, uint64_t number)
{
    atomic_store(&http->knock, number);
    wake(http);
}

void http_thread_quiesce(struct http_thread *http)
{
    order(http, HTTP_QUIESCE);
}

void http_thread_free(struct http_thread *http)
{
    if (!http)
        return;
    if (http->daemon) {
        order(http, HTTP_END);
        pthread_join(http->thread, NULL);
        MHD_stop_daemon(http->daemon);
    }
    store_reader_free(http->reader);
    if (http->wake_fd >= 0)
        close(http->wake_fd);
    free(http);
}
