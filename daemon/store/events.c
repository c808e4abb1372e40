/* Old events are deleted in steps, so that not each transaction deletes one. */
#include "store/writer.h"

#define TRIM_STEP 1000

int event_append(struct writer *writer, int64_t at, int name, store_key request, store_key delivery,
                 store_key callback)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_EVENT);
    int r;

    query_bind_int(&query, at);
    query_bind_int(&query, name);
    query_bind_key(&query, request);
    query_bind_key(&query, delivery);
    query_bind_key(&query, callback);
    r = query_run(&query);
    if (r < 0)
        return r;
    writer->last_event = writer_last_key(writer);
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
