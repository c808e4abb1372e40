/* What a pipe alone can do: writes the documents of hooks to a program, at most so many that are not answered, reads a line for each,
 * and prints how many in what time as one JSON object.
 *
 * usage: bench-pipe PROGRAM WINDOW SECONDS */
#include "clock.h"
#include "document.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFER_SIZE (128 * 1024)

extern char **environ;

static char out[BUFFER_SIZE], in[BUFFER_SIZE];
static size_t out_size, out_sent;
static int64_t given, answered, window;

static _Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "bench-pipe: %s: %s\n", what, strerror(error));
    exit(1);
}

static pid_t start(char *program, int *ret_in, int *ret_out)
{
    char *const argv[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    int to[2], from[2], r;
    pid_t pid;

    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        fail("pipe2", errno);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    r = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0)
        fail(program, r);
    close(to[0]);
    close(from[1]);
    fcntl(to[1], F_SETFL, O_NONBLOCK);
    *ret_in = to[1];
    *ret_out = from[0];
    return pid;
}

static void fill(int64_t end)
{
    if (out_sent == out_size)
        out_sent = out_size = 0;
    while (given - answered < window && out_size + DOCUMENT_SIZE <= sizeof(out) &&
           clock_ns() < end) {
        out_size += (size_t)document_write(++given, out + out_size);
        out[out_size++] = '\n';
    }
}

static void write_some(int fd)
{
    ssize_t n = write(fd, out + out_sent, out_size - out_sent);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail("write", errno);
    out_sent += n > 0 ? (size_t)n : 0;
}

static void read_some(int fd)
{
    ssize_t n = read(fd, in, sizeof(in));

    if (n <= 0)
        fail("the program ended", n < 0 ? errno : EPIPE);
    for (const char *at = in; (at = memchr(at, '\n', (size_t)(in + n - at))); at++)
        answered++;
}

static void measure(int to, int from, double seconds)
{
    int64_t began = clock_ns(), end = began + (int64_t)(seconds * 1e9);

    do {
        struct pollfd ready[] = {{.fd = from, .events = POLLIN}, {.fd = to}};

        fill(end);
        if (out_sent < out_size)
            write_some(to);
        ready[1].events = out_sent < out_size ? POLLOUT : 0;
        if (given > answered && poll(ready, 2, -1) > 0 && ready[0].revents)
            read_some(from);
    } while (given > answered || clock_ns() < end);
    seconds = (double)(clock_ns() - began) / 1e9;
    printf("{\"count\": %" PRId64 ", \"seconds\": %.6f, \"rate\": %.1f}\n", answered, seconds,
           (double)answered / seconds);
}

int main(int argc, char **argv)
{
    int to, from, status;
    pid_t pid;

    window = argc == 4 ? atoll(argv[2]) : 0;
    if (window < 1) {
        fprintf(stderr, "usage: bench-pipe PROGRAM WINDOW SECONDS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    pid = start(argv[1], &to, &from);
    measure(to, from, atof(argv[3]));
    close(to);
    if (waitpid(pid, &status, 0) < 0 || status != 0)
        fail("the program did not succeed", ECHILD);
    return 0;
}
