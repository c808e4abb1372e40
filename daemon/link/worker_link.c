/* Both ways to be up start in the same timer: at once for the first time, so that no handler runs
 * before its owner has the worker_link, and after a pause when a connection was lost or refused.
 *
 * The pause begins anew only when the worker has said something: a worker that takes the connection
 * and ends it is no better than one that refuses. */
#include "link/worker_link.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define BACKOFF_FIRST_MS   100
#define BACKOFF_LONGEST_MS 10000

struct worker_link {
    sd_event *loop;
    sd_event_source *timer;
    struct worker_link_handlers handlers;
    void *userdata;
    char *path; /* NULL: adopted */
    int fd;     /* adopted, until it becomes the link */
    struct link *link;
    unsigned backoff_ms;
};

DEFINE_CLEANUP(struct worker_link *, worker_link_free);
#define cleanup_worker_link __attribute__((cleanup(worker_link_free_p)))

void worker_link_free(struct worker_link *link)
{
    if (!link)
        return;
    sd_event_source_disable_unref(link->timer);
    sd_event_unref(link->loop);
    link_free(link->link);
    if (link->fd >= 0)
        close(link->fd);
    free(link->path);
    free(link);
}

/* Sets the timer for the next attempt. One that cannot be set leaves the link down for good. */
static void retry(struct worker_link *link)
{
    if (sd_event_source_set_time_relative(link->timer, (uint64_t)link->backoff_ms * 1000) >= 0)
        sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
    link->backoff_ms *= 2;
    if (link->backoff_ms > BACKOFF_LONGEST_MS)
        link->backoff_ms = BACKOFF_LONGEST_MS;
}

static const char *reason_of(int error)
{
    const char *text;

    if (error == 0)
        return "the worker closed the link";
    if (error == -EPROTO || error == -EMSGSIZE)
        return "the worker sent what is no frame";
    if (error == -EPERM)
        return "the worker runs neither as root nor as the owner of its socket";
    text = strerrordesc_np(-error);
    return text ? text : "the link failed";
}

static void fail(struct worker_link *link, int error)
{
    if (link->path)
        retry(link);
    link->handlers.on_down(reason_of(error), link->userdata);
}

static void on_link_frame(struct json_object *head, const char *payload, size_t size,
                          void *userdata)
{
    struct worker_link *link = userdata;

    link->backoff_ms = BACKOFF_FIRST_MS;
    link->handlers.on_frame(head, payload, size, link->userdata);
}

static void on_link_down(int error, void *userdata)
{
    struct worker_link *link = userdata;

    link_free(TAKE_PTR(link->link));
    fail(link, error);
}

/* Whoever made the socket file could have put anything behind it; root and its owner may. */
static int check_peer(int fd, const char *path)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    struct stat st;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || stat(path, &st) < 0)
        return -errno;
    return peer.uid == 0 || peer.uid == st.st_uid ? 0 : -EPERM;
}

/* A UNIX socket connects at once or not at all: EAGAIN when the peer's queue is full. */
static int open_socket(const char *path, int *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r;

    if (fd < 0)
        return -errno;
    memcpy(address.sun_path, path, strlen(path)); /* its length was checked in the beginning */
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    r = check_peer(fd, path);
    if (r < 0)
        return r;
    *ret = TAKE_FD(fd);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    static const struct link_handlers handlers = {.on_frame = on_link_frame,
                                                  .on_down = on_link_down};
    struct worker_link *link = userdata;
    int fd = -1, r = 0;

    (void)source;
    (void)usec;
    if (link->path)
        r = open_socket(link->path, &fd);
    else
        fd = TAKE_FD(link->fd);
    if (r == 0)
        r = link_new(link->loop, fd, &handlers, link, &link->link);
    if (r < 0)
        fail(link, r);
    else
        link->handlers.on_up(link->userdata);
    return 0;
}

static int create(sd_event *loop, int fd, const char *path,
                  const struct worker_link_handlers *handlers, void *userdata,
                  struct worker_link **ret)
{
    cleanup_worker_link struct worker_link *link = calloc(1, sizeof(*link));
    int r;

    if (!link) {
        if (fd >= 0)
            close(fd);
        return -ENOMEM;
    }
    link->loop = sd_event_ref(loop);
    link->handlers = *handlers;
    link->userdata = userdata;
    link->fd = fd;
    link->backoff_ms = BACKOFF_FIRST_MS;
    if (path) {
        link->path = strdup(path);
        if (!link->path)
            return -ENOMEM;
    }
    r = sd_event_add_time_relative(loop, &link->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, link);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(link);
    return 0;
}

int worker_link_adopt(sd_event *loop, int fd, const struct worker_link_handlers *handlers,
                      void *userdata, struct worker_link **ret)
{
    return create(loop, fd, NULL, handlers, userdata, ret);
}

int worker_link_connect(sd_event *loop, const char *path,
                        const struct worker_link_handlers *handlers, void *userdata,
                        struct worker_link **ret)
{
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return -ENAMETOOLONG;
    return create(loop, -1, path, handlers, userdata, ret);
}

bool worker_link_is_up(const struct worker_link *link)
{
    return link->link != NULL;
}

int worker_link_send(struct worker_link *link, struct json_object *head, const void *payload,
                     size_t size)
{
    return link->link ? link_send(link->link, head, payload, size) : -ENOTCONN;
}
