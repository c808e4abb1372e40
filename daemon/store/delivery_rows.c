/* Rows of deliveries, hooks and attempts. Deliveries of one hook for one request run in their
 * order: next_at stays NULL as long as an earlier one is not finished. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ATTEMPTS_KEPT 100 /* of each delivery, the last */

int hook_get(struct writer *writer, const char *name, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_HOOK);

    query_bind_text(&query, name);
    return query_get_int(&query, ret);
}

int hook_after(struct writer *writer, store_key hook, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEXT_HOOK);

    query_bind_int(&query, hook);
    return query_get_int(&query, ret);
}

static int hook_ensure(struct writer *writer, const char *name, store_key *ret)
{
    int r = hook_get(writer, name, ret);

    if (r != 0)
        return r < 0 ? r : 0;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_HOOK);
    query_bind_text(&query, name);
    r = query_run(&query);
    if (r == 0)
        *ret = writer_last_key(writer);
    return r;
}

bool hook_is_configured(const struct writer *writer, const char *name)
{
    for (size_t i = 0; i < writer->settings.n_hooks; i++)
        if (strcmp(writer->settings.hooks[i].name, name) == 0)
            return true;
    return false;
}

int hook_known(struct writer *writer, const char *name, store_key *ret)
{
    int r = hook_get(writer, name, ret);

    if (r != 0 || !hook_is_configured(writer, name))
        return r;
    r = hook_ensure(writer, name, ret);
    return r < 0 ? r : 1;
}

int delivery_get(struct writer *writer, store_key key, struct delivery_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DELIVERY);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    *ret = (struct delivery_row){
        .key = key,
        .hook = query_int(&query, 0),
        .state = (enum delivery_state)query_int(&query, 1),
        .event = (enum hook_event)query_int(&query, 2),
        .request = query_int(&query, 3),
        .attempts = query_int(&query, 4),
        .interruptions = query_int(&query, 5),
        .created_at = query_int(&query, 6),
        .renewed_at = query_int(&query, 7),
        .callback = query_int(&query, 8),
    };
    if ((unsigned)ret->state >= DELIVERY_STATE_MAX_)
        return -EUCLEAN;
    return 1;
}

static bool wants(const struct hook_filter *filter, const struct delivery_cause *cause)
{
    if (!(filter->on & 1U << cause->event))
        return false;
    if (cause->request && !(filter->types & 1U << cause->request->type))
        return false;
    if (cause->event != EVENT_FINISHED)
        return true;
    return filter->only == HOOK_ONLY_ANY || cause->found == (filter->only == HOOK_ONLY_FOUND);
}

int delivery_must_wait(struct writer *writer, store_key request, store_key hook, bool *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_UNFINISHED_DELIVERY);
    int64_t key;
    int r = 0;

    if (request != 0) {
        query_bind_int(&query, request);
        query_bind_int(&query, hook);
        r = query_get_int(&query, &key);
    }
    if (r >= 0)
        *ret = r > 0;
    return r < 0 ? r : 0;
}

static int create(struct writer *writer, store_key hook, const struct delivery_cause *cause)
{
    store_key request = cause->request ? cause->request->key : 0, key;
    bool wait;
    int r = delivery_must_wait(writer, request, hook, &wait);

    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_DELIVERY);
    key = next_key(writer, STORE_KIND_DELIVERY);
    query_bind_int(&query, key);
    query_bind_int(&query, hook);
    query_bind_int(&query, cause->event);
    query_bind_key(&query, request);
    query_bind_key(&query, cause->callback);
    query_bind_key(&query, cause->dead ? cause->dead->key : 0);
    query_bind_int(&query, cause->now);
    query_bind_key(&query, wait ? 0 : cause->now);
    r = query_run(&query);
    if (r < 0)
        return r;
    writer->changes.deliveries = true;
    r = count_delivery(writer, hook, DELIVERY_QUEUED, 1);
    if (r < 0)
        return r;
    return event_append(writer, cause->now, EVENT_NAME_DELIVERY + DELIVERY_QUEUED, request, key,
                        cause->callback);
}

int deliveries_create(struct writer *writer, const struct delivery_cause *cause)
{
    for (size_t i = 0; i < writer->settings.n_hooks; i++) {
        const struct hook_filter *filter = &writer->settings.hooks[i];
        store_key hook;

        if (!wants(filter, cause))
            continue;
        int r = hook_ensure(writer, filter->name, &hook);
        if (r == 0 && (cause->dead == NULL || cause->dead->hook != hook))
            r = create(writer, hook, cause);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_finished(enum delivery_state state)
{
    return state == DELIVERY_SUCCEEDED || state == DELIVERY_DEAD;
}

int delivery_become(struct writer *writer, struct delivery_row *row, enum delivery_state state,
                    int64_t next_at, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_DELIVERY);
    int r;

    assert(delivery_may_become(row->state, state));
    query_bind_int(&query, row->key);
    query_bind_int(&query, state);
    query_bind_int(&query, row->attempts);
    query_bind_int(&query, row->interruptions);
    query_bind_key(&query, next_at);
    query_bind_key(&query, is_finished(state) ? now : 0);
    query_bind_key(&query, row->renewed_at);
    r = query_run(&query);
    if (r == 0)
        r = count_delivery(writer, row->hook, row->state, -1);
    if (r == 0)
        r = count_delivery(writer, row->hook, state, 1);
    if (r < 0)
        return r;
    row->state = state;
    if (next_at != 0)
        writer->changes.deliveries = true;
    return event_append(writer, now, EVENT_NAME_DELIVERY + (int)state, row->request, row->key, 0);
}

int delivery_hurry(struct writer *writer, const struct delivery_row *row, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_DELIVERY_DUE);

    query_bind_int(&query, row->key);
    query_bind_int(&query, now);
    writer->changes.deliveries = true;
    return query_run(&query);
}

int delivery_release(struct writer *writer, const struct delivery_row *ended, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_RELEASE_DELIVERY);

    if (ended->request == 0)
        return 0;
    query_bind_int(&query, ended->request);
    query_bind_int(&query, ended->hook);
    query_bind_int(&query, now);
    writer->changes.deliveries = true;
    return query_run(&query);
}

static int next_number(struct writer *writer, store_key delivery, int64_t *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_LAST_ATTEMPT);
    int64_t last = 0;
    int r;

    query_bind_int(&query, delivery);
    r = query_get_int(&query, &last);
    *ret = last + 1;
    return r < 0 ? r : 0;
}

static int delete_old_attempts(struct writer *writer, store_key delivery, int64_t last)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_OLD_ATTEMPTS);

    query_bind_int(&query, delivery);
    query_bind_int(&query, last);
    return query_run(&query);
}

/* Negative: not known. */
static void bind_known(struct query *query, int64_t value)
{
    if (value >= 0)
        query_bind_int(query, value);
    else
        query_bind_null(query);
}

int attempt_append(struct writer *writer, store_key delivery,
                   const struct store_finish_attempt *attempt)
{
    const struct attempt_end *end = &attempt->end;
    int64_t number;
    int r = next_number(writer, delivery, &number);

    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_ATTEMPT);
    query_bind_int(&query, delivery);
    query_bind_int(&query, number);
    query_bind_int(&query, attempt->started_at);
    query_bind_int(&query, attempt->duration_ms);
    bind_known(&query, end->exit_code);
    query_bind_key(&query, end->signal);
    query_bind_int(&query, end->timed_out);
    query_bind_int(&query, end->interrupted);
    query_bind_text(&query, attempt->error);
    query_bind_blob(&query, attempt->output, attempt->output_size);
    bind_known(&query, attempt->cpu_ms);
    bind_known(&query, attempt->memory_bytes);
    r = query_run(&query);
    if (r == 0 && number > ATTEMPTS_KEPT)
        r = delete_old_attempts(writer, delivery, number - ATTEMPTS_KEPT);
    return r;
}
