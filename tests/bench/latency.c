/* How soon a hook begins after the callback that it is about: sends the callbacks of requests FIRST and up of person.h, one after
 * another, and reads when the hook began from a fifo that the hook (bench-stamp) writes to.
 *
 * usage: bench-latency PORT FIFO FIRST COUNT
 *
 * Each line of the output has two times in nanoseconds: from before the callback was sent, and from its answer, which follows the
 * commit, to the beginning of the hook. */
#include "clock.h"
#include "person.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define TEXT_SIZE   4096

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench-latency: %s\n", what);
    exit(1);
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        fail("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static ssize_t read_some(int fd, char *ret, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    if (poll(&ready, 1, PATIENCE_MS) == 0)
        fail("nothing came for half a minute");
    return read(fd, ret, size);
}

/* The answer is short: it comes in one piece. */
static void call_back(int fd, int64_t number)
{
    char body[PERSON_TEXT_SIZE], token_text[TOKEN_TEXT_SIZE], text[TEXT_SIZE];
    struct token token;
    ssize_t n;
    int size = person_callback(number, body);

    person_token(number, &token);
    token_format(&token, token_text);
    size = snprintf(text, sizeof(text),
                    "POST /callback/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                    "application/json\r\nContent-Length: %d\r\n\r\n%s",
                    token_text, size, body);
    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        fail("the connection is closed");
    n = read_some(fd, text, sizeof(text) - 1);
    if (n < 12 || strncmp(text + 9, "200", 3) != 0)
        fail("a callback was not answered 200");
}

static int64_t read_stamp(int fd, int64_t number)
{
    char text[256], expected[PERSON_ID_SIZE];
    ssize_t n = read_some(fd, text, sizeof(text) - 1);
    int64_t stamp;

    person_enrichment_id(number, expected);
    text[n > 0 ? n : 0] = '\0';
    if (strncmp(text, expected, strlen(expected)) != 0 || sscanf(text, "%*s %" SCNd64, &stamp) != 1)
        fail("the hook told of another callback");
    return stamp;
}

int main(int argc, char **argv)
{
    int connection, fifo;

    if (argc != 5 || crypto_init() < 0) {
        fprintf(stderr, "usage: bench-latency PORT FIFO FIRST COUNT\n");
        return 2;
    }
    fifo = open(argv[2], O_RDWR | O_CLOEXEC); /* and so it has never no writer */
    if (fifo < 0)
        fail("the fifo cannot be opened");
    connection = connect_to((uint16_t)atoi(argv[1]));
    for (int64_t i = 0, first = atoll(argv[3]); i < atoll(argv[4]); i++) {
        int64_t before = clock_ns(), answered, stamp;

        call_back(connection, first + i);
        answered = clock_ns();
        stamp = read_stamp(fifo, first + i);
        printf("%" PRId64 " %" PRId64 "\n", stamp - before, stamp - answered);
    }
    return 0;
}
