/* Unmatched callbacks that wait for an enrichment_id, when that becomes known. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <errno.h>

/* The next waiting one after *@key. 1 with *key, 0, or a negative errno. */
static int next_waiting(struct writer *writer, const char *enrichment_id, store_key *key)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_WAITING_CALLBACKS);

    query_bind_text(&query, enrichment_id);
    query_bind_int(&query, *key);
    return query_get_int(&query, key);
}

static int set_reason(struct writer *writer, store_key key, enum callback_reason reason)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_CALLBACK_REASON);

    query_bind_int(&query, key);
    query_bind_int(&query, reason);
    return query_run(&query);
}

static int match_one(struct writer *writer, struct callback_row *row, const struct reading *reading,
                     int64_t now)
{
    struct resolution resolution;
    int r = resolve(writer, reading, row->submission, &resolution);

    if (r < 0)
        return r;
    if (resolution.verdict.index >= 0 &&
        callback_may_become(row->state, resolution.verdict.state)) {
        struct callback_match match = {
            .request = &resolution.rows.items[resolution.verdict.index],
            .reading = reading,
            .reason = REASON_NONE,
            .batch = resolution.batch,
            .now = now,
        };
        r = callback_match(writer, row, &match);
    } else if (resolution.verdict.reason != row->reason) {
        r = set_reason(writer, row->key, resolution.verdict.reason);
    }
    resolution_done(&resolution);
    return r;
}

static int look_at(struct writer *writer, store_key key, int64_t now)
{
    struct callback_row row = {0};
    struct reading reading;
    int r = callback_get(writer, key, &row);

    if (r <= 0 || row.body == NULL)
        return r < 0 ? r : 0;
    r = reading_parse(row.body, &reading);
    if (r == 0) {
        r = match_one(writer, &row, &reading, now);
        reading_done(&reading);
    }
    callback_row_done(&row);
    return r;
}

int callbacks_match_waiting(struct writer *writer, const char *enrichment_id, int64_t now)
{
    store_key key = 0;
    int r;

    while ((r = next_waiting(writer, enrichment_id, &key)) > 0) {
        r = look_at(writer, key, now);
        if (r < 0)
            break;
    }
    return r;
}
