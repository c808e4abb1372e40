/* How an attempt of a hook ended. What an end means was decided by model/schedule.h. */
#include "store/writer.h"

#include <errno.h>
#include <string.h>

static int note_success(struct writer *writer, store_key hook, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_HOOK_SUCCESS);

    query_bind_int(&query, hook);
    query_bind_int(&query, now);
    return query_run(&query);
}

static int note_failure(struct writer *writer, store_key hook, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_HOOK_FAILURE);

    query_bind_int(&query, hook);
    query_bind_int(&query, now);
    return query_run(&query);
}

/* Other hooks may want to know of a dead delivery; but a death of such news is none itself, or two
 * hooks could go on for ever. */
static int tell_death(struct writer *writer, const struct delivery_row *row, int64_t now)
{
    struct delivery_cause cause = {.event = EVENT_DEAD, .dead = row, .now = now};
    struct request_row request;
    int r;

    if (row->event == EVENT_DEAD)
        return 0;
    if (row->request != 0) {
        r = request_get(writer, row->request, &request);
        if (r < 0)
            return r;
        if (r > 0)
            cause.request = &request;
    } else {
        cause.callback = row->callback; /* both are erased with it */
    }
    return deliveries_create(writer, &cause);
}

/* 0 is no time here. */
static int64_t when(int64_t at, int64_t now)
{
    return at > 0 ? at : now;
}

static int finish_succeeded(struct writer *writer, const struct store_finish_attempt *finish,
                            struct delivery_row *row)
{
    int r = note_success(writer, row->hook, finish->now);

    row->attempts++;
    row->interruptions = 0;
    if (r == 0)
        r = delivery_become(writer, row, DELIVERY_SUCCEEDED, 0, finish->now);
    return r < 0 ? r : delivery_release(writer, row, finish->now);
}

static int finish_dead(struct writer *writer, const struct store_finish_attempt *finish,
                       struct delivery_row *row)
{
    int r = note_failure(writer, row->hook, finish->now);

    row->attempts++;
    row->interruptions = 0;
    if (r == 0)
        r = delivery_become(writer, row, DELIVERY_DEAD, 0, finish->now);
    if (r == 0)
        r = delivery_release(writer, row, finish->now);
    return r < 0 ? r : tell_death(writer, row, finish->now);
}

static int finish_retry(struct writer *writer, const struct store_finish_attempt *finish,
                        struct delivery_row *row)
{
    int r = note_failure(writer, row->hook, finish->now);

    row->attempts++;
    row->interruptions = 0;
    return r < 0 ? r
                 : delivery_become(writer, row, DELIVERY_RETRYING,
                                   when(finish->next_at, finish->now), finish->now);
}

static int apply_outcome(struct writer *writer, const struct store_finish_attempt *finish,
                         struct delivery_row *row)
{
    switch (finish->outcome) {
    case ATTEMPT_SUCCEEDED:
        return finish_succeeded(writer, finish, row);
    case ATTEMPT_DEAD:
        return finish_dead(writer, finish, row);
    case ATTEMPT_RETRY:
        return finish_retry(writer, finish, row);
    case ATTEMPT_AGAIN:
        row->interruptions++;
        return delivery_become(writer, row, DELIVERY_QUEUED, when(finish->next_at, finish->now),
                               finish->now);
    case ATTEMPT_HOOK_BROKEN:
        return delivery_become(writer, row, row->attempts > 0 ? DELIVERY_RETRYING : DELIVERY_QUEUED,
                               when(finish->next_at, finish->now), finish->now);
    }
    return -EINVAL;
}

int apply_finish_attempt(struct writer *writer, struct store_command *command)
{
    struct store_finish_attempt *finish = (struct store_finish_attempt *)command;
    struct delivery_row row;
    int r = delivery_get(writer, finish->delivery, &row);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    if (row.state != DELIVERY_RUNNING)
        return (int)STORE_E_STATE;
    if (finish->outcome != ATTEMPT_HOOK_BROKEN)
        r = attempt_append(writer, row.key, finish);
    if (r >= 0)
        r = apply_outcome(writer, finish, &row);
    finish->state = row.state;
    return r < 0 ? r : 0;
}
