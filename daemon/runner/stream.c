/* Documents are written as many at a time as the pipe takes, from the loop, when it says that there
 * is room; answers are read as many at a time as there are. So at high rates a system call moves
 * dozens of documents.
 *
 * Only the oldest unanswered document can be late, since all have the same time-out. */
#include "runner/stream_internal.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TIMER_ACCURACY_US 1000
#define READ_SIZE         65536
#define READS_MAX         16 /* in one turn of the loop */

void stream_tell(struct stream *stream, const struct document *document,
                 const struct attempt_end *end, const char *error, const char *output, size_t size)
{
    bool written = document->written_boot_ms > 0;
    const struct hook_outcome outcome = {
        .id = document->id,
        .started_at = written ? document->written_at : time_now(),
        .duration_ms = written ? time_boot_ms() - document->written_boot_ms : 0,
        .cpu_ms = -1,
        .memory_bytes = -1,
        .end = *end,
        .error = error,
    };

    if (!stream->lost)
        stream->teller.tell(&outcome, output, size, stream->teller.userdata);
}

const char *stream_name(const struct stream *stream)
{
    return stream->name;
}

/* The earlier of two times, of which 0 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void arm(struct stream *stream)
{
    const struct document *oldest = TAILQ_FIRST(&stream->window.sent);
    bool restarts = !stream->process && TAILQ_FIRST(&stream->window.queued);
    int64_t at = earlier(stream->part_at, stream->drain_at);

    if (restarts)
        at = earlier(at, stream->restart_at);
    if (oldest && !oldest->late)
        at = earlier(at, oldest->written_boot_ms + stream->timeout_ms);
    if (at == 0) {
        sd_event_source_set_enabled(stream->timer, SD_EVENT_OFF);
        return;
    }
    sd_event_source_set_time(stream->timer, (uint64_t)at * 1000);
    sd_event_source_set_enabled(stream->timer, SD_EVENT_ONESHOT);
}

/* It closed a pipe: no document, or no answer, goes through any more. Mostly it is ending. */
static void part(struct stream *stream)
{
    stream_hold_input(stream);
    if (stream->part_at == 0)
        stream->part_at = time_boot_ms() + stream->kill_after_ms;
}

/* Answers */

static void take_answer(struct stream *stream, struct document *document,
                        const struct stream_answer *answer)
{
    const struct attempt_end end = {.exit_code = answer->ok          ? 0
                                                 : answer->permanent ? EXIT_PERMANENT
                                                                     : EXIT_FAILURE};
    const char *error = answer->error[0] ? answer->error : "the hook gave no reason";

    stream->answered = true;
    stream->failures = 0;
    stream_tell(stream, document, &end, answer->ok ? NULL : error, NULL, 0);
    window_answered(&stream->window, document);
}

static void on_line(const char *line, size_t size, void *userdata)
{
    struct stream *stream = userdata;
    struct stream_answer answer;
    struct document *document = NULL;

    if (line && stream_answer_read(line, size, &answer) == 0)
        document = window_find(&stream->window, answer.delivery_id);
    if (document) {
        if (!document->late)
            take_answer(stream, document, &answer);
        return;
    }
    stream->ignored++;
    log_limited(&stream->ignored_rate, LOG_WARNING,
                "stream hook %s has printed %llu lines that are no answer to a document that it "
                "was given",
                stream->name, stream->ignored);
}

/* Returns false at the end, or when there is nothing now. */
bool stream_read_some(struct stream *stream)
{
    char data[READ_SIZE];
    ssize_t n = read(stream->out_fd, data, sizeof(data));

    if (n > 0)
        stream_lines_add(stream->lines, data, (size_t)n, on_line, stream);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        stream_lines_end(stream->lines, on_line, stream);
        stream_close_output(stream);
        part(stream);
    }
    return n > 0;
}

int stream_on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct stream *stream = userdata;

    (void)source;
    (void)fd;
    (void)events;
    for (int i = 0; i < READS_MAX && stream_read_some(stream); i++)
        ;
    stream_advance(stream);
    return 0;
}

/* Documents */

int stream_on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct stream *stream = userdata;
    struct iovec iov[WINDOW_BATCH];
    int count = window_gather(&stream->window, iov);
    ssize_t n = count > 0 ? writev(fd, iov, count) : 0;

    (void)source;
    if (n > 0)
        window_written(&stream->window, (size_t)n, stream->errors.output.total);
    else if ((n < 0 && errno != EAGAIN && errno != EINTR) ||
             (n == 0 && (events & (EPOLLERR | EPOLLHUP))))
        part(stream);
    stream_advance(stream);
    return 0;
}

/* The process */

/* What can be done now: everything that changes the stream ends here. */
void stream_advance(struct stream *stream)
{
    bool more = window_has_more(&stream->window);

    if (!stream->process && more && time_boot_ms() >= stream->restart_at)
        stream_start_process(stream);
    if (stream->in_source)
        sd_event_source_set_io_events(stream->in_source, more ? EPOLLOUT : 0); /* errors always */
    if (stream->drains && !TAILQ_FIRST(&stream->window.sent))
        stream_close_input(stream);
    arm(stream);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct stream *stream = userdata;
    struct document *oldest = TAILQ_FIRST(&stream->window.sent);
    int64_t now = time_boot_ms();
    bool late = oldest && !oldest->late && now >= oldest->written_boot_ms + stream->timeout_ms;

    (void)source;
    (void)usec;
    if (late)
        oldest->late = true;
    if (late || (stream->part_at && now >= stream->part_at) ||
        (stream->drain_at && now >= stream->drain_at)) {
        stream->part_at = 0;
        stream->ended_by_us |= stream->drain_at && now >= stream->drain_at;
        stream->drain_at = 0;
        stream_hold_input(stream);
        if (stream->process)
            process_terminate(stream->process);
    }
    stream_advance(stream);
    return 0;
}

void stream_give(struct stream *stream, struct document *document)
{
    if (document->size > LIMIT_STREAM_BYTES - stream->window.bytes) {
        teller_refuse(&stream->teller, document->id, true, "too many bytes of documents wait");
        free(document);
        return;
    }
    window_add(&stream->window, document);
    stream_advance(stream);
}

void stream_cancel(struct stream *stream, int64_t id)
{
    struct document *document = window_cancel(&stream->window, id);

    if (!document)
        return;
    teller_refuse(&stream->teller, id, true, TELLER_ERASED);
    free(document);
    stream_advance(stream);
}

const struct hook_config *stream_hook(const struct stream *stream)
{
    return stream->hook;
}

void stream_keep(struct stream *stream, const struct hook_config *hook)
{
    stream->hook = hook;
    stream->restart_at = 0; /* a reload is how an operator says that it is mended */
    stream->failures = 0;
    stream_advance(stream);
}

bool stream_drain(struct stream *stream, struct documents *ret_unwritten)
{
    struct document *document;

    if (!stream->drains)
        stream->drain_at = time_boot_ms() + stream->timeout_ms;
    stream->drains = true;
    stream->hook = NULL;
    stream->restart_at = 0;
    while ((document = window_take_queued(&stream->window)))
        TAILQ_INSERT_TAIL(ret_unwritten, document, link);
    stream_advance(stream);
    return !stream->process;
}

bool stream_drop(struct stream *stream)
{
    struct documents unwritten = TAILQ_HEAD_INITIALIZER(unwritten);
    struct document *document;
    bool over;

    stream->lost = true;
    over = stream_drain(stream, &unwritten);
    while ((document = documents_take(&unwritten)))
        free(document);
    if (!over)
        process_kill(stream->process);
    return over;
}

int stream_new(struct processes *processes, const struct hook_config *hook,
               const struct teller *teller, stream_over_fn over, void *userdata,
               struct stream **ret)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    int r;

    if (!stream)
        return -ENOMEM;
    *stream = (struct stream){
        .processes = processes,
        .hook = hook,
        .name = strdup(hook->name),
        .timeout_ms = hook->timeout_ms,
        .kill_after_ms = hook->kill_after_ms,
        .teller = *teller,
        .over = over,
        .userdata = userdata,
        .in_fd = -1,
        .out_fd = -1,
        .lines = calloc(1, sizeof(*stream->lines)),
    };
    window_init(&stream->window, hook->window);
    r = stream->name && stream->lines
            ? sd_event_add_time(processes_loop(processes), &stream->timer, CLOCK_BOOTTIME, 0,
                                TIMER_ACCURACY_US, on_timer, stream)
            : -ENOMEM;
    if (r >= 0)
        r = sd_event_source_set_enabled(stream->timer, SD_EVENT_OFF);
    if (r < 0) {
        stream_free(stream);
        return r;
    }
    *ret = stream;
    return 0;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    process_free(stream->process);
    stream_close_input(stream);
    stream_close_output(stream);
    capture_stop(&stream->errors);
    sd_event_source_disable_unref(stream->timer);
    window_clear(&stream->window);
    free(stream->lines);
    free(stream->name);
    free(stream);
}
