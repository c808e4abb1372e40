/* What is shown of hooks, and ages. Nothing here counts rows: counts are the writer's, ages the
 * heads of indexes. */
#include "store/reader_internal.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <errno.h>
#include <stdlib.h>

int reader_read_hook(struct store_reader *reader, const char *name, int64_t *ret)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_HOOK);
    int64_t hook = 0;
    int r;

    query_bind_text(&query, name);
    r = query_get_int(&query, &hook);
    if (r < 0)
        return r;
    *ret = hook;
    return 0;
}

int reader_read_hooks(struct store_reader *reader, int64_t **ret, size_t *ret_n)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_HOOKS);
    cleanup_free int64_t *hooks = NULL;
    size_t n = 0, room = 0;
    int r;

    while ((r = query_step(&query)) > 0) {
        if (n == room) {
            int64_t *more = reallocarray(hooks, room + LIMIT_HOOKS, sizeof(*hooks));

            if (!more)
                return -ENOMEM;
            hooks = more;
            room += LIMIT_HOOKS;
        }
        hooks[n++] = query_int(&query, 0);
    }
    if (r < 0)
        return r;
    *ret = TAKE_PTR(hooks);
    *ret_n = n;
    return 0;
}

/* READER_OK also for a hook that has no row yet. */
static int read_hook_times(struct store_reader *reader, const char *name, int64_t *ret_hook,
                           struct hook_counts *counts)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_HOOK);
    int r;

    query_bind_text(&query, name);
    r = query_step(&query);
    if (r < 0)
        return r;
    *ret_hook = 0;
    if (r > 0) {
        *ret_hook = query_int(&query, 0);
        counts->last_success_at = query_int(&query, 1);
        counts->last_failure_at = query_int(&query, 2);
        counts->paused = query_int(&query, 3) != 0;
    }
    return 0;
}

static int read_hook_counts(struct store_reader *reader, int64_t hook, struct hook_counts *counts)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_COUNTERS);
    int r;

    query_bind_int(&query, COUNTER_DELIVERY);
    query_bind_int(&query, hook);
    while ((r = query_step(&query)) > 0) {
        int state;

        r = reader_enum(&query, 0, DELIVERY_STATE_MAX_, &state);
        if (r < 0)
            return r;
        counts->of[state] = query_int(&query, 1);
    }
    return r;
}

int reader_hook(struct store_reader *reader, const char *hook, struct hook_counts *ret)
{
    struct hook_counts counts = {0};
    int64_t key = 0;
    int r = reader_begin(reader);

    if (r == 0)
        r = read_hook_times(reader, hook, &key, &counts);
    if (r == 0 && key != 0)
        r = read_hook_counts(reader, key, &counts);
    reader_end(reader);
    if (r == 0)
        *ret = counts;
    return r;
}

int reader_hook_names(struct store_reader *reader, char ***ret)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_HOOK_NAMES);
    cleanup_strv char **names = calloc(1, sizeof(*names));
    size_t n = 0;
    int r;

    if (!names)
        return -ENOMEM;
    while ((r = query_step(&query)) > 0) {
        char **more = reallocarray(names, n + 2, sizeof(*names));

        if (!more)
            return -ENOMEM;
        names = more;
        names[n] = names[n + 1] = NULL;
        r = query_copy(&query, 0, &names[n], NULL);
        if (r < 0)
            return r;
        n++;
    }
    if (r < 0)
        return r;
    *ret = TAKE_PTR(names);
    return READER_OK;
}

static int take_oldest(struct query *query, int64_t *oldest)
{
    int64_t at = 0;
    int r = query_get_int(query, &at);

    if (r < 0)
        return r;
    if (at != 0 && (*oldest == 0 || at < *oldest))
        *oldest = at;
    return 0;
}

static int oldest_request(struct store_reader *reader, enum request_state state, int64_t *oldest)
{
    int r = 0;

    for (int type = 0; type < ENRICHMENT_MAX_ && r == 0; type++) {
        cleanup_query struct query query = query_start(&reader->database, SQL_READ_OLDEST_REQUEST);

        query_bind_int(&query, (int64_t)state * ENRICHMENT_MAX_ + type);
        r = take_oldest(&query, oldest);
    }
    return r;
}

static int oldest_delivery(struct store_reader *reader, int64_t hook, enum delivery_state state,
                           int64_t *oldest)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_OLDEST_DELIVERY);

    query_bind_int(&query, hook);
    query_bind_int(&query, (int64_t)state);
    return take_oldest(&query, oldest);
}

static int oldest_deliveries(struct store_reader *reader, struct store_ages *ages)
{
    cleanup_free int64_t *hooks = NULL;
    size_t n = 0;
    int r = reader_read_hooks(reader, &hooks, &n);

    for (size_t i = 0; i < n && r == 0; i++) {
        r = oldest_delivery(reader, hooks[i], DELIVERY_QUEUED, &ages->oldest_delivery);
        if (r == 0)
            r = oldest_delivery(reader, hooks[i], DELIVERY_RUNNING, &ages->oldest_delivery);
        if (r == 0)
            r = oldest_delivery(reader, hooks[i], DELIVERY_RETRYING, &ages->oldest_delivery);
        if (r == 0)
            r = oldest_delivery(reader, hooks[i], DELIVERY_DEAD, &ages->oldest_dead);
    }
    return r;
}

static int oldest_unmatched(struct store_reader *reader, int64_t *oldest)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_OLDEST_CALLBACK);

    query_bind_int(&query, CALLBACK_UNMATCHED);
    return take_oldest(&query, oldest);
}

int reader_ages(struct store_reader *reader, struct store_ages *ret)
{
    struct store_ages ages = {0};
    int r = reader_begin(reader);

    if (r == 0)
        r = oldest_request(reader, REQUEST_QUEUED, &ages.oldest_queued);
    if (r == 0)
        r = oldest_request(reader, REQUEST_PENDING, &ages.oldest_pending);
    if (r == 0)
        r = oldest_deliveries(reader, &ages);
    if (r == 0)
        r = oldest_unmatched(reader, &ages.oldest_unmatched);
    reader_end(reader);
    if (r == 0)
        *ret = ages;
    return r;
}

static int count_old_dead(struct store_reader *reader, int64_t hook, int64_t before, int64_t *ret)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_OLD_DEAD_DELIVERIES);

    query_bind_int(&query, hook);
    query_bind_int(&query, before);
    query_bind_int(&query, OLD_DEAD_MAX);
    return query_get_int(&query, ret);
}

int reader_old_dead(struct store_reader *reader, int64_t before, int64_t *ret)
{
    cleanup_free int64_t *hooks = NULL;
    int64_t sum = 0;
    size_t n = 0;
    int r = reader_read_hooks(reader, &hooks, &n);

    for (size_t i = 0; i < n && r >= 0; i++) {
        int64_t of_hook = 0;

        r = count_old_dead(reader, hooks[i], before, &of_hook);
        sum += of_hook;
    }
    *ret = sum;
    return r < 0 ? r : 0;
}
