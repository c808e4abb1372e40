#include "runner/stream_internal.h"

#include "common/cleanup.h"
#include "runner/pipes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

void stream_hold_input(struct stream *stream)
{
    stream->in_source = sd_event_source_disable_unref(stream->in_source);
}

void stream_close_input(struct stream *stream)
{
    stream_hold_input(stream);
    if (stream->in_fd >= 0)
        close(TAKE_FD(stream->in_fd));
}

void stream_close_output(struct stream *stream)
{
    stream->out_source = sd_event_source_disable_unref(stream->out_source);
    if (stream->out_fd >= 0)
        close(TAKE_FD(stream->out_fd));
}

static int watch(struct stream *stream, int errors)
{
    sd_event *loop = processes_loop(stream->processes);
    int r = capture_start(&stream->errors, loop, errors);

    if (r >= 0)
        r = sd_event_add_io(loop, &stream->out_source, stream->out_fd, EPOLLIN, stream_on_output,
                            stream);
    if (r >= 0)
        r = sd_event_add_io(loop, &stream->in_source, stream->in_fd, EPOLLOUT, stream_on_input,
                            stream);
    return r < 0 ? r : 0;
}

/* What a stream hook's process has in its environment instead of a job's. */
static int make_environment(const char *hook, struct json_object **ret)
{
    cleanup_json struct json_object *env = json_object_new_array();
    char text[128];
    int r;

    snprintf(text, sizeof(text), "PRONTO_HOOK=%s", hook);
    r = env ? json_append(env, json_object_new_string(text)) : -ENOMEM;
    if (r == 0)
        *ret = TAKE_PTR(env);
    return r;
}

/* Returns as process_start(), and the same for what goes before. */
static int spawn(struct stream *stream, char ret_error[static PROGRAM_ERROR_SIZE])
{
    cleanup_json struct json_object *env = NULL;
    cleanup_close int in = -1, out = -1, err = -1, errors = -1;
    struct process_order order = {.hook = stream->hook};
    int r = make_environment(stream->name, &env);

    if (r == 0)
        r = pipe_to_program(&stream->in_fd, &in);
    if (r == 0)
        r = pipe_from_program(&stream->out_fd, &out);
    if (r == 0)
        r = pipe_from_program(&errors, &err);
    if (r < 0)
        return r;
    order.env = env;
    order.in = in;
    order.out = out;
    order.err = err;
    r = process_start(stream->processes, &order, stream_on_ended, stream, &stream->process,
                      ret_error);
    return r == PROCESS_OK ? watch(stream, TAKE_FD(errors)) : r;
}

static void refuse_queued(struct stream *stream, bool interrupted, const char *error)
{
    struct document *document;

    while ((document = window_take_queued(&stream->window))) {
        if (!stream->lost)
            teller_refuse(&stream->teller, document->id, interrupted, error);
        free(document);
    }
}

void stream_start_process(struct stream *stream)
{
    char error[PROGRAM_ERROR_SIZE];
    int r;

    stream->restart_at = 0;
    stream->answered = false;
    *stream->lines = (struct stream_lines){0};
    r = spawn(stream, error);
    if (r == PROCESS_OK)
        return;
    if (r < 0)
        log_error("cannot run a stream hook: %s", strerror(-r));
    stream_close_input(stream);
    stream_close_output(stream);
    capture_stop(&stream->errors);
    process_free(TAKE_PTR(stream->process));
    refuse_queued(stream, r < 0, r < 0 ? strerror(-r) : error);
}
