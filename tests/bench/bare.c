/* What libmicrohttpd alone can do: takes each body and answers 200. Usage: bench-bare PORT THREADS [suspend]
 * suspend: each request is handed to another thread and back once, as one that waits for a commit is.
 *
 * The library's loops are driven from here, as in daemon/ingress/http_thread.c and for the same reason: its own thread waits for ever
 * when exactly 128 connections are ready at once. Each thread has an MHD daemon. The main thread accepts, and hands each connection to
 * the one that has fewest, so that all have the same work. A thread that has much to do looks again before it waits, which saves a
 * system call: bare is to be as fast as with the library's own thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS_MAX     64
#define CONNECTIONS_MAX 4096U
#define BACKLOG         4096
#define AT_ONCE         256
#define BUSY            4  /* answers in a turn, after which the next finds work without waiting */
#define WITHOUT_POLL    16 /* turns at most */

struct loop {
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int inbox[2];            /* accepted sockets, as pipe; -1 only wakes */
    atomic_uint connections; /* with those in the inbox */
    atomic_bool woken;
    unsigned answers; /* the thread's own */
    pthread_t thread;
};

struct request {
    struct request *next;
    struct loop *loop;
    struct MHD_Connection *connection;
    bool back;
};

static struct loop loops[THREADS_MAX];
static unsigned n_loops;
static struct MHD_Response *response;
static bool suspend;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct request *parked;

/* Once for many that are resumed together. */
static void wake_loop(struct loop *loop)
{
    const int nothing = -1;

    if (!atomic_exchange(&loop->woken, true) &&
        write(loop->inbox[1], &nothing, sizeof(nothing)) != sizeof(nothing))
        abort();
}

static void *resume_them(void *userdata)
{
    (void)userdata;
    for (;;) {
        struct request *all;

        pthread_mutex_lock(&lock);
        while (!parked)
            pthread_cond_wait(&wake, &lock);
        all = parked;
        parked = NULL;
        pthread_mutex_unlock(&lock);
        while (all) {
            struct request *next = all->next;
            struct loop *loop = all->loop;

            all->back = true;
            MHD_resume_connection(all->connection);
            wake_loop(loop);
            all = next;
        }
    }
    return NULL;
}

static void park(struct request *request)
{
    MHD_suspend_connection(request->connection);
    pthread_mutex_lock(&lock);
    request->next = parked;
    parked = request;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **con_cls)
{
    struct request *request = *con_cls;
    struct loop *loop = cls;

    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (!request) {
        request = calloc(1, sizeof(*request));
        if (!request)
            return MHD_NO;
        request->loop = loop;
        request->connection = connection;
        *con_cls = request;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    if (suspend && !request->back) {
        park(request);
        return MHD_YES;
    }
    loop->answers++;
    return MHD_queue_response(connection, 200, response);
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    free(*con_cls);
}

static void notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct loop *loop = cls;

    (void)connection;
    (void)socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED)
        atomic_fetch_sub(&loop->connections, 1);
}

static bool open_loop(struct loop *loop)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET;
    const union MHD_DaemonInfo *info;

    loop->daemon = MHD_start_daemon(suspend ? flags | MHD_ALLOW_SUSPEND_RESUME : flags, 0, NULL,
                                    NULL, handle, loop, MHD_OPTION_CONNECTION_LIMIT,
                                    CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
                                    MHD_OPTION_NOTIFY_CONNECTION, notify, loop, MHD_OPTION_END);
    info = loop->daemon ? MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    loop->epoll_fd = info ? info->epoll_fd : -1;
    return info && pipe(loop->inbox) == 0;
}

static int wait_ms(const struct loop *loop)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (MHD_get_timeout(loop->daemon, &timeout) != MHD_YES)
        return -1;
    return timeout < INT_MAX ? (int)timeout : INT_MAX;
}

static void take_connection(struct loop *loop, int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0) {
        close(fd); /* it has gone already */
        atomic_fetch_sub(&loop->connections, 1);
    } else {
        /* The library closes what it cannot take, and says nothing: the bench opens no more than it may. */
        (void)MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&address, size);
    }
}

static void look_into_inbox(struct loop *loop)
{
    int found[AT_ONCE];
    ssize_t size = read(loop->inbox[0], found, sizeof(found));

    /* Written in wholes, and read so. */
    if (size <= 0 || size % (ssize_t)sizeof(*found) != 0)
        abort();
    for (size_t i = 0; i < (size_t)size / sizeof(*found); i++) {
        if (found[i] < 0)
            atomic_store(&loop->woken, false);
        else
            take_connection(loop, found[i]);
    }
}

static void *run_loop(void *userdata)
{
    struct loop *loop = userdata;
    struct pollfd fds[2] = {{.fd = loop->epoll_fd, .events = POLLIN},
                            {.fd = loop->inbox[0], .events = POLLIN}};

    for (unsigned turn = 0;; turn++) {
        if (loop->answers < BUSY || turn % WITHOUT_POLL == 0) {
            if (poll(fds, 2, wait_ms(loop)) < 0 && errno != EINTR)
                abort();
            if (fds[1].revents)
                look_into_inbox(loop);
        }
        loop->answers = 0;
        if (MHD_run(loop->daemon) != MHD_YES)
            abort();
    }
}

static struct loop *with_fewest(void)
{
    struct loop *fewest = &loops[0];

    for (unsigned i = 1; i < n_loops; i++)
        if (atomic_load(&loops[i].connections) < atomic_load(&fewest->connections))
            fewest = &loops[i];
    return fewest;
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return fd;
}

/* For ever: a signal ends the process, and the threads with it. */
static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        struct loop *loop = with_fewest();

        if (fd < 0) {
            if (errno != EINTR && errno != ECONNABORTED)
                return;
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        atomic_fetch_add(&loop->connections, 1);
        if (write(loop->inbox[1], &fd, sizeof(fd)) != sizeof(fd))
            return;
    }
}

int main(int argc, char **argv)
{
    static char body[] = "{\"status\": \"matched\"}";
    int threads = argc > 2 ? atoi(argv[2]) : 1, listener;
    pthread_t resumer;

    if (argc < 2 || threads < 1 || threads > THREADS_MAX) {
        fputs("usage: bench-bare PORT [THREADS [suspend]]\n", stderr);
        return 2;
    }
    suspend = argc > 3 && strcmp(argv[3], "suspend") == 0;
    n_loops = (unsigned)threads;
    response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (suspend && pthread_create(&resumer, NULL, resume_them, NULL) != 0)
        return 1;
    listener = listen_at((uint16_t)atoi(argv[1]));
    if (listener < 0) {
        fprintf(stderr, "bench-bare: port %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (unsigned i = 0; i < n_loops; i++)
        if (!open_loop(&loops[i]) ||
            pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]) != 0)
            return 1;
    puts("ready");
    fflush(stdout);
    accept_all(listener);
    perror("bench-bare");
    return 1;
}
