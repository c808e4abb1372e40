/* A hook with mode = stream: one process, and its window of unanswered documents.
 *
 *            job                     ended, nothing waits
 *   idle ----------> running -----------------------------> idle
 *                     |   ^
 *       ended, some   v   | backoff is over
 *       documents    waiting
 *       wait
 *
 * One that drains gets no more documents, and is over when its process ends. */
#pragma once

#include "runner/process.h"
#include "runner/teller.h"
#include "runner/window.h"

/* Bytes of documents that one stream may hold. */
#define LIMIT_STREAM_BYTES ((size_t)256 * 1024 * 1024)

struct stream;

/* A stream that drains is over; it may be freed in here. */
typedef void (*stream_over_fn)(struct stream *stream, void *userdata);

/* @hook is borrowed until stream_keep() or stream_drain(). Starts nothing yet. Returns 0 or a
 * negative errno. */
int stream_new(struct processes *processes, const struct hook_config *hook,
               const struct teller *teller, stream_over_fn over, void *userdata,
               struct stream **ret);

const char *stream_name(const struct stream *stream);

/* Consumes the document. */
void stream_give(struct stream *stream, struct document *document);

/* The document of that job is not written, if it is one of its own. What was written already is with
 * the program, which goes on for the sake of others; its answer is told. */
void stream_cancel(struct stream *stream, int64_t id);

/* The settings of its process; NULL when it drains. */
const struct hook_config *stream_hook(const struct stream *stream);

/* Goes on with @hook, which has the same settings. */
void stream_keep(struct stream *stream, const struct hook_config *hook);

/* No more documents; those that were not yet written are moved to @ret_unwritten. Its process gets
 * the time of its time-out to answer the others and to end. Returns true when it is over now. */
bool stream_drain(struct stream *stream, struct documents *ret_unwritten);

/* As above, but what it answers is told to nobody, and its process is killed. */
bool stream_drop(struct stream *stream);

/* Kills what still runs; tells nothing. */
void stream_free(struct stream *stream);
