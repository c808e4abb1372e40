/* What is done to a hook by hand: pausing, and purging one that left the configuration. */
#include "store/writer.h"

#include <errno.h>

#define PURGE_SLICE 1000 /* deleted in one transaction: callbacks wait meanwhile */

int apply_pause_hook(struct writer *writer, struct store_command *command)
{
    const struct store_pause_hook *pause = (struct store_pause_hook *)command;
    store_key hook;
    int r = hook_known(writer, pause->hook, &hook);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_HOOK_PAUSED);
    query_bind_int(&query, hook);
    query_bind_int(&query, pause->paused);
    writer->changes.deliveries = true;
    return query_run(&query);
}

/* 1 with one that is not finished, 0, or a negative errno. */
static int next_unfinished(struct writer *writer, store_key hook, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DELIVERY_TO_PURGE);

    query_bind_int(&query, hook);
    return query_get_int(&query, ret);
}

static int purge_one(struct writer *writer, store_key key, int64_t now)
{
    struct delivery_row row;
    int r = delivery_get(writer, key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    {
        cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_DELIVERY);

        query_bind_int(&query, key);
        r = query_run(&query);
    }
    if (r == 0)
        r = count_delivery(writer, row.hook, row.state, -1);
    if (r == 0)
        r = event_append(writer, now, EVENT_NAME_PURGED, row.request, key, 0);
    /* The hook may come back before all are gone: then none waits for one that was deleted. */
    return r < 0 ? r : delivery_release(writer, &row, now);
}

static int purge_slice(struct writer *writer, store_key hook, struct store_purge_hook *purge)
{
    struct store_purge_slice *slice = &purge->next;
    store_key key;
    int r;

    while ((r = next_unfinished(writer, hook, &key)) > 0) {
        r = purge_one(writer, key, purge->now);
        if (r < 0)
            return r;
        slice->n++;
        if (slice->n - purge->sofar.n >= PURGE_SLICE) {
            slice->more = true;
            return 0;
        }
    }
    return r;
}

int apply_purge_hook(struct writer *writer, struct store_command *command)
{
    struct store_purge_hook *purge = (struct store_purge_hook *)command;
    store_key hook;
    int r = hook_get(writer, purge->hook, &hook);

    if (r < 0)
        return r;
    purge->next = purge->sofar;
    purge->next.more = false;
    purge->n = purge->sofar.n;
    if (hook_is_configured(writer, purge->hook)) /* perhaps since the last slice */
        return purge->sofar.n > 0 ? (int)STORE_OK : (int)STORE_E_STATE;
    if (r == 0)
        return (int)STORE_E_NOT_FOUND;
    r = purge_slice(writer, hook, purge);
    purge->n = purge->next.n;
    return r;
}

bool purge_goes_on(struct store_command *command)
{
    struct store_purge_hook *purge = (struct store_purge_hook *)command;

    if (!purge->next.more)
        return false;
    purge->sofar = purge->next;
    return true;
}
