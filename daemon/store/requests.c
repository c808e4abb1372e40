/* Rows of requests and their states. Each change of state is asked of the state machine, counted,
 * and appended to the events here and nowhere else. */
#include "store/writer.h"

#include "model/person.h"
#include "model/state_machine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int64_t class_of(enum request_state state, enum enrichment_type type)
{
    return (int64_t)state * ENRICHMENT_MAX_ + (int64_t)type;
}

static int count(struct writer *writer, store_key key, enum request_state state,
                 enum enrichment_type type, int64_t n)
{
    count_request(writer, state, type, n);
    return class_block_change(writer, key, class_of(state, type), n);
}

int request_uncount(struct writer *writer, const struct request_row *row)
{
    return count(writer, row->key, row->state, row->type, -1);
}

void request_rows_done(struct request_rows *rows)
{
    free(rows->items);
    *rows = (struct request_rows){0};
}

/* 0, or -EUCLEAN: the row is none that we wrote. */
static int read_row(struct query *query, struct request_row *ret)
{
    int64_t class = query_int(query, 1);
    size_t size;
    const char *text;

    *ret = (struct request_row){
        .key = query_int(query, 0),
        .submission = query_int(query, 2),
        .state = (enum request_state)(class / ENRICHMENT_MAX_),
        .type = (enum enrichment_type)(class % ENRICHMENT_MAX_),
        .created_at = query_int(query, 3),
    };
    if (class < 0 || class >= class_of(REQUEST_STATE_MAX_, 0))
        return -EUCLEAN;
    text = query_text(query, 4, &size);
    if (size >= sizeof(ret->enrichment_id))
        return -EUCLEAN;
    if (text)
        memcpy(ret->enrichment_id, text, size);
    ret->credits = query_int(query, 6);
    ret->credit_day = query_int(query, 7);
    ret->submitted_at = query_int(query, 8);
    ret->callback = query_int(query, 9);
    return query_digest(query, 5, &ret->custom_digest) ? 0 : -EUCLEAN;
}

int request_get(struct writer *writer, store_key key, struct request_row *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_REQUEST);
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r;
    r = read_row(&query, ret);
    return r < 0 ? r : 1;
}

static int add_row(struct query *query, struct request_rows *rows)
{
    struct request_row *items;

    if ((rows->n & (rows->n - 1)) == 0) { /* full: 0, 1, 2, 4, 8 ... */
        items = reallocarray(rows->items, rows->n ? rows->n * 2 : 1, sizeof(*items));
        if (items == NULL)
            return -ENOMEM;
        rows->items = items;
    }
    return read_row(query, &rows->items[rows->n++]);
}

static int read_rows(struct query *query, struct request_rows *ret)
{
    struct request_rows rows = {0};
    int r;

    while ((r = query_step(query)) > 0) {
        r = add_row(query, &rows);
        if (r < 0)
            break;
    }
    if (r < 0) {
        request_rows_done(&rows);
        return r;
    }
    *ret = rows;
    return 0;
}

int requests_of_submission(struct writer *writer, store_key submission, struct request_rows *ret)
{
    cleanup_query struct query query =
        query_start(&writer->database, SQL_GET_REQUESTS_OF_SUBMISSION);

    query_bind_int(&query, submission);
    return read_rows(&query, ret);
}

int candidates_of_submission(struct writer *writer, store_key submission, struct request_rows *ret,
                             struct submission_trait *ret_trait)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CANDIDATES);
    struct request_rows rows = {0};
    int r;

    query_bind_int(&query, submission);
    while ((r = query_step(&query)) > 0) {
        r = add_row(&query, &rows);
        if (r < 0)
            break;
        *ret_trait = (struct submission_trait){
            .registered = query_int(&query, 10) == SUBMISSION_REGISTERED,
            .bulk = query_int(&query, 11) != 0,
            .ids_known = query_int(&query, 12) == 0,
        };
        query_token(&query, 13, &ret_trait->token);
    }
    if (r < 0) {
        request_rows_done(&rows);
        return r;
    }
    *ret = rows;
    return 0;
}

int requests_of_enrichment_id(struct writer *writer, const char *enrichment_id,
                              struct request_rows *ret)
{
    cleanup_query struct query query =
        query_start(&writer->database, SQL_GET_REQUESTS_OF_ENRICHMENT_ID);

    query_bind_text(&query, enrichment_id);
    return read_rows(&query, ret);
}

int request_content(struct writer *writer, store_key key, struct json_object **ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CONTENT);
    const char *text;
    size_t size;
    int r;

    query_bind_int(&query, key);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    text = query_text(&query, 0, &size);
    if (text == NULL)
        return -ENOMEM;
    r = json_parse_strict(text, size, true, ret);
    return r > 0 ? -EUCLEAN : r;
}

struct member_userdata {
    struct writer *writer;
    store_key request;
};

static int insert_member(int64_t hash, void *userdata)
{
    struct member_userdata *member = userdata;
    cleanup_query struct query query =
        query_start(&member->writer->database, SQL_INSERT_CUSTOM_MEMBER);

    query_bind_int(&query, hash);
    query_bind_int(&query, member->request);
    return query_run(&query);
}

static int insert_content(struct writer *writer, store_key key, struct json_object *content)
{
    struct member_userdata member = {writer, key};
    cleanup_free char *text = NULL;
    size_t size;
    int r = json_serialize(content, &text, &size);

    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_CONTENT);
    query_bind_int(&query, key);
    query_bind_text_n(&query, text, size);
    r = query_run(&query);
    if (r < 0)
        return r;
    r = custom_index(json_get(content, "custom"), insert_member, &member);
    return r < 0 ? r : person_index(content, insert_member, &member);
}

int request_create(struct writer *writer, const struct new_request *new_request, store_key *ret)
{
    const struct contact *contact = new_request->contact;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_REQUEST);
    store_key key;
    int r;

    query_bind_int(&query, class_of(new_request->state, contact->type));
    query_bind_int(&query, new_request->submission);
    query_bind_int(&query, new_request->now);
    query_bind_key(&query, new_request->state == REQUEST_PENDING ? new_request->now : 0);
    query_bind_text(&query, new_request->enrichment_id);
    query_bind_digest(&query, &contact->custom_digest);
    r = query_run(&query);
    if (r < 0)
        return r;
    key = writer_last_key(writer);
    r = insert_content(writer, key, contact->content);
    if (r == 0)
        r = person_remember(writer, key, contact);
    if (r < 0)
        return r;
    r = count(writer, key, new_request->state, contact->type, 1);
    if (r < 0)
        return r;
    *ret = key;
    if (new_request->state == REQUEST_PENDING) {
        struct request_row row = {.key = key, .submission = new_request->submission};

        r = poll_begin(writer, &row, new_request->enrichment_id, new_request->now);
        if (r < 0)
            return r;
    }
    return event_append(writer, new_request->now, EVENT_NAME_REQUEST + (int)new_request->state, key,
                        0, 0);
}

int note_settled(struct writer *writer, store_key key)
{
    return keys_add(&writer->changes.settled, key);
}

/* After the row has its new state. */
static int entered(struct writer *writer, const struct request_row *row, enum request_state state,
                   int64_t now)
{
    int r = count(writer, row->key, row->state, row->type, -1);

    if (r == 0)
        r = count(writer, row->key, state, row->type, 1);
    if (r == 0 && !request_state_is_final(row->state) && request_state_is_final(state))
        r = note_settled(writer, row->key);
    if (r == 0)
        r = event_append(writer, now, EVENT_NAME_REQUEST + (int)state, row->key, 0, 0);
    return r;
}

/* One that a callback brought is in the body of that callback. */
static int insert_result(struct writer *writer, store_key key, const struct request_end *end)
{
    cleanup_free char *text = NULL;
    struct digest digest;
    size_t size;
    int r = json_serialize(end->reading->result, &text, &size);

    if (r == 0)
        r = result_digest(end->reading->result, &digest);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_RESULT);
    query_bind_int(&query, key);
    query_bind_int(&query, end->received_at);
    query_bind_digest(&query, &digest);
    query_bind_text_n(&query, text, size);
    query_bind_text_n(&query, end->raw, end->raw_size);
    return query_run(&query);
}

int request_learn_id(struct writer *writer, const struct request_row *row,
                     const char *enrichment_id)
{
    if (row->enrichment_id[0] != '\0' || enrichment_id == NULL)
        return 0;
    cleanup_query struct query query =
        query_start(&writer->database, SQL_SET_REQUEST_ENRICHMENT_ID);
    query_bind_int(&query, row->key);
    query_bind_text(&query, enrichment_id);
    return query_run(&query);
}

static int finish_row(struct writer *writer, const struct request_row *row,
                      const struct request_end *end)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_FINISH_REQUEST);

    query_bind_int(&query, row->key);
    query_bind_int(&query, class_of(REQUEST_FINISHED, row->type));
    query_bind_int(&query, end->now);
    query_bind_int(&query, end->source);
    query_bind_key(&query, end->callback);
    return query_run(&query);
}

int request_finish(struct writer *writer, const struct request_row *row,
                   const struct request_end *end)
{
    struct delivery_cause cause = {
        .event = EVENT_FINISHED,
        .request = row,
        .found = end->reading->found,
        .now = end->now,
    };
    int r;

    assert(request_may_become(row->state, REQUEST_FINISHED));
    r = finish_row(writer, row, end);
    if (r == 0 && end->source != SOURCE_CALLBACK)
        r = insert_result(writer, row->key, end);
    if (r == 0)
        r = request_learn_id(writer, row, end->reading->enrichment_id);
    if (r == 0)
        r = entered(writer, row, REQUEST_FINISHED, end->now);
    if (r == 0)
        r = budget_settle(writer, row, end->reading->found);
    if (r == 0)
        r = deliveries_create(writer, &cause);
    if (r == 0 && row->state == REQUEST_QUEUED)
        r = call_is_proven(writer, row, end->reading->enrichment_id, end->now);
    if (r == 0 && row->state == REQUEST_QUEUED)
        r = submission_settle(writer, row->submission);
    return r;
}

int request_fail(struct writer *writer, const struct request_row *row, const char *error,
                 int64_t now)
{
    struct delivery_cause cause = {.event = EVENT_FAILED, .request = row, .now = now};
    cleanup_query struct query query = query_start(&writer->database, SQL_FAIL_REQUEST);
    int r;

    assert(request_may_become(row->state, REQUEST_FAILED));
    query_bind_int(&query, row->key);
    query_bind_int(&query, class_of(REQUEST_FAILED, row->type));
    query_bind_int(&query, now);
    query_bind_text(&query, error);
    r = query_run(&query);
    if (r == 0)
        r = entered(writer, row, REQUEST_FAILED, now);
    if (r == 0)
        r = budget_release(writer, row);
    if (r == 0)
        r = deliveries_create(writer, &cause);
    return r;
}

int request_accept(struct writer *writer, const struct request_row *row, const char *enrichment_id,
                   int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_ACCEPT_REQUEST);
    int r;

    assert(request_may_become(row->state, REQUEST_PENDING));
    query_bind_int(&query, row->key);
    query_bind_int(&query, class_of(REQUEST_PENDING, row->type));
    query_bind_int(&query, now);
    query_bind_text(&query, enrichment_id);
    r = query_run(&query);
    if (r == 0)
        r = entered(writer, row, REQUEST_PENDING, now);
    return r < 0 ? r : poll_begin(writer, row, enrichment_id, now);
}

static const char too_late[] = "no result before the deadline";

int request_expire(struct writer *writer, const struct request_row *row, int64_t now)
{
    struct delivery_cause cause = {.event = EVENT_EXPIRED, .request = row, .now = now};
    cleanup_query struct query query = query_start(&writer->database, SQL_EXPIRE_REQUEST);
    int r;

    assert(request_may_become(row->state, REQUEST_EXPIRED));
    query_bind_int(&query, row->key);
    query_bind_int(&query, class_of(REQUEST_EXPIRED, row->type));
    query_bind_int(&query, now);
    query_bind_text(&query, too_late);
    r = query_run(&query);
    if (r == 0)
        r = entered(writer, row, REQUEST_EXPIRED, now);
    if (r == 0)
        r = budget_release(writer, row);
    return r < 0 ? r : deliveries_create(writer, &cause);
}

int request_set_error(struct writer *writer, store_key key, const char *error)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_REQUEST_ERROR);

    query_bind_int(&query, key);
    query_bind_text(&query, error);
    return query_run(&query);
}
