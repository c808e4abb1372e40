/* [pronto] reuse: a request for somebody who was asked for a while ago gets the same result. Persons are
 * known by keyed digests; who does not want this has none. */
#include "store/writer.h"

#include "common/cleanup.h"
#include "model/contact.h"

#include <errno.h>
#include <string.h>

#define LOOKED_AT_MAX 16 /* requests for one person, newest first */

static int digest_of(const struct writer *writer, const struct contact *contact, struct digest *ret)
{
    cleanup_free char *text = NULL;
    size_t size;
    int r = contact_person(contact, &text, &size);

    if (r == 0)
        digest_compute(writer->secret, &(struct digest_part){text, size}, 1, ret);
    return r;
}

int person_remember(struct writer *writer, store_key request, const struct contact *contact)
{
    struct digest digest;
    int r;

    if (writer->settings.reuse_ms == 0)
        return 0;
    r = digest_of(writer, contact, &digest);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_PERSON);
    query_bind_digest(&query, &digest);
    query_bind_int(&query, request);
    return query_run(&query);
}

/* Takes @result over in any case. */
static int reuse(struct writer *writer, const struct request_row *row, struct json_object *result,
                 int64_t received_at, struct json_object *content, int64_t now)
{
    cleanup_json struct json_object *owned = result;
    struct reading reading = {.result = result, .found = result_is_found(result)};
    struct request_end end = {
        .source = SOURCE_REUSE, .reading = &reading, .received_at = received_at, .now = now};
    struct json_object *custom = json_get(content, "custom");
    int r = json_add(owned, "custom", custom ? json_object_get(custom) : NULL);

    return r < 0 ? r : request_finish(writer, row, &end);
}

/* The text of the result, else the body of the callback that brought it. */
static int read_known(struct query *query, struct json_object **ret)
{
    size_t size;
    const char *text;
    int r;

    if (query_is_null(query, 1)) {
        text = query_blob(query, 2, &size);
        r = result_read(text, size, ret);
    } else {
        text = query_text(query, 1, &size);
        r = text ? json_parse_strict(text, size, true, ret) : -ENOMEM;
    }
    return r > 0 ? -EUCLEAN : r;
}

/* 1 when it was answered, 0 when nobody like it was asked for, or a negative errno. */
static int try_reuse(struct writer *writer, const struct request_row *row, int64_t now)
{
    cleanup_json struct json_object *content = NULL;
    struct contact contact = {.type = row->type};
    struct json_object *result;
    struct digest digest;
    int r = request_content(writer, row->key, &content);

    contact.content = content;
    if (r == 0)
        r = digest_of(writer, &contact, &digest);
    if (r < 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_RESULT_OF_PERSON);
    query_bind_digest(&query, &digest);
    query_bind_int(&query, now - writer->settings.reuse_ms);
    query_bind_int(&query, LOOKED_AT_MAX);
    r = query_step(&query);
    if (r <= 0)
        return r;
    r = read_known(&query, &result);
    if (r == 0)
        r = reuse(writer, row, result, query_int(&query, 0), content, now);
    return r < 0 ? r : 1;
}

int submission_reuse(struct writer *writer, store_key submission, int64_t now)
{
    struct request_rows rows;
    int r;

    if (writer->settings.reuse_ms == 0)
        return 0;
    r = requests_of_submission(writer, submission, &rows);
    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < rows.n; i++)
        if (rows.items[i].state == REQUEST_QUEUED)
            r = try_reuse(writer, &rows.items[i], now);
    request_rows_done(&rows);
    return r < 0 ? r : 0;
}
