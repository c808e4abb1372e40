#include "runner/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void waiting_init(struct waiting *waiting)
{
    STAILQ_INIT(&waiting->jobs);
    waiting->bytes = 0;
}

int waiting_add(struct waiting *waiting, struct json_object *head, const char *document,
                size_t size)
{
    struct waiting_job *job;

    if (size > LIMIT_WAITING_BYTES - waiting->bytes)
        return -EMSGSIZE;
    job = malloc(sizeof(*job) + size);
    if (!job)
        return -ENOMEM;
    job->head = json_object_get(head);
    job->size = size;
    if (size > 0)
        memcpy(job->document, document, size);
    STAILQ_INSERT_TAIL(&waiting->jobs, job, link);
    waiting->bytes += size;
    return 0;
}

struct waiting_job *waiting_take(struct waiting *waiting)
{
    struct waiting_job *job = STAILQ_FIRST(&waiting->jobs);

    if (!job)
        return NULL;
    STAILQ_REMOVE_HEAD(&waiting->jobs, link);
    waiting->bytes -= job->size;
    return job;
}

struct waiting_job *waiting_take_id(struct waiting *waiting, int64_t id)
{
    struct waiting_job *job;

    STAILQ_FOREACH(job, &waiting->jobs, link)
    {
        int64_t its;

        if (!json_get_int64(job->head, "id", &its) || its != id)
            continue;
        STAILQ_REMOVE(&waiting->jobs, job, waiting_job, link);
        waiting->bytes -= job->size;
        return job;
    }
    return NULL;
}

void waiting_job_free(struct waiting_job *job)
{
    if (!job)
        return;
    json_object_put(job->head);
    free(job);
}

void waiting_clear(struct waiting *waiting)
{
    struct waiting_job *job;

    while ((job = waiting_take(waiting)))
        waiting_job_free(job);
}
