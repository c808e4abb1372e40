/* All sources have one priority: with another one, hooks that print without pause would keep the
 * ends of others from being seen. */
#include "runner/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_SIZE 65536
#define READS_MAX 16 /* in one turn of the loop */

/* Returns false at the end of the output, or when there is none now. */
static bool read_some(struct capture *capture)
{
    char data[READ_SIZE];
    ssize_t n = read(capture->fd, data, sizeof(data));

    if (n > 0)
        output_add(&capture->output, data, (size_t)n);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        sd_event_source_set_enabled(capture->source, SD_EVENT_OFF);
    return n > 0;
}

void capture_drain(struct capture *capture)
{
    for (int i = 0; capture->source && i < READS_MAX && read_some(capture); i++)
        ;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    capture_drain(userdata);
    return 0;
}

int capture_start(struct capture *capture, sd_event *loop, int fd)
{
    int r = sd_event_add_io(loop, &capture->source, fd, EPOLLIN, on_output, capture);

    if (r < 0) {
        close(fd);
        return r;
    }
    capture->fd = fd;
    return 0;
}

void capture_stop(struct capture *capture)
{
    if (!capture->source)
        return;
    capture->source = sd_event_source_disable_unref(capture->source);
    close(capture->fd);
}
