/* All hooks with mode = stream: a stream for each that has had a document, and those that end. */
#pragma once

#include "runner/process.h"
#include "runner/teller.h"

struct streams;

/* @config is borrowed until streams_reload(). Returns 0 or -ENOMEM. */
int streams_new(struct processes *processes, const struct config *config,
                const struct teller *teller, struct streams **ret);

/* A job of a hook of the configuration. Copies what it needs. */
void streams_give(struct streams *streams, const struct hook_config *hook,
                  const struct hook_job *job, const char *document, size_t size);

/* The document of that job was erased. */
void streams_cancel(struct streams *streams, int64_t id);

/* A process whose settings changed gets no more documents, and ends; what it was not yet given
 * goes to its successor. */
void streams_reload(struct streams *streams, const struct config *config);

/* No more documents; what is under way may be answered. */
void streams_stop(struct streams *streams);

/* Nobody waits for outcomes any more: kills all. */
void streams_drop(struct streams *streams);

bool streams_are_idle(const struct streams *streams);
void streams_free(struct streams *streams);
