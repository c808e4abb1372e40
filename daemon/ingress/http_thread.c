/* The library's loop, driven from here. Its own thread (MHD_USE_INTERNAL_POLLING_THREAD) has a fault in 0.9.75: when exactly 128
 * connections are ready at once, it waits for a 129th before it looks at them, for ever. Asked not to wait, as
 * MHD_run() does, it never does; so the waiting is ours.
 *
 * So is accepting: of threads that wait for one listener, the kernel lets nearly always the same one accept, which
 * would have nearly all of the work. Whoever has no more connections than any other looks at the listener; when it has,
 * it wakes the one that has fewest. */
#include "ingress/ingress_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of each connection, for what the library keeps of a request: its header above all. As much header as
 * other servers take; the library clears all of it after each request. */
#define CONNECTION_MEMORY (16 * 1024)
#define ACCEPT_AT_ONCE    32
#define ACCEPT_AGAIN_MS   100 /* after it failed for want of descriptors or memory */

/* The raw path counts: the library's own unescaping would cut a token at %00. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_thread *http, unsigned limit)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
                            NULL, NULL, request_handle, http, MHD_OPTION_CONNECTION_LIMIT, limit,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, 0U, /* connections.c has deadlines */
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
                            keep_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
                            connections_request_line, http->ingress, MHD_OPTION_NOTIFY_CONNECTION,
                            connections_notify, http->ingress, MHD_OPTION_NOTIFY_COMPLETED,
                            request_completed, http->ingress, MHD_OPTION_END);
}

/* How long nothing is due, for poll(2). */
static int wait_ms(const struct http_thread *http)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    int wait = -1;

    if (MHD_get_timeout(http->daemon, &timeout) == MHD_YES)
        wait = timeout < INT_MAX ? (int)timeout : INT_MAX;
    if (http->accept_boot_ms != 0 && (wait < 0 || wait > ACCEPT_AGAIN_MS))
        wait = ACCEPT_AGAIN_MS;
    return wait;
}

static unsigned count_connections(struct http_thread *http)
{
    unsigned n =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;

    atomic_store(&http->connections, n);
    return n;
}

static struct http_thread *with_fewest(struct ingress *ingress)
{
    struct http_thread *fewest = ingress->http[0];

    for (size_t i = 1; i < HTTP_THREADS; i++)
        if (atomic_load(&ingress->http[i]->connections) < atomic_load(&fewest->connections))
            fewest = ingress->http[i];
    return fewest;
}

static bool accept_one(struct http_thread *http)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int one = 1;
    int fd =
        accept4(http->listen_fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            http->accept_boot_ms = time_boot_ms() + ACCEPT_AGAIN_MS;
        return errno == EINTR || errno == ECONNABORTED;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* saves time, no more */
    /* It closes what it cannot take. */
    (void)MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, size);
    return true;
}

static void accept_some(struct http_thread *http)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++)
        if (atomic_load(&with_fewest(http->ingress)->connections) < count_connections(http) ||
            !accept_one(http))
            break;
}

/* Whether the listener is this thread's to look at. */
static bool listens(struct http_thread *http)
{
    struct http_thread *fewest = with_fewest(http->ingress);
    bool now = http->listen_fd >= 0 &&
               atomic_load(&fewest->connections) >= atomic_load(&http->connections);

    if (http->listened && !now)
        http_thread_wake(fewest);
    http->listened = now;
    if (http->accept_boot_ms != 0 && time_boot_ms() >= http->accept_boot_ms)
        http->accept_boot_ms = 0;
    return now && http->accept_boot_ms == 0;
}

static void quiesce(struct http_thread *http)
{
    if (http->listen_fd >= 0)
        close(http->listen_fd);
    http->listen_fd = -1;
}

static void *http_main(void *userdata)
{
    struct http_thread *http = userdata;
    struct pollfd fds[3] = {{.fd = http->epoll_fd, .events = POLLIN},
                            {.fd = http->wake_fd, .events = POLLIN},
                            {.events = POLLIN}};

    for (;;) {
        enum http_order order;
        eventfd_t value;
        uint64_t knock;

        fds[2].fd = listens(http) ? http->listen_fd : -1;
        if (poll(fds, 3, wait_ms(http)) < 0 && errno != EINTR)
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
        if (fds[2].revents && http->listen_fd >= 0)
            accept_some(http);
        if (MHD_run(http->daemon) != MHD_YES)
            abort(); /* epoll_wait(2) failed for a reason that is a fault of ours */
        count_connections(http);
        atomic_store(&http->answered, knock);
    }
}

/* Once for many that are resumed together. */
void http_thread_wake(struct http_thread *http)
{
    if (!atomic_exchange(&http->woken, true))
        eventfd_write(http->wake_fd, 1);
}

static void order(struct http_thread *http, enum http_order what)
{
    atomic_store(&http->order, what);
    http_thread_wake(http);
}

void http_thread_resume(struct http_thread *http, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    http_thread_wake(http);
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
    http->listen_fd = listen_fd;
    http->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = http->wake_fd < 0 ? -errno : store_reader_open(ingress->store, &http->reader);
    if (r == 0) {
        http->daemon = start_daemon(http, limit);
        info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        http->epoll_fd = info ? info->epoll_fd : -1;
        r = info ? 0 : -EIO;
    }
    if (r < 0) {
        http_thread_free(http);
        return r;
    }
    *ret = http;
    return 0;
}

int http_thread_start(struct http_thread *http)
{
    int r = pthread_create(&http->thread, NULL, http_main, http);

    http->started = r == 0;
    if (r == 0)
        pthread_setname_np(http->thread, "http");
    return -r;
}

void http_thread_knock(struct http_thread *http, uint64_t number)
{
    atomic_store(&http->knock, number);
    http_thread_wake(http);
}

void http_thread_quiesce(struct http_thread *http)
{
    order(http, HTTP_QUIESCE);
}

void http_thread_end(struct http_thread *http)
{
    if (!http->started)
        return;
    order(http, HTTP_END);
    pthread_join(http->thread, NULL);
    http->started = false;
}

void http_thread_free(struct http_thread *http)
{
    if (!http)
        return;
    http_thread_end(http);
    quiesce(http);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    store_reader_free(http->reader);
    if (http->wake_fd >= 0)
        close(http->wake_fd);
    free(http);
}
