/* GET /v1/events: a body without end. Its lines are read from the store a page at a time, and only
 * when the client has taken what was there, so a slow one costs a page and nothing else; a client
 * that takes nothing for QUERY_IDLE_S is closed by the library. */
#include "query/json_records.h"
#include "query/query_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PAGE_EVENTS   100
#define BLOCK_SIZE    16384
#define HEARTBEAT_US  (15 * UINT64_C(1000000))
#define STORE_KEY_MAX ((int64_t)1 << 48) /* see uuid_from_key() */

struct stream {
    store_key last; /* that was written */
    char *text;     /* lines to write */
    size_t size, at;
    bool heartbeat; /* is due */
    sd_event_source *timer;
};

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    sd_event_source_disable_unref(stream->timer);
    free(stream->text);
    free(stream);
}

void stream_wake(struct call *call)
{
    if (!call->suspended || !call->connection)
        return;
    call->suspended = false;
    MHD_resume_connection(call->connection);
    query_turn(call->query);
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct call *call = userdata;

    (void)usec;
    call->stream->heartbeat = true;
    stream_wake(call);
    sd_event_source_set_time_relative(source, HEARTBEAT_US);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_text(struct stream *stream, const char *text, size_t size)
{
    char *grown = realloc(stream->text, stream->size + size + 1);

    if (!grown)
        return -ENOMEM;
    memcpy(grown + stream->size, text, size);
    stream->text = grown;
    stream->size += size;
    stream->text[stream->size++] = '\n';
    return 0;
}

static int add_event(struct stream *stream, const struct event_record *event)
{
    cleanup_json struct json_object *object = json_event(event);
    cleanup_free char *text = NULL;
    size_t size;
    int r = object ? json_serialize(object, &text, &size) : -ENOMEM;

    if (r == 0)
        r = add_text(stream, text, size);
    if (r == 0)
        stream->last = event->key;
    return r;
}

static int add_plain(struct stream *stream, const char *text)
{
    return add_text(stream, text, strlen(text));
}

/* The lines that are due; none: nothing happened. 0 or a negative errno. */
static int fill(struct query *query, struct stream *stream)
{
    struct event_record *events;
    bool gap;
    size_t n;
    int r = reader_events(query->backend.reader, stream->last, PAGE_EVENTS, &events, &n, &gap);

    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    stream->size = stream->at = 0;
    if (gap)
        r = add_plain(stream, "{\"event\":\"gap\"}");
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_event(stream, &events[i]);
    event_records_free(events, n);
    if (r == 0 && stream->heartbeat) {
        stream->heartbeat = false;
        r = add_plain(stream, "{\"event\":\"heartbeat\"}");
    }
    if (r == 0 && stream->last > query->last_event)
        query->last_event = stream->last;
    return r;
}

static ssize_t on_read(void *cls, uint64_t position, char *buffer, size_t size)
{
    struct call *call = cls;
    struct stream *stream = call->stream;
    size_t n;

    (void)position;
    if (call->query->stopping || call->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (stream->at == stream->size && fill(call->query, stream) < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR; /* the client resumes with since= */
    n = stream->size - stream->at;
    if (n == 0) {
        call->suspended = true;
        MHD_suspend_connection(call->connection);
        return 0;
    }
    if (n > size)
        n = size;
    memcpy(buffer, stream->text + stream->at, n);
    stream->at += n;
    return (ssize_t)n;
}

static void on_response_freed(void *cls)
{
    call_unref(cls);
}

struct MHD_Response *stream_response(struct call *call)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, call, on_response_freed);

    if (response)
        call->references++;
    return response;
}

/* The newest event. Keys grow and the reader finds the next one after any key, so halving finds the
 * last in a few steps, from where it was seen last. */
static int find_last(struct query *query, store_key *ret)
{
    store_key low = query->last_event, high = STORE_KEY_MAX;

    while (low < high) { /* the newest is in [low, high] */
        store_key middle = low + (high - low) / 2;
        struct event_record *events;
        bool gap;
        size_t n;
        int r = reader_events(query->backend.reader, middle, 1, &events, &n, &gap);

        if (r != READER_OK)
            return r < 0 ? r : -EBADMSG;
        if (n > 0)
            low = events[0].key;
        else
            high = middle;
        event_records_free(events, n);
    }
    *ret = query->last_event = low;
    return 0;
}

/* 0, or a problem is answered, or a negative errno. */
static int read_since(struct call *call, store_key *ret)
{
    const char *since = params_get(&call->params, "since");

    if (!since)
        return find_last(call->query, ret);
    if (strcmp(since, "0") == 0) {
        *ret = 0;
        return 0;
    }
    if (store_key_of(call->query->backend.store, STORE_KIND_EVENT, since, ret) == 0)
        return 0;
    return answer_problem(call, 400, "since is the id of an event, or 0");
}

int events_show(struct call *call)
{
    struct stream *stream;
    store_key since = 0;
    int r = read_since(call, &since);

    if (r < 0 || call->answer.status != 0)
        return r;
    call->answer.status = 200;
    call->answer.type = "application/x-ndjson";
    if (call->head)
        return 0;
    r = call_wait(call, UINT64_MAX);
    if (r != CALL_WAITS)
        return r;
    stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    stream->last = since;
    call->stream = stream;
    r = sd_event_add_time_relative(call->query->loop, &stream->timer, CLOCK_BOOTTIME, HEARTBEAT_US,
                                   1000, on_heartbeat, call);
    return r < 0 ? -ENOMEM : 0;
}
