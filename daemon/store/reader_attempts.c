/* One delivery with its attempts, and the facts that its next run is given. */
#include "store/reader_internal.h"

#include "common/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS_MAX 100 /* as records.h promises */

enum attempt_column {
    COLUMN_NUMBER,
    COLUMN_STARTED_AT,
    COLUMN_DURATION_MS,
    COLUMN_EXIT_CODE,
    COLUMN_SIGNAL,
    COLUMN_TIMED_OUT,
    COLUMN_INTERRUPTED,
    COLUMN_ERROR,
    COLUMN_OUTPUT,
    COLUMN_CPU_MS,
    COLUMN_MEMORY_BYTES,
};

static int64_t int_or_unknown(struct query *query, int column)
{
    return query_is_null(query, column) ? -1 : query_int(query, column);
}

static int read_attempt(struct query *query, struct attempt_record *ret)
{
    struct attempt_record attempt = {
        .number = query_int(query, COLUMN_NUMBER),
        .started_at = query_int(query, COLUMN_STARTED_AT),
        .duration_ms = query_int(query, COLUMN_DURATION_MS),
        .cpu_ms = int_or_unknown(query, COLUMN_CPU_MS),
        .memory_bytes = int_or_unknown(query, COLUMN_MEMORY_BYTES),
        .exit_code = (int)int_or_unknown(query, COLUMN_EXIT_CODE),
        .signal = (int)query_int(query, COLUMN_SIGNAL),
        .timed_out = query_int(query, COLUMN_TIMED_OUT) != 0,
        .interrupted = query_int(query, COLUMN_INTERRUPTED) != 0,
    };
    int r = query_copy(query, COLUMN_ERROR, &attempt.error, NULL);

    if (r == 0)
        r = query_copy(query, COLUMN_OUTPUT, &attempt.output, &attempt.output_size);
    if (r < 0) {
        attempt_record_done(&attempt);
        return r;
    }
    *ret = attempt;
    return 0;
}

/* They come newest first, and are handed out newest last. */
static void reverse(struct attempt_record *attempts, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct attempt_record other = attempts[i];

        attempts[i] = attempts[n - 1 - i];
        attempts[n - 1 - i] = other;
    }
}

/* On failure what was read stays with the record, which frees it. */
static int read_attempts(struct store_reader *reader, struct delivery_record *record)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_ATTEMPTS);
    int r;

    record->attempts = calloc(ATTEMPTS_MAX, sizeof(*record->attempts));
    if (!record->attempts)
        return -ENOMEM;
    query_bind_int(&query, record->key);
    query_bind_int(&query, ATTEMPTS_MAX);
    while ((r = query_step(&query)) > 0) {
        assert(record->n_attempt_records < ATTEMPTS_MAX);
        r = read_attempt(&query, &record->attempts[record->n_attempt_records]);
        if (r < 0)
            return r;
        record->n_attempt_records++;
    }
    reverse(record->attempts, record->n_attempt_records);
    return r;
}

static int read_with_attempts(struct store_reader *reader, store_key key,
                              struct delivery_record *ret)
{
    struct delivery_record record = {0};
    int r = reader_read_delivery(reader, key, &record, NULL, NULL);

    if (r != READER_OK)
        return r;
    r = read_attempts(reader, &record);
    if (r < 0) {
        delivery_record_done(&record);
        return r;
    }
    *ret = record;
    return READER_OK;
}

int reader_delivery(struct store_reader *reader, store_key key, struct delivery_record *ret)
{
    int r = reader_begin(reader);

    if (r == 0)
        r = read_with_attempts(reader, key, ret);
    reader_end(reader);
    return r;
}

/* Its number (0: there was none) and its error. */
static int read_last_attempt(struct store_reader *reader, store_key delivery, int64_t *ret_number,
                             char **ret_error)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_LAST_ATTEMPT);
    int r;

    query_bind_int(&query, delivery);
    r = query_step(&query);
    if (r < 0)
        return r;
    *ret_number = r > 0 ? query_int(&query, 0) : 0;
    return r > 0 && ret_error ? query_copy(&query, 1, ret_error, NULL) : 0;
}

/* The callback behind the event, whose body need not be one that can be parsed: then raw is NULL.
 */
static int read_raw(struct store_reader *reader, store_key callback, struct delivery_facts *facts)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_CALLBACK_BODY);
    const char *body;
    size_t size;
    int r;

    query_bind_int(&query, callback);
    r = query_step(&query);
    if (r <= 0)
        return r;
    facts->received_at = query_int(&query, 0);
    body = query_text(&query, 1, &size);
    if (!body)
        return -ENOMEM; /* an empty body is "", not NULL */
    r = json_parse_strict(body, size, true, &facts->raw);
    return r < 0 ? r : 0;
}

static int read_finishing_callback(struct store_reader *reader, store_key request,
                                   struct delivery_facts *facts)
{
    store_key callback = 0;
    {
        cleanup_query struct query query =
            query_start(&reader->database, SQL_READ_CALLBACK_OF_REQUEST);
        int r;

        query_bind_int(&query, request);
        query_bind_int(&query, INT64_MAX);
        r = query_get_int(&query, &callback);
        if (r <= 0)
            return r;
    }
    return read_raw(reader, callback, facts);
}

/* What Pronto answered when it was asked; there is none of a result that was used again. */
static int read_answer(struct store_reader *reader, store_key request, struct delivery_facts *facts)
{
    cleanup_query struct query query = query_start(&reader->database, SQL_READ_RESULT_RAW);
    const char *raw;
    size_t size;
    int r;

    query_bind_int(&query, request);
    r = query_step(&query);
    if (r <= 0)
        return r;
    facts->received_at = query_int(&query, 0);
    if (query_is_null(&query, 1))
        return 0;
    raw = query_text(&query, 1, &size);
    if (!raw)
        return -ENOMEM;
    r = json_parse_strict(raw, size, true, &facts->raw);
    return r < 0 ? r : 0;
}

static int read_source(struct store_reader *reader, struct delivery_facts *facts)
{
    const struct request_record *request = &facts->request;

    return request->source == SOURCE_CALLBACK ? read_finishing_callback(reader, request->key, facts)
                                              : read_answer(reader, request->key, facts);
}

/* What "failed" and "expired" say stays so, also when a result came after all: it has a delivery of
 * its own. */
static void forget_result(struct request_record *request)
{
    json_object_put(request->result);
    request->result = NULL;
    request->source = SOURCE_NONE;
}

/* @event and @links: those of the delivery, or of the dead one that it is about. */
static int read_subject(struct store_reader *reader, enum hook_event event,
                        const struct delivery_links *links, struct delivery_facts *facts)
{
    int r;

    if (links->request != 0) {
        r = reader_read_request(reader, links->request, &facts->request, NULL);
        if (r != READER_OK)
            return r;
        facts->has_request = true;
        if (event == EVENT_FINISHED)
            return read_source(reader, facts);
        forget_result(&facts->request);
    }
    return links->callback != 0 ? read_raw(reader, links->callback, facts) : 0;
}

static int describe_dead(struct store_reader *reader, const struct delivery_record *dead,
                         struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    cleanup_free char *error = NULL;
    int64_t number;
    int r = read_last_attempt(reader, dead->key, &number, &error);

    if (r == 0)
        r = json_add_string(object, "hook", dead->hook);
    if (r == 0)
        r = json_add_string(object, "delivery_id", dead->id);
    if (r == 0)
        r = json_add_string(object, "event", hook_event_name(dead->event));
    if (r == 0)
        r = json_add_int64(object, "attempts", dead->n_attempts);
    if (r == 0)
        r = json_add_string(object, "error", error);
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}

/* Event dead: the subject is that of the delivery that died; none is left when that was run again
 * and purged since. */
static int read_dead(struct store_reader *reader, store_key key, struct delivery_facts *facts)
{
    struct delivery_record dead = {0};
    struct delivery_links links;
    int r = reader_read_delivery(reader, key, &dead, &links, NULL);

    if (r != READER_OK)
        return r == READER_E_NOT_FOUND ? READER_OK : r;
    r = describe_dead(reader, &dead, &facts->dead);
    if (r == 0)
        r = read_subject(reader, dead.event, &links, facts);
    delivery_record_done(&dead);
    return r;
}

/* On failure what was read stays with the facts. */
static int read_facts(struct store_reader *reader, store_key key, struct delivery_facts *facts)
{
    struct delivery_record record = {0};
    struct delivery_links links;
    int64_t number;
    int r = reader_read_delivery(reader, key, &record, &links, NULL);

    if (r != READER_OK)
        return r;
    facts->key = key;
    memcpy(facts->id, record.id, sizeof(facts->id));
    facts->event = record.event;
    facts->hook = TAKE_PTR(record.hook);
    delivery_record_done(&record);
    r = read_last_attempt(reader, key, &number, NULL);
    if (r < 0)
        return r;
    facts->attempt = number + 1;
    if (links.dead != 0)
        return read_dead(reader, links.dead, facts);
    return read_subject(reader, facts->event, &links, facts);
}

int reader_delivery_facts(struct store_reader *reader, store_key key, struct delivery_facts *ret)
{
    struct delivery_facts facts = {0};
    int r = reader_begin(reader);

    if (r == 0)
        r = read_facts(reader, key, &facts);
    reader_end(reader);
    if (r != READER_OK) {
        delivery_facts_done(&facts);
        return r;
    }
    *ret = facts;
    return READER_OK;
}

/* On failure what was read stays with the facts. */
static int read_test_facts(struct store_reader *reader, store_key request, enum hook_event event,
                           struct delivery_facts *facts)
{
    struct delivery_links links = {.request = request};

    facts->event = event;
    facts->attempt = 1;
    return read_subject(reader, event, &links, facts);
}

int reader_test_facts(struct store_reader *reader, store_key request, enum hook_event event,
                      struct delivery_facts *ret)
{
    struct delivery_facts facts = {0};
    int r = reader_begin(reader);

    if (r == 0)
        r = read_test_facts(reader, request, event, &facts);
    reader_end(reader);
    if (r != READER_OK) {
        delivery_facts_done(&facts);
        return r;
    }
    *ret = facts;
    return READER_OK;
}
