/* Sends callbacks over kept connections as fast as they are answered, and prints what it saw as one JSON object.
 *
 * usage: bench-load --port N [--connections N] [--threads N] [--seconds S] [--first N --count N [--random]] [--path PATH]
 *
 * With --count, request number i of person.h is called back at its own token, each once, --first and up, or in a random order; it
 * ends when the time or the numbers are over. Without, every body goes to PATH. It must not be what is measured, so its own
 * processor time is printed as well. */
#include "person.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS       256
#define REQUEST_SIZE 4096
#define ANSWER_SIZE  16384
/* Latencies in microseconds: 64 buckets for each power of two, so that a bucket is at most 1.6 % wide. */
#define SUB_BITS 6
#define BUCKETS  (64 << SUB_BITS)

struct connection {
    int fd;
    char request[REQUEST_SIZE], answer[ANSWER_SIZE];
    size_t size, sent, got;
    int64_t sent_ns;
};

static struct {
    uint16_t port;
    int connections, threads;
    double seconds;
    int64_t first, count;
    bool random;
    const char *path;
} settings = {.connections = 64, .threads = 2, .seconds = 5, .path = "/"};
static atomic_llong next_number;
static int64_t began_ns, end_ns;

/* One thread's share. */
struct load {
    pthread_t thread;
    struct connection *connections;
    int n_connections, open, epoll;
    uint64_t statuses[6]; /* by hundreds; 0: no answer */
    uint64_t histogram[BUCKETS];
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static unsigned bucket_of(uint64_t us)
{
    unsigned power = us < 2 ? 0 : 63 - (unsigned)__builtin_clzll(us);

    if (power < SUB_BITS)
        return (unsigned)us;
    return ((power - SUB_BITS + 1) << SUB_BITS) +
           (unsigned)((us >> (power - SUB_BITS)) & ((1 << SUB_BITS) - 1));
}

/* The lower end of a bucket in microseconds. */
static uint64_t value_of(unsigned bucket)
{
    unsigned power = bucket >> SUB_BITS, low = bucket & ((1 << SUB_BITS) - 1);

    return power == 0 ? low : ((uint64_t)low + (1 << SUB_BITS)) << (power - 1);
}

static double quantile(const struct load *load, double share)
{
    uint64_t total = 0, seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++)
        total += load->histogram[i];
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += load->histogram[i];
        if (total > 0 && (double)seen >= share * (double)total)
            return (double)value_of(i) / 1000.0;
    }
    return 0;
}

/* A permutation of [0, count): a Feistel network over the next power of four, walked until it is in range. */
static int64_t permuted(int64_t i, int64_t count)
{
    unsigned half = 1;

    while ((INT64_C(1) << (2 * half)) < count)
        half++;
    do {
        uint64_t mask = (UINT64_C(1) << half) - 1, left = (uint64_t)i >> half,
                 right = (uint64_t)i & mask;

        for (unsigned round = 0; round < 4; round++) {
            uint64_t mixed = (right + round + 1) * UINT64_C(0x9E3779B97F4A7C15);
            uint64_t other = left ^ ((mixed >> 32) & mask);

            left = right;
            right = other;
        }
        i = (int64_t)(left << half | right);
    } while (i >= count);
    return i;
}

/* False when all numbers were used. */
static bool make_request(struct connection *connection)
{
    char body[PERSON_TEXT_SIZE], text[TOKEN_TEXT_SIZE], path[128];
    int64_t number = atomic_fetch_add(&next_number, 1);
    struct token token;
    int size, n;

    if (settings.count > 0 && number >= settings.count)
        return false;
    if (settings.count > 0) {
        number = settings.first + (settings.random ? permuted(number, settings.count) : number);
        person_token(number, &token);
        token_format(&token, text);
        snprintf(path, sizeof(path), "/callback/%s", text);
    } else {
        snprintf(path, sizeof(path), "%s", settings.path);
    }
    size = person_callback(number, body);
    n = snprintf(connection->request, REQUEST_SIZE,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: "
                 "application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 path, size, body);
    connection->size = (size_t)n;
    connection->sent = connection->got = 0;
    return true;
}

static void close_it(struct load *load, struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    load->open--;
}

static void send_more(struct load *load, struct connection *connection)
{
    while (connection->sent < connection->size) {
        ssize_t n = send(connection->fd, connection->request + connection->sent,
                         connection->size - connection->sent, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            load->statuses[0]++;
            close_it(load, connection);
            return;
        }
        connection->sent += (size_t)n;
    }
}

static void start_request(struct load *load, struct connection *connection)
{
    if (now_ns() >= end_ns || !make_request(connection)) {
        close_it(load, connection);
        return;
    }
    connection->sent_ns = now_ns();
    send_more(load, connection);
}

/* 0 when the answer is not whole yet, else its status. */
static int read_status(const struct connection *connection)
{
    const char *end = memmem(connection->answer, connection->got, "\r\n\r\n", 4), *length;
    size_t body;

    if (!end)
        return 0;
    length = strcasestr(connection->answer, "\r\nContent-Length:");
    body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (connection->got < (size_t)(end + 4 - connection->answer) + body)
        return 0;
    return atoi(connection->answer + 9);
}

static void take_answer(struct load *load, struct connection *connection)
{
    ssize_t n = recv(connection->fd, connection->answer + connection->got,
                     ANSWER_SIZE - 1 - connection->got, 0);
    int status;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        load->statuses[0]++;
        close_it(load, connection);
        return;
    }
    connection->got += (size_t)n;
    connection->answer[connection->got] = '\0';
    status = read_status(connection);
    if (status == 0)
        return;
    load->statuses[status / 100 % 6]++;
    load->histogram[bucket_of((uint64_t)(now_ns() - connection->sent_ns) / 1000)]++;
    start_request(load, connection);
}

static bool open_one(struct load *load, struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(settings.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    int one = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return false;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        return false;
    load->open++;
    return true;
}

static void *run(void *userdata)
{
    struct load *load = userdata;
    struct epoll_event events[EVENTS];

    for (int i = 0; i < load->n_connections; i++)
        start_request(load, &load->connections[i]);
    while (load->open > 0) {
        int n = epoll_wait(load->epoll, events, EVENTS, 10000);

        if (n == 0) {
            fprintf(stderr, "bench-load: %d connections without an answer for 10 s\n", load->open);
            exit(1);
        }
        for (int i = 0; i < n; i++) {
            struct connection *connection = events[i].data.ptr;

            if (connection->fd >= 0 && connection->sent < connection->size &&
                (events[i].events & EPOLLOUT))
                send_more(load, connection);
            if (connection->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                take_answer(load, connection);
        }
    }
    return NULL;
}

static bool open_all(struct load *load)
{
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc((size_t)load->n_connections + 1, sizeof(*load->connections));
    if (load->epoll < 0 || !load->connections)
        return false;
    for (int i = 0; i < load->n_connections; i++)
        if (!open_one(load, &load->connections[i]))
            return false;
    return true;
}

static void add(struct load *total, const struct load *load)
{
    for (size_t i = 0; i < 6; i++)
        total->statuses[i] += load->statuses[i];
    for (size_t i = 0; i < BUCKETS; i++)
        total->histogram[i] += load->histogram[i];
}

static void print(const struct load *load)
{
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    uint64_t answers = 0;
    struct rusage usage;

    for (int i = 1; i < 6; i++)
        answers += load->statuses[i];
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seconds\": %.3f, \"answers\": %" PRIu64 ", \"rate\": %.1f, \"ok\": %" PRIu64
           ", \"lost\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"unavailable\": %" PRIu64
           ", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, "
           "\"cpu_s\": %.3f}\n",
           seconds, answers, (double)answers / seconds, load->statuses[2], load->statuses[0],
           load->statuses[4], load->statuses[5], quantile(load, 0.5), quantile(load, 0.99),
           quantile(load, 0.999),
           (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"first", required_argument, NULL, 'f'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"random", no_argument, NULL, 'r'},
                                            {"path", required_argument, NULL, 'u'},
                                            {0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option == 'p')
            settings.port = (uint16_t)atoi(optarg);
        else if (option == 'c')
            settings.connections = atoi(optarg);
        else if (option == 't')
            settings.threads = atoi(optarg);
        else if (option == 's')
            settings.seconds = atof(optarg);
        else if (option == 'f')
            settings.first = atoll(optarg);
        else if (option == 'n')
            settings.count = atoll(optarg);
        else if (option == 'r')
            settings.random = true;
        else if (option == 'u')
            settings.path = optarg;
        else
            return false;
    }
    if (settings.threads > settings.connections)
        settings.threads = settings.connections;
    return settings.port != 0 && settings.threads > 0 && optind == argc;
}

int main(int argc, char **argv)
{
    struct load *loads, *total;

    if (crypto_init() < 0 || !parse(argc, argv)) {
        fprintf(stderr, "usage: bench-load --port N [--connections N] [--threads N] [--seconds S]\n"
                        "                  [--first N --count N [--random]] [--path PATH]\n");
        return 2;
    }
    loads = calloc((size_t)settings.threads + 1, sizeof(*loads));
    if (!loads)
        return 1;
    total = &loads[settings.threads];
    for (int i = 0; i < settings.threads; i++) {
        loads[i].n_connections =
            settings.connections / settings.threads + (i < settings.connections % settings.threads);
        if (!open_all(&loads[i])) {
            fprintf(stderr, "bench-load: cannot connect to port %u: %s\n", settings.port,
                    strerror(errno));
            return 1;
        }
    }
    began_ns = now_ns();
    end_ns = began_ns + (int64_t)(settings.seconds * 1e9);
    for (int i = 0; i < settings.threads; i++)
        if (pthread_create(&loads[i].thread, NULL, run, &loads[i]) != 0)
            return 1;
    for (int i = 0; i < settings.threads; i++) {
        pthread_join(loads[i].thread, NULL);
        add(total, &loads[i]);
    }
    print(total);
    return 0;
}
