/* The documents of a stream hook: those that wait to be written, and those that were written, at
 * least in part, and are not answered. No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

/* Documents of one write. */
#define WINDOW_BATCH 64

struct document {
    TAILQ_ENTRY(document) link;
    int64_t id; /* of the job */
    char delivery_id[65];
    bool late;                           /* its time is over */
    bool cancelled;                      /* not to be written again */
    int64_t written_at, written_boot_ms; /* when its first byte was; 0: not yet */
    size_t errors_before;                /* bytes on standard error by then */
    size_t size, sent;
    char text[]; /* with its newline */
};
TAILQ_HEAD(documents, document);

struct window {
    struct documents queued, sent; /* the oldest first */
    int64_t n_sent, most;          /* of sent */
    size_t bytes;
};

/* A copy, or NULL when out of memory. */
struct document *document_new(int64_t id, const char *delivery_id, const char *text, size_t size);

/* Takes the first one off @list; NULL when it is empty. */
struct document *documents_take(struct documents *list);

void window_init(struct window *window, int64_t most);

/* Adds one that waits. */
void window_add(struct window *window, struct document *document);

/* Whether something may be written. */
bool window_has_more(const struct window *window);

/* What is to be written next. Returns how many of @iov it filled. */
int window_gather(const struct window *window, struct iovec iov[static WINDOW_BATCH]);

/* @size bytes of that were written. @errors: bytes on standard error so far. */
void window_written(struct window *window, size_t size, size_t errors);

/* The last @size bytes that were written were not read: ones that were not read at all wait again,
 * in their order; late and cancelled ones stay. */
void window_unread(struct window *window, size_t size);

/* Takes the one of that job off when it waits: it is the caller's then. One that was written stays
 * until its answer, but is not written again. Otherwise NULL. */
struct document *window_cancel(struct window *window, int64_t id);

/* The unanswered one with that id that was written whole, or NULL. */
struct document *window_find(const struct window *window, const char *delivery_id);

/* Removes one of the sent ones, and frees it. */
void window_answered(struct window *window, struct document *document);

/* Takes the oldest one of the sent ones, or of those that wait, off; NULL when there is none. It is
 * the caller's then. */
struct document *window_take_sent(struct window *window);
struct document *window_take_queued(struct window *window);

/* Frees all. */
void window_clear(struct window *window);
