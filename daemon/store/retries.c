/* Deliveries that are run again by hand: one, or those dead ones that a filter allows. These are
 * found in the order hook, event, time of death, each by one index, so that a slice looks at nothing
 * that it does not change. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <errno.h>

#define RETRY_SLICE 2000 /* run again in one transaction: callbacks wait meanwhile */

/* Again from the beginning: attempts and age count anew, the attempts that were made stay. */
static int run_again(struct writer *writer, struct delivery_row *row, int64_t now)
{
    bool wait = false;
    int r = delivery_must_wait(writer, row->request, row->hook, &wait);

    row->attempts = 0;
    row->interruptions = 0;
    row->renewed_at = now;
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
    if (row.state != DELIVERY_DEAD && !(row.state == DELIVERY_SUCCEEDED && retry->again))
        return (int)STORE_E_STATE;
    retry->n = 1;
    return run_again(writer, &row, retry->now);
}

/* One that the slice has found. */
static int retry_found(struct writer *writer, struct store_retry *retry)
{
    struct store_retry_slice *slice = &retry->next;
    struct delivery_row row;
    int r = delivery_get(writer, slice->delivery, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = run_again(writer, &row, retry->now);
    slice->n++;
    slice->more = slice->n - retry->sofar.n >= RETRY_SLICE;
    return r;
}

/* Not those that die while the slices go on, or a hook that fails at once would keep us busy. */
static int64_t before(const struct store_retry *retry)
{
    const struct retry_filter *filter = &retry->filter;

    return filter->until != 0 && filter->until <= retry->now ? filter->until : retry->now + 1;
}

/* 1 with the next one of the slice's hook and event, 0, or a negative errno. */
static int next_dead(struct writer *writer, struct store_retry *retry)
{
    struct store_retry_slice *slice = &retry->next;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DEAD_DELIVERY);
    int r;

    query_bind_int(&query, slice->hook);
    query_bind_int(&query, slice->event);
    query_bind_int(&query, slice->died_at);
    query_bind_int(&query, slice->delivery);
    query_bind_int(&query, before(retry));
    r = query_step(&query);
    if (r > 0) {
        slice->delivery = query_int(&query, 0);
        slice->died_at = query_int(&query, 1);
    }
    return r;
}

/* Those of the slice's hook, until it is full. */
static int retry_hook(struct writer *writer, struct store_retry *retry)
{
    const struct retry_filter *filter = &retry->filter;
    struct store_retry_slice *slice = &retry->next;

    for (; slice->event < HOOK_EVENT_MAX_; slice->event++) {
        int r = 0;

        if (filter->has_event && slice->event != (int)filter->event)
            continue;
        if (slice->died_at < filter->since)
            slice->died_at = filter->since;
        while (!slice->more && (r = next_dead(writer, retry)) > 0) {
            r = retry_found(writer, retry);
            if (r < 0)
                return r;
        }
        if (r < 0 || slice->more)
            return r;
        slice->died_at = 0;
        slice->delivery = 0;
    }
    return 0;
}

static int retry_all(struct writer *writer, struct store_retry *retry)
{
    struct store_retry_slice *slice = &retry->next;
    int r = 0;

    if (slice->hook == 0)
        r = hook_after(writer, 0, &slice->hook);
    else
        r = 1;
    while (r > 0) {
        r = retry_hook(writer, retry);
        if (r < 0 || slice->more)
            return r;
        slice->event = 0;
        r = hook_after(writer, slice->hook, &slice->hook);
    }
    return r;
}

/* 1 with the next one of the request, 0, or a negative errno. */
static int next_of_request(struct writer *writer, struct store_retry *retry, int64_t *ret_died_at)
{
    struct store_retry_slice *slice = &retry->next;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DELIVERY_AFTER);
    int r;

    query_bind_int(&query, retry->filter.request);
    query_bind_int(&query, slice->delivery);
    r = query_step(&query);
    if (r > 0) {
        slice->delivery = query_int(&query, 0);
        *ret_died_at = query_int(&query, 1);
    }
    return r;
}

static bool is_wanted(const struct store_retry *retry, const struct delivery_row *row,
                      store_key hook, int64_t died_at)
{
    const struct retry_filter *filter = &retry->filter;

    return row->state == DELIVERY_DEAD && (hook == 0 || row->hook == hook) &&
           (!filter->has_event || row->event == filter->event) && died_at >= filter->since &&
           died_at < before(retry);
}

/* Of one request there are few: all in one slice. */
static int retry_request(struct writer *writer, struct store_retry *retry, store_key hook)
{
    int64_t died_at = 0;
    int r;

    while ((r = next_of_request(writer, retry, &died_at)) > 0) {
        struct delivery_row row;

        r = delivery_get(writer, retry->next.delivery, &row);
        if (r > 0 && is_wanted(retry, &row, hook, died_at)) {
            r = run_again(writer, &row, retry->now);
            retry->next.n++;
        }
        if (r < 0)
            return r;
    }
    return r;
}

/* 0, a positive enum store_result, or a negative errno. */
static int retry_many(struct writer *writer, struct store_retry *retry)
{
    const struct retry_filter *filter = &retry->filter;
    store_key hook = 0;
    int r = filter->hook ? hook_get(writer, filter->hook, &hook) : 1;

    if (r < 0)
        return r;
    if (r == 0) /* a configured one that never had a delivery is no error */
        return hook_is_configured(writer, filter->hook) ? 0 : (int)STORE_E_NOT_FOUND;
    if (filter->request != 0)
        return retry_request(writer, retry, hook);
    if (hook == 0)
        return retry_all(writer, retry);
    retry->next.hook = hook;
    return retry_hook(writer, retry);
}

int apply_retry(struct writer *writer, struct store_command *command)
{
    struct store_retry *retry = (struct store_retry *)command;
    int r;

    retry->n = 0;
    if (retry->delivery != 0)
        return retry_one(writer, retry);
    retry->next = retry->sofar;
    retry->next.more = false;
    r = retry_many(writer, retry);
    retry->n = retry->next.n;
    return r;
}

bool retry_goes_on(struct store_command *command)
{
    struct store_retry *retry = (struct store_retry *)command;

    if (!retry->next.more)
        return false;
    retry->sofar = retry->next;
    return true;
}
