#include "link/link.h"

#include "common/cleanup.h"
#include "common/limits.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define MAGIC    0x50524e54u
#define MANY     ((size_t)8 * 1024 * 1024)
#define PATIENCE 20000000u /* microseconds until a test gives up; never how long it takes */

/* One end, and what it heard. */
struct end {
    struct link *link;
    unsigned frames, downs;
    int error;
    int64_t last; /* "n" of the last head */
    size_t size;  /* of the last payload */
    bool intact;  /* each payload was pattern() so far */
    bool free_in_frame, free_in_down, echo;
};

static sd_event *loop;

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8));
}

static struct json_object *head_of(int64_t n)
{
    struct json_object *head = json_object_new_object();

    cr_assert_eq(json_add_int64(head, "n", n), 0);
    return head;
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    struct end *end = userdata;

    end->frames++;
    end->size = size;
    if (end->echo)
        cr_expect_eq(link_send(end->link, head, payload, size), 0);
    if (end->free_in_frame) {
        link_free(end->link);
        end->link = NULL;
    }
    /* Both are borrowed for the whole call, also when the link is gone. */
    cr_expect(json_get_int64(head, "n", &end->last));
    for (size_t i = 0; i < size; i++)
        end->intact = end->intact && (unsigned char)payload[i] == pattern(i);
}

static void on_down(int error, void *userdata)
{
    struct end *end = userdata;

    end->downs++;
    end->error = error;
    if (end->free_in_down) {
        link_free(end->link);
        end->link = NULL;
    }
}

static void make_end(struct end *end, int fd)
{
    static const struct link_handlers handlers = {.on_frame = on_frame, .on_down = on_down};

    *end = (struct end){.intact = true};
    cr_assert_eq(link_new(loop, fd, &handlers, end, &end->link), 0);
}

static void make_pair(int ret[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret), 0);
}

/* A link and the raw other end. */
static int make_half(struct end *end)
{
    int pair[2];

    make_pair(pair);
    make_end(end, pair[0]);
    return pair[1];
}

/* Runs the loop until nothing is left to do. */
static void settle(void)
{
    while (sd_event_run(loop, 0) > 0)
        ;
}

static void run_once(void)
{
    cr_assert_gt(sd_event_run(loop, PATIENCE), 0, "nothing happens any more");
}

static size_t raw_frame(char *buffer, const char *head, size_t payload)
{
    uint32_t numbers[] = {htonl(MAGIC), htonl((uint32_t)strlen(head)), htonl((uint32_t)payload)};

    memcpy(buffer, numbers, sizeof(numbers));
    memcpy(buffer + sizeof(numbers), head, strlen(head));
    for (size_t i = 0; i < payload; i++)
        buffer[sizeof(numbers) + strlen(head) + i] = (char)pattern(i);
    return sizeof(numbers) + strlen(head) + payload;
}

static void give(int fd, const void *data, size_t size)
{
    cr_assert_eq(write(fd, data, size), (ssize_t)size);
}

static void set_up(void)
{
    cr_assert_geq(sd_event_new(&loop), 0);
}

static void tear_down(void)
{
    sd_event_unref(loop);
}

TestSuite(link, .init = set_up, .fini = tear_down);

Test(link, what_is_on_the_wire)
{
    static const char expected[] = "PRNT\0\0\0\7\0\0\0\3{\"n\":1}abc";
    char got[sizeof(expected)];
    struct end end;
    cleanup_close int fd = make_half(&end);
    cleanup_json struct json_object *head = head_of(1);

    cr_assert_eq(link_send(end.link, head, "abc", 3), 0);
    cr_expect_eq(link_pending(end.link), sizeof(expected) - 1);
    settle();
    cr_expect_eq(link_pending(end.link), 0);
    cr_assert_eq(read(fd, got, sizeof(got)), sizeof(expected) - 1);
    cr_expect_eq(memcmp(got, expected, sizeof(expected) - 1), 0);
    link_free(end.link);
}

Test(link, frames_split_at_each_byte)
{
    char bytes[256];
    size_t size = raw_frame(bytes, "{\"n\":1}", 20);

    size += raw_frame(bytes + size, "{\"n\":2}", 0);
    for (size_t cut = 0; cut <= size; cut++) {
        struct end end;
        cleanup_close int fd = make_half(&end);

        give(fd, bytes, cut);
        settle();
        cr_expect_eq(end.frames, cut == size ? 2 : cut >= 39);
        give(fd, bytes + cut, size - cut);
        settle();
        cr_expect_eq(end.frames, 2, "cut at %zu", cut);
        cr_expect_eq(end.last, 2);
        cr_expect(end.intact);
        cr_expect_eq(end.downs, 0);
        link_free(end.link);
    }
}

Test(link, frames_byte_by_byte)
{
    char bytes[256];
    size_t size = raw_frame(bytes, "{\"n\":3}", 30);
    struct end end;
    cleanup_close int fd = make_half(&end);

    for (size_t i = 0; i < size; i++) {
        cr_expect_eq(end.frames, 0);
        give(fd, bytes + i, 1);
        settle();
    }
    cr_expect_eq(end.frames, 1);
    cr_expect_eq(end.size, 30);
    cr_expect(end.intact);
    link_free(end.link);
}

Test(link, what_is_no_frame_ends_the_link)
{
    static const struct {
        uint32_t magic, head, payload;
        const char *text;
        int error;
    } cases[] = {
        {0x50524e55, 7, 0, "{\"n\":1}", -EPROTO},
        {0, 0, 0, "", -EPROTO},
        {MAGIC, 0, 0, "", -EPROTO},
        {MAGIC, 2, 0, "[]", -EPROTO},
        {MAGIC, 7, 0, "{\"n\":1 ", -EPROTO},
        {MAGIC, 7, 0, "{'n':1}", -EPROTO},
        {MAGIC, 2 * 1024 * 1024 + 1, 0, "", -EMSGSIZE},
        {MAGIC, UINT32_MAX, 0, "", -EMSGSIZE},
        {MAGIC, 7, UINT32_MAX, "{\"n\":1}", -EMSGSIZE},
        {MAGIC, 7, LIMIT_FRAME_BYTES, "{\"n\":1}", -EMSGSIZE},
        {MAGIC, 7, LIMIT_FRAME_BYTES - 12 - 6, "{\"n\":1}", -EMSGSIZE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t numbers[] = {htonl(cases[i].magic), htonl(cases[i].head), htonl(cases[i].payload)};
        struct end end;
        cleanup_close int fd = make_half(&end);
        cleanup_json struct json_object *head = head_of(1);

        give(fd, numbers, sizeof(numbers));
        give(fd, cases[i].text, strlen(cases[i].text));
        settle();
        cr_expect_eq(end.frames, 0, "case %zu", i);
        cr_expect_eq(end.downs, 1, "case %zu", i);
        cr_expect_eq(end.error, cases[i].error, "case %zu: %d", i, end.error);
        cr_expect_eq(link_send(end.link, head, NULL, 0), -ENOTCONN);
        link_free(end.link);
    }
}

Test(link, frames_before_the_fault_count)
{
    char bytes[256];
    size_t size = raw_frame(bytes, "{\"n\":1}", 5);
    struct end end;
    cleanup_close int fd = make_half(&end);

    memcpy(bytes + size, "no frame at all", 15);
    give(fd, bytes, size + 15);
    settle();
    cr_expect_eq(end.frames, 1);
    cr_expect_eq(end.downs, 1);
    cr_expect_eq(end.error, -EPROTO);
    link_free(end.link);
}

Test(link, too_large_to_send)
{
    struct end end;
    cleanup_close int fd = make_half(&end); /* stays open, unread */
    cleanup_json struct json_object *head = head_of(1);
    cleanup_json struct json_object *large = json_object_new_object();
    cleanup_free char *text = calloc(1, LIMIT_FRAME_BYTES);

    memset(text, 'a', (size_t)2 * 1024 * 1024);
    cr_assert_eq(json_add_string(large, "text", text), 0);
    cr_assert_geq(fd, 0);
    cr_expect_eq(link_send(end.link, large, NULL, 0), -EMSGSIZE);
    cr_expect_eq(link_send(end.link, head, text, LIMIT_FRAME_BYTES), -EMSGSIZE);
    cr_expect_eq(link_send(end.link, head, text, LIMIT_FRAME_BYTES - 12 - 6), -EMSGSIZE);
    cr_expect_eq(link_pending(end.link), 0);
    cr_expect_eq(link_send(end.link, head, text, LIMIT_FRAME_BYTES - 12 - 7), 0);
    link_free(end.link);
}

Test(link, peer_ends)
{
    char bytes[64];
    size_t size = raw_frame(bytes, "{\"n\":1}", 5);

    for (size_t sent = 0; sent <= size; sent++) {
        struct end end;
        int fd = make_half(&end);

        give(fd, bytes, sent);
        close(fd);
        settle();
        cr_expect_eq(end.frames, sent == size);
        cr_expect_eq(end.downs, 1);
        cr_expect_eq(end.error, sent == 0 || sent == size ? 0 : -ECONNRESET);
        link_free(end.link);
    }
}

/* What the peer said before it ended is heard, though our own frames have nowhere to go. */
Test(link, peer_ends_while_we_send)
{
    char bytes[64];
    size_t size = raw_frame(bytes, "{\"n\":7}", 5);
    cleanup_json struct json_object *head = head_of(1);
    cleanup_free char *payload = calloc(1, MANY);
    struct end end;
    int fd = make_half(&end);

    cr_assert_eq(link_send(end.link, head, payload, MANY), 0);
    settle();
    cr_expect_gt(link_pending(end.link), 0);
    give(fd, bytes, size);
    give(fd, bytes, size);
    close(fd);
    settle();
    cr_expect_eq(end.frames, 2);
    cr_expect_eq(end.last, 7);
    cr_expect_eq(end.downs, 1);
    cr_expect_eq(link_pending(end.link), 0);
    link_free(end.link);
}

/* A peer that only stops reading is no peer either. */
Test(link, peer_stops_reading)
{
    cleanup_json struct json_object *head = head_of(1);
    struct end end;
    cleanup_close int fd = make_half(&end);

    cr_assert_eq(shutdown(fd, SHUT_RD), 0);
    cr_assert_eq(link_send(end.link, head, NULL, 0), 0);
    settle();
    cr_expect_eq(end.downs, 1);
    cr_expect_eq(end.error, -EPIPE);
    link_free(end.link);
}

Test(link, large_frames_both_ways)
{
    cleanup_json struct json_object *head = head_of(5);
    cleanup_free char *payload = malloc(MANY);
    struct end ends[2];
    int pair[2];

    for (size_t i = 0; i < MANY; i++)
        payload[i] = (char)pattern(i);
    make_pair(pair);
    for (size_t i = 0; i < 2; i++) {
        make_end(&ends[i], pair[i]);
        for (size_t n = 0; n < 3; n++)
            cr_assert_eq(link_send(ends[i].link, head, payload, MANY), 0);
    }
    while (ends[0].frames < 3 || ends[1].frames < 3)
        run_once();
    for (size_t i = 0; i < 2; i++) {
        cr_expect(ends[i].intact);
        cr_expect_eq(ends[i].size, MANY);
        cr_expect_eq(ends[i].downs, 0);
        link_free(ends[i].link);
    }
}

Test(link, answers_from_within_the_handler)
{
    cleanup_json struct json_object *head = head_of(5);
    struct end ends[2];
    int pair[2];

    make_pair(pair);
    make_end(&ends[0], pair[0]);
    make_end(&ends[1], pair[1]);
    ends[1].echo = true;
    for (size_t n = 0; n < 1000; n++)
        cr_assert_eq(link_send(ends[0].link, head, NULL, 0), 0);
    while (ends[0].frames < 1000)
        run_once();
    link_free(ends[0].link);
    settle();
    cr_expect_eq(ends[1].downs, 1);
    cr_expect_eq(ends[1].error, 0);
    link_free(ends[1].link);
}

Test(link, freed_in_on_frame)
{
    char bytes[64];
    size_t size = raw_frame(bytes, "{\"n\":1}", 5);

    size += raw_frame(bytes + size, "{\"n\":2}", 5);
    for (size_t extra = 0; extra < 2; extra++) {
        struct end end;
        cleanup_close int fd = make_half(&end);

        end.free_in_frame = true;
        give(fd, bytes, size);
        if (extra)
            give(fd, "no frame at all", 15);
        settle();
        cr_expect_eq(end.frames, 1, "nothing after the end");
        cr_expect_eq(end.last, 1);
        cr_expect_eq(end.downs, 0);
        cr_expect(end.intact);
    }
}

Test(link, freed_in_on_frame_while_sending_fails)
{
    char bytes[64];
    size_t size = raw_frame(bytes, "{\"n\":1}", 5);
    cleanup_json struct json_object *head = head_of(1);
    struct end end;
    int fd = make_half(&end);

    end.free_in_frame = true;
    give(fd, bytes, size);
    close(fd);
    cr_assert_eq(link_send(end.link, head, NULL, 0), 0);
    settle();
    cr_expect_eq(end.frames, 1);
    cr_expect_eq(end.downs, 0);
}

Test(link, freed_in_on_down)
{
    struct end end;
    int fd = make_half(&end);

    end.free_in_down = true;
    close(fd);
    settle();
    cr_expect_eq(end.downs, 1);
    cr_expect_null(end.link);
}

struct others {
    struct end end;
    int peer;
    unsigned calls;
    ssize_t heard; /* by the peer, when the second of them was served */
};

/* The first of the others that is served sends a frame. */
static int on_other(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct others *others = userdata;
    cleanup_json struct json_object *head = head_of(1);
    char got[64];

    (void)fd;
    (void)events;
    if (++others->calls == 1)
        cr_expect_eq(link_send(others->end.link, head, NULL, 0), 0);
    else
        others->heard = recv(others->peer, got, sizeof(got), MSG_DONTWAIT);
    return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

Test(link, one_that_goes_first_sends_before_what_was_ready_earlier)
{
    sd_event_source *sources[2];
    struct others others = {.heard = -1};
    cleanup_close int peer = make_half(&others.end);
    int pairs[2][2];

    others.peer = peer;
    cr_assert_eq(link_go_first(others.end.link), 0);
    for (size_t i = 0; i < 2; i++) {
        make_pair(pairs[i]);
        give(pairs[i][1], "x", 1);
        cr_assert_geq(sd_event_add_io(loop, &sources[i], pairs[i][0], EPOLLIN, on_other, &others),
                      0);
    }
    settle();
    cr_expect_eq(others.calls, 2);
    cr_expect_gt(others.heard, 0);
    for (size_t i = 0; i < 2; i++) {
        sd_event_source_unref(sources[i]);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    link_free(others.end.link);
}

Test(link, takes_the_descriptor_over)
{
    static const struct link_handlers handlers = {.on_frame = on_frame, .on_down = on_down};
    struct link *link;
    struct end end;
    cleanup_close int fd = make_half(&end);
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);

    link_free(end.link);
    cr_expect_eq(read(fd, &(char){0}, 1), 0, "closed");
    cr_assert_geq(file, 0);
    cr_expect_lt(link_new(loop, file, &handlers, NULL, &link), 0, "epoll takes no such file");
    cr_expect_eq(fcntl(file, F_GETFD), -1);
    cr_expect_eq(errno, EBADF);
}
