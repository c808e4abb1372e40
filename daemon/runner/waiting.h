/* Jobs that came while as many hooks ran as may: first come, first served. */
#pragma once

#include "common/json.h"

#include <sys/queue.h>

/* Bytes of documents that wait. */
#define LIMIT_WAITING_BYTES ((size_t)256 * 1024 * 1024)

struct waiting_job {
    STAILQ_ENTRY(waiting_job) link;
    struct json_object *head;
    size_t size;
    char document[];
};

struct waiting {
    STAILQ_HEAD(, waiting_job) jobs;
    size_t bytes;
};

void waiting_init(struct waiting *waiting);

/* Copies the job. Returns 0, -ENOMEM, or -EMSGSIZE over the limit. */
int waiting_add(struct waiting *waiting, struct json_object *head, const char *document,
                size_t size);

/* The oldest, for waiting_job_free(), or NULL. */
struct waiting_job *waiting_take(struct waiting *waiting);
/* The one with that id. */
struct waiting_job *waiting_take_id(struct waiting *waiting, int64_t id);
void waiting_job_free(struct waiting_job *job);

void waiting_clear(struct waiting *waiting);
