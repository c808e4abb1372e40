/* All runs of hooks with mode = exec, and the jobs that wait for one of them to end. */
#pragma once

#include "runner/process.h"
#include "runner/teller.h"

/* Hooks that run at the same time, each with two descriptors; further ones wait for their turn. */
#define LIMIT_RUNNING 256

struct runs;

/* @config is borrowed until runs_reload(). Returns 0 or -ENOMEM. */
int runs_new(struct processes *processes, const struct config *config, const struct teller *teller,
             struct runs **ret);

/* A job of a hook of the configuration; @head is what @job was read from. Copies what it needs. */
void runs_give(struct runs *runs, const struct hook_config *hook, const struct hook_job *job,
               struct json_object *head, const char *document, size_t size);

/* The document of that job was erased: its hook ends as at its time-out. */
void runs_cancel(struct runs *runs, int64_t id);

/* Hooks as in @config from now on; what runs goes on as it is. */
void runs_reload(struct runs *runs, const struct config *config);

/* Ends what runs, as at its time-out; what waits comes back. */
void runs_stop(struct runs *runs);

/* Nobody waits for outcomes any more: kills all. */
void runs_drop(struct runs *runs);

bool runs_are_idle(const struct runs *runs);
void runs_free(struct runs *runs);
