/* Old events are deleted in steps, so that not each transaction deletes one. */
#include "store/writer.h"

#define TRIM_STEP 1000

/* Keys of several kinds in one list: a kind is as good as a digit, since keys are below 2^48. */
static store_key of_kind(enum store_kind kind, store_key key)
{
    return (store_key)kind << 48 | key;
}

int event_append(struct writer *writer, int64_t at, int name, store_key request, store_key delivery,
                 store_key callback)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_EVENT);
    store_key key = next_key(writer, STORE_KIND_EVENT);
    int r;

    query_bind_int(&query, key);
    query_bind_int(&query, at);
    query_bind_int(&query, name);
    query_bind_key(&query, request);
    query_bind_key(&query, delivery);
    query_bind_key(&query, callback);
    r = query_run(&query);
    if (r < 0)
        return r;
    writer->last_event = key;
    if (writer->first_event == 0)
        writer->first_event = writer->last_event;
    writer->changes.events = true;
    return 0;
}

int events_load(struct writer *writer)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_FIRST_EVENT);
    int r;

    writer->first_event = 0;
    writer->last_event = 0;
    r = query_get_int(&query, &writer->first_event);
    return r < 0 ? r : 0;
}

int events_trim(struct writer *writer)
{
    store_key last_gone = writer->last_event - EVENTS_KEPT;
    int r;

    if (writer->first_event == 0 || last_gone < writer->first_event + TRIM_STEP)
        return 0;
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_OLD_EVENTS);
    query_bind_int(&query, last_gone);
    r = query_run(&query);
    if (r == 0)
        writer->first_event = last_gone + 1;
    return r;
}

int events_forget(struct writer *writer, enum store_kind kind, store_key key)
{
    return keys_add(&writer->changes.erased, of_kind(kind, key));
}

static bool is_forgotten(struct query *query, const struct keys *erased)
{
    return keys_have(erased, of_kind(STORE_KIND_REQUEST, query_int(query, 1))) ||
           keys_have(erased, of_kind(STORE_KIND_DELIVERY, query_int(query, 2))) ||
           keys_have(erased, of_kind(STORE_KIND_CALLBACK, query_int(query, 3)));
}

static int find_forgotten(struct writer *writer, struct keys *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_EVENTS);
    int r;

    while ((r = query_step(&query)) > 0) {
        if (is_forgotten(&query, &writer->changes.erased))
            r = keys_add(ret, query_int(&query, 0));
        if (r < 0)
            break;
    }
    return r;
}

static int delete_event(struct writer *writer, store_key key)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_EVENT);

    query_bind_int(&query, key);
    return query_run(&query);
}

int events_delete_forgotten(struct writer *writer)
{
    struct keys found = {0};
    int r;

    if (writer->changes.erased.n == 0)
        return 0;
    keys_sort(&writer->changes.erased);
    r = find_forgotten(writer, &found);
    for (size_t i = 0; r == 0 && i < found.n; i++)
        r = delete_event(writer, found.items[i]);
    keys_done(&found);
    return r;
}
