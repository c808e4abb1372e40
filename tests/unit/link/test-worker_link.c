#include "link/worker_link.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE 20000000u

struct end {
    struct worker_link *link;
    unsigned ups, downs, frames;
    char reason[128];
    bool free_in_up, free_in_frame, free_in_down;
};

static sd_event *loop;
static char folder[] = "/tmp/test-worker_link-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void let_go(struct end *end)
{
    worker_link_free(end->link);
    end->link = NULL;
}

static void on_up(void *userdata)
{
    struct end *end = userdata;

    end->ups++;
    cr_expect(worker_link_is_up(end->link));
    if (end->free_in_up)
        let_go(end);
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    struct end *end = userdata;

    (void)head;
    (void)payload;
    (void)size;
    end->frames++;
    if (end->free_in_frame)
        let_go(end);
}

static void on_down(const char *reason, void *userdata)
{
    struct end *end = userdata;

    end->downs++;
    snprintf(end->reason, sizeof(end->reason), "%s", reason);
    cr_expect_not(worker_link_is_up(end->link));
    if (end->free_in_down)
        let_go(end);
}

static const struct worker_link_handlers handlers = {
    .on_up = on_up, .on_frame = on_frame, .on_down = on_down};

static void run_until(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        cr_assert_gt(sd_event_run(loop, PATIENCE), 0, "nothing happens any more");
}

static void settle(void)
{
    while (sd_event_run(loop, 0) > 0)
        ;
}

static void set_up(void)
{
    cr_assert_geq(sd_event_new(&loop), 0);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
}

static void tear_down(void)
{
    sd_event_unref(loop);
    unlink(address.sun_path);
    rmdir(folder);
}

TestSuite(worker_link, .init = set_up, .fini = tear_down);

static int adopt(struct end *end)
{
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(worker_link_adopt(loop, pair[0], &handlers, end, &end->link), 0);
    return pair[1];
}

static int listen_here(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    unlink(address.sun_path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

static const char frame[] = "PRNT\0\0\0\7\0\0\0\0{\"n\":1}";

Test(worker_link, adopted)
{
    struct end end = {0};
    int fd = adopt(&end);
    cleanup_json struct json_object *head = json_object_new_object();

    cr_expect_not(worker_link_is_up(end.link), "not before its owner has it");
    cr_expect_eq(worker_link_send(end.link, head, NULL, 0), -ENOTCONN);
    run_until(&end.ups, 1);
    cr_assert_eq(write(fd, frame, sizeof(frame) - 1), sizeof(frame) - 1);
    run_until(&end.frames, 1);
    cr_expect_eq(worker_link_send(end.link, head, NULL, 0), 0);
    settle();
    cr_expect_eq(read(fd, &(char[64]){0}, 64), 14);
    close(fd);
    run_until(&end.downs, 1);
    cr_expect_str_eq(end.reason, "the worker closed the link");
    cr_expect_eq(worker_link_send(end.link, head, NULL, 0), -ENOTCONN);
    settle();
    cr_expect_eq(end.ups, 1, "down for good");
    let_go(&end);
}

Test(worker_link, connected_again)
{
    struct end end = {0};
    int listener = listen_here(), fd;

    cr_assert_eq(worker_link_connect(loop, address.sun_path, &handlers, &end, &end.link), 0);
    for (unsigned n = 1; n <= 3; n++) {
        run_until(&end.ups, n);
        fd = accept(listener, NULL, NULL);
        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, frame, sizeof(frame) - 1), sizeof(frame) - 1);
        run_until(&end.frames, n);
        close(fd);
        run_until(&end.downs, n);
    }
    close(listener);
    run_until(&end.downs, 4);
    cr_expect_str_eq(end.reason, "Connection refused");
    listener = listen_here();
    run_until(&end.ups, 4);
    let_go(&end);
    close(listener);
}

Test(worker_link, not_there_yet)
{
    struct end end = {0};
    int listener;

    cr_assert_eq(worker_link_connect(loop, address.sun_path, &handlers, &end, &end.link), 0);
    run_until(&end.downs, 2);
    cr_expect_str_eq(end.reason, "No such file or directory");
    listener = listen_here();
    run_until(&end.ups, 1);
    let_go(&end);
    close(listener);
}

/* The peer's user is the one at the time of listen(2): here neither root nor the file's owner. */
Test(worker_link, foreign_worker)
{
    struct end end = {0};
    int listener;

    if (geteuid() != 0)
        cr_skip_test("needs root");
    listener = listen_here();
    cr_assert_eq(seteuid(65533), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(worker_link_connect(loop, address.sun_path, &handlers, &end, &end.link), 0);
    run_until(&end.downs, 1);
    cr_expect_eq(end.ups, 0);
    cr_expect_str_eq(end.reason, "the worker runs neither as root nor as the owner of its socket");
    let_go(&end);
    close(listener);
}

Test(worker_link, path_too_long)
{
    struct worker_link *link;
    char path[200];

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_expect_eq(worker_link_connect(loop, path, &handlers, NULL, &link), -ENAMETOOLONG);
}

Test(worker_link, freed_in_each_handler)
{
    for (unsigned which = 0; which < 3; which++) {
        struct end end = {
            .free_in_up = which == 0, .free_in_frame = which == 1, .free_in_down = which == 2};
        int fd = adopt(&end);

        cr_assert_eq(write(fd, frame, sizeof(frame) - 1), sizeof(frame) - 1);
        if (which == 2)
            close(fd);
        settle();
        cr_expect_null(end.link);
        cr_expect_eq(end.ups, 1);
        cr_expect_eq(end.frames, which > 0);
        cr_expect_eq(end.downs, which == 2);
        if (which != 2)
            close(fd);
    }
}

Test(worker_link, freed_while_it_waits)
{
    struct end end = {.free_in_down = true};

    cr_assert_eq(worker_link_connect(loop, address.sun_path, &handlers, &end, &end.link), 0);
    run_until(&end.downs, 1);
    settle();
    cr_assert_eq(worker_link_connect(loop, address.sun_path, &handlers, &end, &end.link), 0);
    let_go(&end);
    settle();
    cr_expect_eq(end.downs, 1);
}
