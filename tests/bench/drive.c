/* Gives jobs to a prontod-runner over the link, in place of prontod, so many at a time, and prints how many ended in what time as
 * one JSON object. The link is open already, and stays open for the next one.
 *
 * usage: bench-drive FD (exec | stream) HOOK AT-A-TIME (SECONDS s | COUNT)
 *
 * A stream hook's job has no variables but the delivery's id, as it comes from prontod.
 * It must not be what is measured, so its own processor time is printed as well. */
#include "clock.h"
#include "document.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MAGIC        0x50524e54u
#define HEADER_SIZE  12
#define BUFFER_SIZE  (256 * 1024)
#define FRAME_MAX    8192
#define PATIENCE_MS  60000
#define ENVIRON_SIZE 1024

static struct {
    int fd;
    const char *hook;
    bool stream;
    int64_t at_a_time, most;
    int64_t end_ns; /* 0: when all were given */
} settings;
static int64_t given, ended;
static char out[BUFFER_SIZE], in[BUFFER_SIZE], environment[ENVIRON_SIZE];
static size_t out_size, out_sent, in_size;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench-drive: %s\n", what);
    exit(1);
}

static void make_environment(void)
{
    static const char *const words[] = {DOCUMENT_ENVIRONMENT};
    size_t size = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        size +=
            (size_t)snprintf(environment + size, sizeof(environment) - size, ",\"%s\"", words[i]);
}

static void put(const void *data, size_t size)
{
    memcpy(out + out_size, data, size);
    out_size += size;
}

static void add_job(void)
{
    char head[FRAME_MAX / 2], document[DOCUMENT_SIZE];
    int64_t id = ++given;
    int size = document_write(id, document);
    int head_size = snprintf(head, sizeof(head),
                             "{\"id\":%" PRId64
                             ",\"hook\":\"%s\",\"env\":[\"PRONTO_DELIVERY_ID=00000000-0000-4000-"
                             "8000-%012" PRId64 "\"%s]}",
                             id, settings.hook, id, settings.stream ? "" : environment);
    const uint32_t header[] = {htonl(MAGIC), htonl((uint32_t)head_size), htonl((uint32_t)size)};

    put(header, sizeof(header));
    put(head, (size_t)head_size);
    put(document, (size_t)size);
}

static bool is_over(void)
{
    return settings.end_ns ? clock_ns() >= settings.end_ns : given >= settings.most;
}

static void fill(void)
{
    if (out_sent == out_size)
        out_sent = out_size = 0;
    while (given - ended < settings.at_a_time && out_size + FRAME_MAX <= BUFFER_SIZE && !is_over())
        add_job();
}

static void send_some(void)
{
    ssize_t n = send(settings.fd, out + out_sent, out_size - out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail("the link is closed");
    out_sent += n > 0 ? (size_t)n : 0;
}

static uint32_t number_at(size_t at)
{
    uint32_t number;

    memcpy(&number, in + at, sizeof(number));
    return ntohl(number);
}

static void judge(const char *head, size_t size)
{
    static const char good[] = "\"exit_code\":0,\"signal\":0";

    if (!memmem(head, size, good, sizeof(good) - 1)) {
        fprintf(stderr, "bench-drive: a hook did not succeed: %.*s\n", (int)size, head);
        exit(1);
    }
    ended++;
}

static void receive_some(void)
{
    ssize_t n = recv(settings.fd, in + in_size, sizeof(in) - in_size, MSG_DONTWAIT);
    size_t at = 0;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        fail("the link is closed");
    in_size += n > 0 ? (size_t)n : 0;
    while (in_size - at >= HEADER_SIZE) {
        size_t head = number_at(at + 4), size = HEADER_SIZE + head + number_at(at + 8);

        if (number_at(at) != MAGIC || size > sizeof(in))
            fail("what came over the link is no frame");
        if (in_size - at < size)
            break;
        judge(in + at + HEADER_SIZE, head);
        at += size;
    }
    memmove(in, in + at, in_size - at);
    in_size -= at;
}

static void turn(void)
{
    struct pollfd ready = {.fd = settings.fd, .events = POLLIN};

    fill();
    if (out_sent < out_size)
        send_some();
    ready.events |= out_sent < out_size ? POLLOUT : 0;
    if (given == ended)
        return;
    if (poll(&ready, 1, PATIENCE_MS) == 0)
        fail("no outcome for a minute");
    if (ready.revents & (POLLIN | POLLHUP | POLLERR))
        receive_some();
}

static void print(int64_t began)
{
    double seconds = (double)(clock_ns() - began) / 1e9;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("{\"count\": %" PRId64 ", \"seconds\": %.6f, \"rate\": %.1f, \"cpu_s\": %.3f}\n", ended,
           seconds, (double)ended / seconds,
           (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
    bool timed = argc == 7 && strcmp(argv[6], "s") == 0;
    int64_t began = clock_ns();

    if (argc != 6 && !timed) {
        fprintf(stderr,
                "usage: bench-drive FD (exec | stream) HOOK AT-A-TIME (SECONDS s | COUNT)\n");
        return 2;
    }
    settings.fd = atoi(argv[1]);
    settings.stream = strcmp(argv[2], "stream") == 0;
    settings.hook = argv[3];
    settings.at_a_time = atoll(argv[4]);
    settings.most = timed ? 0 : atoll(argv[5]);
    settings.end_ns = timed ? began + (int64_t)(atof(argv[5]) * 1e9) : 0;
    make_environment();
    do
        turn();
    while (ended < given || !is_over());
    print(began);
    return 0;
}
