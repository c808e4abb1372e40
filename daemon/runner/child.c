/* The end is judged when the leader ends, not when the last holder of its output does.
 *
 * All sources have one priority: with another one, hooks that print without pause would keep the
 * ends of others from being seen. What a hook printed last is read at its end.
 *
 * The leader is a zombie while its end is handled, so its number still names its group and nobody
 * else's. */
#include "runner/child.h"

#include "common/timestamp.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 65536
#define READS_MAX 16 /* in one turn of the loop */

/* The loop would round a wait up to a quarter of a second. */
#define TIMER_ACCURACY_US 1000

/* Returns false at the end of the output, or when there is none now. */
static bool read_some(struct child *child)
{
    char data[READ_SIZE];
    ssize_t n = read(child->output_fd, data, sizeof(data));

    if (n > 0)
        output_add(&child->output, data, (size_t)n);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        sd_event_source_set_enabled(child->output_source, SD_EVENT_OFF);
    return n > 0;
}

static void read_output(struct child *child)
{
    for (int i = 0; i < READS_MAX && read_some(child); i++)
        ;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    read_output(userdata);
    return 0;
}

static void signal_group(const struct child *child, int number)
{
    kill(-child->pid, number);
}

static void terminate(struct child *child)
{
    signal_group(child, SIGTERM);
    signal_group(child, SIGCONT); /* one that stopped itself cannot hear the other */
    sd_event_source_set_time_relative(child->timer, (uint64_t)child->kill_after_ms * 1000);
    sd_event_source_set_enabled(child->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct child *child = userdata;

    (void)source;
    (void)usec;
    if (child->timed_out || child->interrupted) {
        signal_group(child, SIGKILL);
        return 0;
    }
    child->timed_out = true;
    terminate(child);
    return 0;
}

void child_stop(struct child *child)
{
    if (child->timed_out || child->interrupted)
        return; /* on its way out */
    child->interrupted = true;
    terminate(child);
}

void child_kill(struct child *child)
{
    child->interrupted = true;
    signal_group(child, SIGKILL);
}

static int on_leader_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct child *child = userdata;
    bool exited = info->si_code == CLD_EXITED;
    char output[LIMIT_HOOK_OUTPUT];
    struct hook_outcome outcome = {
        .id = child->id,
        .started_at = child->started_at,
        .duration_ms = time_boot_ms() - child->started_boot_ms,
        .end = {.exit_code = exited ? info->si_status : -1,
                .signal = exited ? 0 : info->si_status,
                .timed_out = child->timed_out,
                .interrupted = child->interrupted},
    };

    (void)source;
    read_output(child);
    signal_group(child, SIGKILL);
    child->over = true;
    child->ended(child, &outcome, output, output_copy(&child->output, output), child->userdata);
    return 0;
}

static int watch(struct child *child, sd_event *loop, int64_t timeout_ms)
{
    int r =
        sd_event_add_io(loop, &child->output_source, child->output_fd, EPOLLIN, on_output, child);

    if (r >= 0)
        r = sd_event_add_time_relative(loop, &child->timer, CLOCK_BOOTTIME,
                                       (uint64_t)timeout_ms * 1000, TIMER_ACCURACY_US, on_timer,
                                       child);
    if (r >= 0)
        r = sd_event_add_child(loop, &child->exit_source, child->pid, WEXITED, on_leader_end,
                               child);
    return r;
}

/* A process that was killed and cannot end would hold up everybody, but so it is only when prontod-
 * runner ends or is out of memory. */
static void kill_and_reap(pid_t pid)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int child_new(sd_event *loop, const struct hook_config *hook, int64_t id, pid_t pid, int output_fd,
              child_ended_fn ended, void *userdata, struct child **ret)
{
    struct child *child = calloc(1, sizeof(*child));
    int r;

    if (!child) {
        close(output_fd);
        kill_and_reap(pid);
        return -ENOMEM;
    }
    child->id = id;
    child->pid = pid;
    child->output_fd = output_fd;
    child->started_at = time_now();
    child->started_boot_ms = time_boot_ms();
    child->kill_after_ms = hook->kill_after_ms;
    child->ended = ended;
    child->userdata = userdata;
    r = watch(child, loop, hook->timeout_ms);
    if (r < 0) {
        child_free(child);
        return r;
    }
    *ret = child;
    return 0;
}

void child_free(struct child *child)
{
    if (!child)
        return;
    sd_event_source_disable_unref(child->exit_source);
    sd_event_source_disable_unref(child->output_source);
    sd_event_source_disable_unref(child->timer);
    if (!child->over)
        kill_and_reap(child->pid);
    close(child->output_fd);
    free(child);
}
