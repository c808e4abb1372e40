/* How many deliveries of a stream hook a second go from the disk to a runner and back to the disk. The
 * runner is another process that answers at once. Usage: bench [N] */
#include "stage.h"

#include "common/timestamp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct link *answering;

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    struct hook_job job;
    struct hook_outcome outcome = {.started_at = time_now()};
    struct json_object *answer = NULL;

    (void)payload;
    (void)size;
    (void)userdata;
    if (hook_job_decode(head, &job) < 0)
        abort();
    outcome.id = job.id;
    if (hook_outcome_encode(&outcome, &answer) < 0 || link_send(answering, answer, NULL, 0) < 0)
        abort();
    json_object_put(answer);
}

static void on_down(int error, void *userdata)
{
    (void)error;
    (void)userdata;
    _exit(0);
}

static void run_runner(int fd)
{
    static const struct link_handlers handlers = {.on_frame = on_frame, .on_down = on_down};
    struct json_object *ready = NULL;
    sd_event *loop = NULL;

    if (sd_event_new(&loop) < 0 || link_new(loop, fd, &handlers, NULL, &answering) < 0 ||
        control_encode("ready", "ok", NULL, &ready) < 0 || link_send(answering, ready, NULL, 0) < 0)
        abort();
    sd_event_loop(loop);
    _exit(0);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 50000;
    struct stage stage;
    int64_t began, stored;
    pid_t runner;
    int fd;

    stage_open(&stage);
    stage.hooks[0] = stage.hooks[1];
    stage.config.n_hooks = 1;
    stage_start(&stage, &fd);
    began = time_boot_ms();
    stage_finish(&stage, n);
    stage_settle(&stage);
    stored = time_boot_ms();
    printf("stored: %.0f results a second\n", 1000.0 * (double)n / (double)(stored - began + 1));
    runner = fork();
    if (runner == 0)
        run_runner(fd);
    close(fd);
    began = time_boot_ms();
    while (stage_count(&stage, DELIVERY_SUCCEEDED) < (int64_t)n)
        stage_turn(&stage);
    printf("delivered: %.0f a second\n", 1000.0 * (double)n / (double)(time_boot_ms() - began + 1));
    stage_close(&stage);
    kill(runner, SIGKILL); /* it has our end of the link as well */
    waitpid(runner, NULL, 0);
    return 0;
}
