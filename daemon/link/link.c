/* The bytes of a link.
 *
 * A handler may free the link. So link_free() lets go of the descriptor and the event source at
 * once, but while a handler runs the memory stays until the dispatch it was called from has
 * returned: nothing after a handler looks at the link but link_leave().
 *
 * Nothing is written in link_send(): a write that fails would have to call on_down in the middle of
 * somebody's sending. The loop writes, when the socket can take it.
 *
 * The buffer grows with what has arrived, never with what a header promises. */
#include "link/link.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/limits.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define FRAME_MAGIC 0x50524e54u /* "PRNT" */
#define HEADER_SIZE 12u

/* The largest environment of a hook (model/document.h), each byte of it escaped as six. */
#define LIMIT_HEAD_BYTES (2u * 1024 * 1024)

/* One read of a wake-up, and what the buffer keeps when it is empty. */
#define READ_SIZE ((size_t)64 * 1024)

struct chunk {
    struct chunk *next;
    size_t size, sent;
    char data[];
};

struct link {
    sd_event *loop;
    sd_event_source *io; /* NULL: down */
    int fd;
    struct link_handlers handlers;
    void *userdata;

    char *in;
    size_t in_size, in_room;

    struct chunk *out, **out_end;
    size_t pending;

    unsigned busy; /* dispatches that are under way */
    bool freed;
};

static void drop_queue(struct link *link)
{
    while (link->out) {
        struct chunk *chunk = link->out;

        link->out = chunk->next;
        free(chunk);
    }
    link->out_end = &link->out;
    link->pending = 0;
}

static void disconnect(struct link *link)
{
    link->io = sd_event_source_disable_unref(link->io);
    if (link->fd >= 0)
        close(TAKE_FD(link->fd));
    drop_queue(link);
}

static void destroy(struct link *link)
{
    sd_event_unref(link->loop);
    free(link->in);
    free(link);
}

void link_free(struct link *link)
{
    if (!link)
        return;
    disconnect(link);
    link->freed = true;
    if (link->busy == 0)
        destroy(link);
}

static void link_leave(struct link *link)
{
    link->busy--;
    if (link->freed && link->busy == 0)
        destroy(link);
}

static void go_down(struct link *link, int error)
{
    if (!link->io)
        return;
    disconnect(link);
    link->handlers.on_down(error, link->userdata);
}

static uint32_t read_u32(const char *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return be32toh(value);
}

static void write_u32(char *p, uint32_t value)
{
    value = htobe32(value);
    memcpy(p, &value, sizeof(value));
}

/* Looks at the start of the buffer. Returns 1 with the sizes of a frame that may still be coming, 0
 * when its header is not there yet, or -EPROTO or -EMSGSIZE. */
static int peek(const char *data, size_t size, size_t *ret_head, size_t *ret_payload)
{
    size_t head, payload;

    if (size < HEADER_SIZE)
        return 0;
    if (read_u32(data) != FRAME_MAGIC)
        return -EPROTO;
    head = read_u32(data + 4);
    payload = read_u32(data + 8);
    if (head > LIMIT_HEAD_BYTES || payload > LIMIT_FRAME_BYTES ||
        HEADER_SIZE + head + payload > LIMIT_FRAME_BYTES)
        return -EMSGSIZE;
    *ret_head = head;
    *ret_payload = payload;
    return 1;
}

static int deliver(struct link *link, const char *frame, size_t head_size, size_t payload_size)
{
    cleanup_json struct json_object *head = NULL;
    int r = json_parse_strict(frame + HEADER_SIZE, head_size, true, &head);

    if (r != 0)
        return r < 0 ? r : -EPROTO;
    link->handlers.on_frame(head, frame + HEADER_SIZE + head_size, payload_size, link->userdata);
    return 0;
}

/* Hands out the whole frames in the buffer and moves the rest to its start. Returns 0 (also when a
 * handler freed the link) or a negative errno that ends the link. */
static int take_frames(struct link *link)
{
    size_t at = 0, head, payload;
    int r = 0;

    while (link->io) {
        r = peek(link->in + at, link->in_size - at, &head, &payload);
        if (r <= 0 || link->in_size - at < HEADER_SIZE + head + payload)
            break;
        r = deliver(link, link->in + at, head, payload);
        if (r < 0)
            break;
        at += HEADER_SIZE + head + payload;
    }
    if (r < 0 || !link->io)
        return r < 0 ? r : 0;
    if (at > 0)
        memmove(link->in, link->in + at, link->in_size - at);
    link->in_size -= at;
    if (link->in_size == 0 && link->in_room > READ_SIZE) {
        free(TAKE_PTR(link->in)); /* one large frame is no reason to stay large */
        link->in_room = 0;
    }
    return 0;
}

static int make_room(struct link *link)
{
    size_t room = link->in_room ? link->in_room * 2 : READ_SIZE;
    char *bigger;

    if (link->in_room > link->in_size)
        return 0;
    bigger = realloc(link->in, room);
    if (!bigger)
        return -ENOMEM;
    link->in = bigger;
    link->in_room = room;
    return 0;
}

/* One read. Returns 1 when something came, 0 when there is nothing now, -ESHUTDOWN at the orderly
 * end, or another negative errno. */
static int fill(struct link *link)
{
    ssize_t n;
    int r = make_room(link);

    if (r < 0)
        return r;
    n = recv(link->fd, link->in + link->in_size, link->in_room - link->in_size, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return link->in_size > 0 ? -ECONNRESET : -ESHUTDOWN; /* in the middle of a frame, or not */
    link->in_size += (size_t)n;
    r = take_frames(link);
    return r < 0 ? r : 1;
}

static int flush(struct link *link)
{
    while (link->out) {
        struct chunk *chunk = link->out;
        ssize_t n =
            send(link->fd, chunk->data + chunk->sent, chunk->size - chunk->sent, MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        chunk->sent += (size_t)n;
        link->pending -= (size_t)n;
        if (chunk->sent < chunk->size)
            return 0;
        link->out = chunk->next;
        if (!link->out)
            link->out_end = &link->out;
        free(chunk);
    }
    return sd_event_source_set_io_events(link->io, EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct link *link = userdata;
    int r = 0, write_error = 0;

    (void)source;
    (void)fd;
    link->busy++;
    if (events & EPOLLOUT)
        write_error = flush(link);
    if (write_error < 0) {
        /* The peer is going; what it said before still counts. */
        do
            r = fill(link);
        while (r > 0 && link->io);
        r = r < 0 ? r : write_error;
    } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        r = fill(link);
    }
    if (r < 0)
        go_down(link, r == -ESHUTDOWN ? 0 : r);
    link_leave(link);
    return 0;
}

int link_new(sd_event *loop, int fd, const struct link_handlers *handlers, void *userdata,
             struct link **ret)
{
    struct link *link = calloc(1, sizeof(*link));
    int r;

    if (!link) {
        close(fd);
        return -ENOMEM;
    }
    link->loop = sd_event_ref(loop);
    link->fd = fd;
    link->handlers = *handlers;
    link->userdata = userdata;
    link->out_end = &link->out;
    r = fd_set_nonblock_cloexec(fd);
    if (r == 0)
        r = sd_event_add_io(loop, &link->io, fd, EPOLLIN, on_io, link);
    if (r < 0) {
        link_free(link);
        return r;
    }
    *ret = link;
    return 0;
}

int link_go_first(struct link *link)
{
    int r = sd_event_source_set_priority(link->io, SD_EVENT_PRIORITY_IMPORTANT);

    return r < 0 ? r : 0;
}

int link_send(struct link *link, struct json_object *head, const void *payload, size_t size)
{
    cleanup_free char *text = NULL;
    cleanup_free struct chunk *chunk = NULL;
    size_t head_size;
    int r;

    if (!link->io)
        return -ENOTCONN;
    r = json_serialize(head, &text, &head_size);
    if (r < 0)
        return r;
    if (head_size > LIMIT_HEAD_BYTES || size > LIMIT_FRAME_BYTES ||
        HEADER_SIZE + head_size + size > LIMIT_FRAME_BYTES)
        return -EMSGSIZE;
    chunk = malloc(sizeof(*chunk) + HEADER_SIZE + head_size + size);
    if (!chunk)
        return -ENOMEM;
    r = sd_event_source_set_io_events(link->io, EPOLLIN | EPOLLOUT);
    if (r < 0)
        return r;
    *chunk = (struct chunk){.size = HEADER_SIZE + head_size + size};
    write_u32(chunk->data, FRAME_MAGIC);
    write_u32(chunk->data + 4, (uint32_t)head_size);
    write_u32(chunk->data + 8, (uint32_t)size);
    memcpy(chunk->data + HEADER_SIZE, text, head_size);
    if (size > 0)
        memcpy(chunk->data + HEADER_SIZE + head_size, payload, size);
    link->pending += chunk->size;
    *link->out_end = chunk;
    link->out_end = &chunk->next;
    chunk = NULL;
    return 0;
}

size_t link_pending(const struct link *link)
{
    return link->pending;
}
