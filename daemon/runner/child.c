/* The end is judged when the leader ends, not when the last holder of its output does. */
#include "runner/child.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "runner/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The loop would round a wait up to a quarter of a second. */
#define TIMER_ACCURACY_US 1000

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct child *child = userdata;

    (void)source;
    (void)usec;
    if (child->interrupted)
        return 0; /* on its way out */
    child->timed_out = true;
    process_terminate(child->process);
    return 0;
}

void child_stop(struct child *child)
{
    if (child->timed_out || child->interrupted)
        return; /* on its way out */
    child->interrupted = true;
    process_terminate(child->process);
}

void child_kill(struct child *child)
{
    child->interrupted = true;
    process_kill(child->process);
}

static void on_ended(struct process *process, const struct process_end *end, void *userdata)
{
    struct child *child = userdata;
    char output[LIMIT_HOOK_OUTPUT];
    struct hook_outcome outcome = {
        .id = child->id,
        .started_at = end->started_at,
        .duration_ms = end->duration_ms,
        .cpu_ms = end->cpu_ms,
        .memory_bytes = end->memory_bytes,
        .end = {.exit_code = end->exit_code,
                .signal = end->signal,
                .timed_out = child->timed_out,
                .interrupted = child->interrupted},
        .error = child->timed_out || child->interrupted ? NULL : end->limit,
    };

    (void)process;
    capture_drain(&child->output); /* what it printed last */
    child->ended(child, &outcome, output, output_copy(&child->output.output, output),
                 child->userdata);
}

/* The document in memory, opened for reading alone. A descriptor or a negative errno. */
static int document_fd(const char *document, size_t size)
{
    cleanup_close int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char path[64];
    int r;

    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, document, size);
    if (r < 0)
        return r;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = open(path, O_RDONLY | O_CLOEXEC);
    if (r >= 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0) /* without /proc: the descriptor itself, which is sealed */
        return -errno;
    return TAKE_FD(fd);
}

static int watch(struct child *child, sd_event *loop, int output, int64_t timeout_ms)
{
    int r = capture_start(&child->output, loop, output);

    if (r >= 0)
        r = sd_event_add_time_relative(loop, &child->timer, CLOCK_BOOTTIME,
                                       (uint64_t)timeout_ms * 1000, TIMER_ACCURACY_US, on_timer,
                                       child);
    return r < 0 ? r : 0;
}

static int start(struct child *child, struct processes *processes, const struct hook_config *hook,
                 const struct hook_job *job, const char *document, size_t size,
                 char ret_error[static PROGRAM_ERROR_SIZE])
{
    cleanup_close int in = document_fd(document, size), out = -1, output = -1;
    struct process_order order = {.hook = hook, .env = job->env, .in = in};
    int r = in < 0 ? in : pipe_from_program(&output, &out);

    if (r < 0) {
        program_explain(hook->command[0], -r, ret_error);
        return PROCESS_E_NOT_STARTED;
    }
    order.out = order.err = out;
    r = process_start(processes, &order, on_ended, child, &child->process, ret_error);
    return r != PROCESS_OK
               ? r
               : watch(child, processes_loop(processes), TAKE_FD(output), hook->timeout_ms);
}

int child_start(struct processes *processes, const struct hook_config *hook,
                const struct hook_job *job, const char *document, size_t size, child_ended_fn ended,
                void *userdata, struct child **ret, char ret_error[static PROGRAM_ERROR_SIZE])
{
    struct child *child = calloc(1, sizeof(*child));
    int r;

    if (!child)
        return -ENOMEM;
    child->id = job->id;
    child->ended = ended;
    child->userdata = userdata;
    r = start(child, processes, hook, job, document, size, ret_error);
    if (r != PROCESS_OK) {
        child_free(child);
        return r;
    }
    *ret = child;
    return PROCESS_OK;
}

void child_free(struct child *child)
{
    if (!child)
        return;
    sd_event_source_disable_unref(child->timer);
    process_free(child->process);
    capture_stop(&child->output);
    free(child);
}
