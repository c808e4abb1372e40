/* What the files of a stream share: its insides. */
#pragma once

#include "common/log.h"
#include "runner/capture.h"
#include "runner/stream.h"
#include "runner/stream_lines.h"

struct stream {
    struct processes *processes;
    const struct hook_config *hook; /* NULL: drains */
    char *name;
    int64_t timeout_ms, kill_after_ms;
    struct teller teller;
    stream_over_fn over;
    void *userdata;

    struct window window;
    struct process *process; /* NULL: idle or waiting */
    int in_fd, out_fd;       /* -1: closed */
    sd_event_source *in_source, *out_source, *timer;
    struct capture errors;
    struct stream_lines *lines;
    bool answered; /* since the process was started */
    bool lost;     /* nobody waits for outcomes */
    bool drains;
    bool ended_by_us; /* it drained for too long */

    unsigned failures; /* of the process, in a row */
    /* Of CLOCK_BOOTTIME; 0: none. When to start a process again, when it is to end by itself after
     * it closed a pipe, when a stream that drains must be over. */
    int64_t restart_at, part_at, drain_at;

    unsigned long long ignored; /* lines that are no answer */
    struct log_rate ignored_rate;
};

/* stream.c */

/* Does what can be done now: everything that changes the stream ends here. */
void stream_advance(struct stream *stream);
/* Reads some answers. Returns false at the end, or when there is nothing now. */
bool stream_read_some(struct stream *stream);
void stream_tell(struct stream *stream, const struct document *document,
                 const struct attempt_end *end, const char *error, const char *output, size_t size);
int stream_on_input(sd_event_source *source, int fd, uint32_t events, void *userdata);
int stream_on_output(sd_event_source *source, int fd, uint32_t events, void *userdata);

/* stream_start.c: the process and its pipes. A hook that cannot be started gives its documents
 * back. */
void stream_start_process(struct stream *stream);
/* No more documents for it. The pipe stays open until the end: it tells what was not read. */
void stream_hold_input(struct stream *stream);
void stream_close_input(struct stream *stream);
void stream_close_output(struct stream *stream);

/* stream_end.c: a process_ended_fn; what becomes of the documents. */
void stream_on_ended(struct process *process, const struct process_end *end, void *userdata);
