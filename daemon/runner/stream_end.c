/* When the process ends, the oldest document is to blame: it was first in a process that takes them in
 * order; the others are interrupted, which uses up no attempt of theirs. */
#include "runner/stream_internal.h"

#include "common/crypto.h"
#include "common/timestamp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define RESTART_FIRST_MS   100
#define RESTART_LONGEST_MS (30 * 1000)

/* Of the oldest one. There was no exit status of its own; 0 or 65 would be taken for an answer. */
static void blame(struct stream *stream, struct document *document, const struct process_end *end)
{
    const struct attempt_end attempt = {
        .exit_code = -1, .signal = end->signal, .timed_out = document->late};
    char output[LIMIT_HOOK_OUTPUT], error[256];
    size_t size = output_copy(&stream->errors.output, output);
    size_t its = stream->errors.output.total - document->errors_before;

    process_end_describe(end, error, sizeof(error));
    if (size > its) { /* what was printed before concerns others */
        memmove(output, output + size - its, its);
        size = its;
    }
    stream_tell(stream, document, &attempt, document->late ? NULL : error, output, size);
    free(document);
}

/* The end of what was written and not answered. */
static void end_sent(struct stream *stream, const struct process_end *end)
{
    const struct attempt_end interrupted = {
        .exit_code = end->exit_code, .signal = end->signal, .interrupted = true};
    struct document *document = TAILQ_FIRST(&stream->window.sent);

    /* One that ends again and again before it can be given anything uses up attempts as well. */
    if (!document && !stream->answered && !stream->drains)
        document = TAILQ_FIRST(&stream->window.queued);
    if (document && document == TAILQ_FIRST(&stream->window.queued))
        blame(stream, window_take_queued(&stream->window), end);
    else if (document && (!stream->ended_by_us || document->late))
        blame(stream, window_take_sent(&stream->window), end);
    while ((document = window_take_sent(&stream->window))) {
        stream_tell(stream, document, &interrupted, NULL, NULL, 0);
        free(document);
    }
}

/* What is still in the pipe was not given to it after all. */
static void take_back_unread(struct stream *stream)
{
    int unread;

    if (stream->in_fd >= 0 && ioctl(stream->in_fd, FIONREAD, &unread) == 0 && unread > 0)
        window_unread(&stream->window, (size_t)unread);
}

static void set_backoff(struct stream *stream)
{
    stream->restart_at =
        time_boot_ms() + backoff_equal_jitter(RESTART_FIRST_MS, RESTART_LONGEST_MS,
                                              ++stream->failures, random_uniform(UINT32_MAX));
}

void stream_on_ended(struct process *process, const struct process_end *end, void *userdata)
{
    struct stream *stream = userdata;

    while (stream->out_fd >= 0 && stream_read_some(stream))
        ;
    capture_drain(&stream->errors);
    if (!stream->drains)
        take_back_unread(stream);
    end_sent(stream, end);
    stream_close_input(stream);
    stream_close_output(stream);
    capture_stop(&stream->errors);
    stream->errors.output.total = 0;
    process_free(process);
    stream->process = NULL;
    stream->part_at = 0;
    if (stream->drains) {
        stream->over(stream, stream->userdata);
        return;
    }
    set_backoff(stream);
    stream_advance(stream);
}
