/* What posix_spawn(3) alone can do: runs a program so many at a time, each with the document of a hook on its standard input from
 * memory and its output kept, and prints how many ended in what time as one JSON object.
 *
 * usage: bench-spawn PROGRAM AT-A-TIME SECONDS
 *        bench-spawn --latency PROGRAM COUNT
 *
 * --latency runs one at a time; the program prints "ID NANOSECONDS" (bench-stamp), and each line of the output is the time from before
 * the spawn to that in nanoseconds. */
#include "clock.h"
#include "document.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST        256
#define OUTPUT_SIZE 4096

struct child {
    pid_t pid;
    char output[OUTPUT_SIZE];
    size_t size;
};

static struct child children[MOST];
static struct pollfd pipes[MOST];
static const char *const environment[] = {
    "PATH=/usr/bin:/bin", "HOME=/",
    "LANG=C.UTF-8",       "PRONTO_DELIVERY_ID=00000000-0000-4000-8000-000000000001",
    DOCUMENT_ENVIRONMENT, NULL};

static _Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "bench-spawn: %s: %s\n", what, strerror(error));
    exit(1);
}

static int make_document(int64_t number)
{
    char text[DOCUMENT_SIZE];
    int size = document_write(number, text), fd = memfd_create("document", MFD_CLOEXEC);

    if (fd < 0 || write(fd, text, (size_t)size) != size || lseek(fd, 0, SEEK_SET) < 0)
        fail("memfd_create", errno);
    return fd;
}

static void start(char *program, int place, int64_t number)
{
    char *const argv[] = {program, NULL};
    int in = make_document(number), out[2], r;
    posix_spawn_file_actions_t actions;

    if (pipe2(out, O_CLOEXEC) < 0)
        fail("pipe2", errno);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
    r = posix_spawn(&children[place].pid, program, &actions, NULL, argv,
                    (char *const *)environment);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0)
        fail(program, r);
    close(in);
    close(out[1]);
    children[place].size = 0;
    pipes[place] = (struct pollfd){.fd = out[0], .events = POLLIN};
}

/* True when it ended. */
static bool read_some(int place)
{
    struct child *child = &children[place];
    ssize_t n =
        read(pipes[place].fd, child->output + child->size, sizeof(child->output) - child->size);
    int status;

    if (n < 0)
        fail("read", errno);
    child->size += (size_t)n;
    if (n > 0)
        return false;
    close(pipes[place].fd);
    pipes[place].fd = -1;
    if (waitpid(child->pid, &status, 0) < 0 || status != 0)
        fail("a program did not succeed", ECHILD);
    return true;
}

static void measure_rate(char *program, int at_a_time, double seconds)
{
    int64_t began = clock_ns(), end = began + (int64_t)(seconds * 1e9), count = 0, number = 0;
    int running = 0;

    for (int i = 0; i < at_a_time; i++, running++)
        start(program, i, ++number);
    while (running > 0) {
        if (poll(pipes, (nfds_t)at_a_time, -1) < 0)
            fail("poll", errno);
        for (int i = 0; i < at_a_time; i++) {
            if (pipes[i].fd < 0 || pipes[i].revents == 0 || !read_some(i))
                continue;
            count++;
            if (clock_ns() < end)
                start(program, i, ++number);
            else
                running--;
        }
    }
    seconds = (double)(clock_ns() - began) / 1e9;
    printf("{\"count\": %" PRId64 ", \"seconds\": %.6f, \"rate\": %.1f}\n", count, seconds,
           (double)count / seconds);
}

static void measure_latency(char *program, int64_t count)
{
    for (int64_t i = 1; i <= count; i++) {
        int64_t before = clock_ns(), stamp;

        start(program, 0, i);
        while (!read_some(0))
            ;
        children[0].output[children[0].size] = '\0';
        if (sscanf(children[0].output, "%*s %" SCNd64, &stamp) != 1)
            fail("it printed no time", EPROTO);
        printf("%" PRId64 "\n", stamp - before);
    }
}

int main(int argc, char **argv)
{
    bool latency = argc == 4 && strcmp(argv[1], "--latency") == 0;

    if (argc != 4 || (!latency && (atoi(argv[2]) < 1 || atoi(argv[2]) > MOST))) {
        fprintf(stderr, "usage: bench-spawn PROGRAM AT-A-TIME SECONDS\n"
                        "       bench-spawn --latency PROGRAM COUNT\n");
        return 2;
    }
    if (latency)
        measure_latency(argv[2], atoll(argv[3]));
    else
        measure_rate(argv[1], atoi(argv[2]), atof(argv[3]));
    return 0;
}
