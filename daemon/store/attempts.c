/* How an attempt of a hook ended, and deliveries that are run again by hand. What an end means was
 * decided by model/schedule.h. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <errno.h>
#include <string.h>

#define RETRY_SLICE 2000 /* run again in one transaction: callbacks wait meanwhile */

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

/* Again from the beginning: attempts count anew, those that were made stay. */
static int run_again(struct writer *writer, struct delivery_row *row, int64_t now)
{
    bool wait = false;
    int r = delivery_must_wait(writer, row->request, row->hook, &wait);

    row->attempts = 0;
    row->interruptions = 0;
    if (r == 0)
        r = delivery_become(writer, row, DELIVERY_QUEUED, wait ? 0 : now, now);
    return r;
}

static int retry_one(struct writer *writer, struct store_retry *retry)
{
    struct delivery_row row;
    int r = delivery_get(writer, retry->delivery, &row);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    if (row.state == DELIVERY_RETRYING) { /* now instead of later */
        retry->n = 1;
        return delivery_hurry(writer, &row, retry->now);
    }
    if (!delivery_may_become(row.state, DELIVERY_QUEUED) || row.state == DELIVERY_RUNNING)
        return (int)STORE_E_STATE;
    retry->n = 1;
    return run_again(writer, &row, retry->now);
}

/* 1 with the first dead one of @hook after *@key, 0, or a negative errno. */
static int next_dead(struct writer *writer, store_key hook, store_key *key)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DEAD_DELIVERIES);

    query_bind_int(&query, hook);
    query_bind_int(&query, *key);
    return query_get_int(&query, key);
}

/* Those of @hook that are dead, until the slice is full. */
static int retry_hook(struct writer *writer, store_key hook, struct store_retry *retry)
{
    struct store_retry_slice *slice = &retry->next;
    struct delivery_row row;
    int r;

    while ((r = next_dead(writer, hook, &slice->delivery)) > 0) {
        r = delivery_get(writer, slice->delivery, &row);
        if (r > 0)
            r = run_again(writer, &row, retry->now);
        if (r < 0)
            return r;
        slice->n++;
        if (slice->n - retry->sofar.n >= RETRY_SLICE) {
            slice->more = true;
            return 0;
        }
    }
    return r;
}

static int retry_all(struct writer *writer, struct store_retry *retry)
{
    struct store_retry_slice *slice = &retry->next;
    store_key hook;
    int r;

    while ((r = hook_after(writer, slice->hook, &hook)) > 0) {
        r = retry_hook(writer, hook, retry);
        if (r < 0 || slice->more)
            break;
        slice->hook = hook;
        slice->delivery = 0;
    }
    return r;
}

/* One that is configured, or was, as long as it had a delivery. 1 with *ret (0: none yet), 0, or a
 * negative errno. */
static int find_hook(struct writer *writer, const char *name, store_key *ret)
{
    int r = hook_get(writer, name, ret);

    if (r != 0)
        return r;
    *ret = 0;
    for (size_t i = 0; i < writer->settings.n_hooks; i++)
        if (strcmp(writer->settings.hooks[i].name, name) == 0)
            return 1;
    return 0;
}

int apply_retry(struct writer *writer, struct store_command *command)
{
    struct store_retry *retry = (struct store_retry *)command;
    store_key hook;
    int r;

    retry->n = 0;
    if (retry->delivery != 0)
        return retry_one(writer, retry);
    retry->next = retry->sofar;
    retry->next.more = false;
    if (retry->hook == NULL) {
        r = retry_all(writer, retry);
    } else {
        r = find_hook(writer, retry->hook, &hook);
        if (r == 0)
            return (int)STORE_E_NOT_FOUND;
        if (r > 0)
            r = retry_hook(writer, hook, retry);
    }
    retry->n = retry->next.n;
    return r < 0 ? r : 0;
}

bool retry_goes_on(struct store_command *command)
{
    struct store_retry *retry = (struct store_retry *)command;

    if (command->kind != STORE_RETRY || command->result != STORE_OK || !retry->next.more)
        return false;
    retry->sofar = retry->next;
    return true;
}
