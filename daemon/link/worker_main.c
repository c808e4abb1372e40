#include "link/worker_main.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/message_ids.h"
#include "common/timestamp.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

/* How long the last answers may take to leave when the worker ends. */
#define FLUSH_MS 5000

struct worker {
    struct worker_ops ops;
    void *userdata;
    sd_event *loop;
    sd_event_source *signals[3];
    sd_event_source *listener; /* NULL: prontod started us */
    int listen_fd;
    struct link *link;
    bool stopping, quitting;
};

static void accept_more(struct worker *worker)
{
    if (worker->listener && !worker->stopping)
        sd_event_source_set_enabled(worker->listener, SD_EVENT_ON);
}

static void on_link_frame(struct json_object *head, const char *payload, size_t size,
                          void *userdata)
{
    struct worker *worker = userdata;

    worker->ops.on_frame(head, payload, size, worker->userdata);
}

static void on_link_down(int error, void *userdata)
{
    struct worker *worker = userdata;

    link_free(TAKE_PTR(worker->link));
    if (error < 0)
        log_warning("the link to prontod failed: %s", strerror(-error));
    worker->ops.on_down(worker->userdata);
    if (!worker->listener)
        worker->quitting = true;
    accept_more(worker);
}

/* An outcome is sent as soon as it is known, and not after the ends of all other jobs that are known
 * by then: so prontod stores it and brings the next job while those are seen to. prontod gives no
 * more jobs than it waits for, and so the others have their turn. */
static int take_link(struct worker *worker, int fd)
{
    static const struct link_handlers handlers = {.on_frame = on_link_frame,
                                                  .on_down = on_link_down};
    int r = link_new(worker->loop, fd, &handlers, worker, &worker->link);

    if (r == 0)
        r = link_go_first(worker->link);
    if (r < 0)
        link_free(TAKE_PTR(worker->link));
    return r;
}

/* Root, the owner of the socket file, and ourselves. */
static bool may_connect(int listen_fd, int fd)
{
    struct sockaddr_un address = {0};
    struct ucred peer;
    struct stat st;
    socklen_t size = sizeof(peer), address_size = sizeof(address) - 1;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    return getsockname(listen_fd, (struct sockaddr *)&address, &address_size) == 0 &&
           address.sun_path[0] == '/' && stat(address.sun_path, &st) == 0 && st.st_uid == peer.uid;
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t events, void *userdata)
{
    static struct log_rate failed, refused;
    struct worker *worker = userdata;
    cleanup_close int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int r;

    (void)events;
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            log_limited(&failed, LOG_ERR, "cannot accept a connection: %s", strerror(errno));
        return 0;
    }
    if (!may_connect(listen_fd, fd)) {
        log_limited_fields(&refused, LOG_WARNING, MESSAGE_PEER_REFUSED, NULL, 0,
                           "refused a connection: neither root nor the owner of the socket");
        return 0;
    }
    r = take_link(worker, TAKE_FD(fd));
    if (r < 0) {
        log_limited(&failed, LOG_ERR, "cannot take a connection: %s", strerror(-r));
        return 0;
    }
    sd_event_source_set_enabled(source, SD_EVENT_OFF); /* one at a time; the next one waits */
    worker->ops.on_up(worker->userdata);
    return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct worker *worker = userdata;

    (void)source;
    if (info->ssi_signo == SIGHUP) {
        worker->ops.on_reload(worker->userdata);
        return 0;
    }
    if (worker->stopping)
        return 0;
    worker->stopping = true;
    if (worker->listener)
        sd_event_source_set_enabled(worker->listener, SD_EVENT_OFF);
    sd_notify(0, "STOPPING=1");
    worker->ops.on_stop(worker->userdata);
    return 0;
}

static int add_signals(struct worker *worker)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    int r = 0;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++)
        r = sd_event_add_signal(worker->loop, &worker->signals[i], signals[i], on_signal, worker);
    return r < 0 ? r : 0;
}

/* The descriptor that prontod handed over. Returns 0, -ENOENT when there is none, or -EBADF. */
static int inherited_link(int *ret)
{
    const char *text = getenv("PRONTOD_LINK_FD");
    struct stat st;
    char *end;
    long fd;

    if (!text)
        return -ENOENT;
    errno = 0;
    fd = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || fd < 3 || fd > INT32_MAX ||
        fstat((int)fd, &st) < 0 || !S_ISSOCK(st.st_mode))
        return -EBADF;
    unsetenv("PRONTOD_LINK_FD");
    *ret = (int)fd;
    return 0;
}

static int listen_socket(int *ret)
{
    int n = sd_listen_fds(true);

    if (n <= 0)
        return n < 0 ? n : -ENOENT;
    if (n > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
        return -EBADF;
    *ret = SD_LISTEN_FDS_START;
    return fd_set_nonblock_cloexec(*ret);
}

static int find_peer(struct worker *worker, const char **ret_reason)
{
    int fd, r = inherited_link(&fd);

    if (r == 0) {
        r = take_link(worker, fd);
    } else if (r == -ENOENT) {
        r = listen_socket(&worker->listen_fd);
        if (r == 0)
            r = sd_event_add_io(worker->loop, &worker->listener, worker->listen_fd, EPOLLIN,
                                on_connection, worker);
    }
    if (r == -ENOENT)
        *ret_reason = "it is started by prontod or by systemd, not by hand";
    else if (r == -EBADF)
        *ret_reason = "what was handed over is not one stream socket of the UNIX kind";
    return r < 0 ? r : 0;
}

int worker_new(const struct worker_ops *ops, void *userdata, struct worker **ret,
               const char **ret_reason)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    const char *reason = "cannot set up the loop";
    int r;

    if (!worker) {
        *ret_reason = reason;
        return -ENOMEM;
    }
    worker->ops = *ops;
    worker->userdata = userdata;
    worker->listen_fd = -1;
    r = sd_event_new(&worker->loop);
    /* Its loop is all that a worker has: while it turns, all is well. */
    if (r >= 0)
        r = sd_event_set_watchdog(worker->loop, true);
    if (r >= 0)
        r = add_signals(worker);
    if (r >= 0)
        r = find_peer(worker, &reason);
    if (r < 0) {
        worker_free(worker);
        *ret_reason = reason;
        return r;
    }
    *ret = worker;
    return 0;
}

sd_event *worker_loop(struct worker *worker)
{
    return worker->loop;
}

int worker_send(struct worker *worker, struct json_object *head, const void *payload, size_t size)
{
    return worker->link ? link_send(worker->link, head, payload, size) : -ENOTCONN;
}

/* Lets what was sent leave. */
static void flush(struct worker *worker)
{
    int64_t until = time_boot_ms() + FLUSH_MS, left = FLUSH_MS;

    while (worker->link && link_pending(worker->link) > 0 && left > 0) {
        if (sd_event_run(worker->loop, (uint64_t)left * 1000) < 0)
            return;
        left = until - time_boot_ms();
    }
}

int worker_run(struct worker *worker)
{
    int r = 0;

    sd_notify(0, "READY=1");
    if (worker->link)
        worker->ops.on_up(worker->userdata);
    while (!worker->quitting && r >= 0)
        r = sd_event_run(worker->loop, UINT64_MAX);
    if (r < 0) {
        log_error("the loop failed: %s", strerror(-r));
        return EXIT_FAILURE;
    }
    flush(worker);
    return EXIT_SUCCESS;
}

void worker_quit(struct worker *worker)
{
    worker->quitting = true;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    link_free(worker->link);
    sd_event_source_disable_unref(worker->listener);
    for (size_t i = 0; i < ARRAY_SIZE(worker->signals); i++)
        sd_event_source_disable_unref(worker->signals[i]);
    sd_event_unref(worker->loop);
    if (worker->listen_fd >= 0)
        close(worker->listen_fd);
    free(worker);
}
