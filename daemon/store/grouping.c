/* [pronto] batch: requests that came one by one are sent together. Whoever is sent first keeps its
 * submission, and with it the token; the others' requests move to it, and their own submissions go:
 * no call was made for them, so nobody knows their tokens.
 *
 * Only those go together that a callback can tell apart: in a batch custom selects the contact, and
 * where that is equal or absent, the names do. */
#include "store/writer.h"

#include "model/contact.h"

#include <errno.h>
#include <string.h>

#define LOOKED_AT_MAX (2 * LIMIT_BATCH) /* lone ones; not all of them may join */

struct member {
    struct digest custom_digest;
    struct json_object *content; /* owned */
};

struct group {
    struct writer *writer;
    store_key submission;
    struct member members[LIMIT_BATCH];
    size_t n, most;
};

static size_t batch_of(const struct writer *writer)
{
    int64_t batch = writer->settings.batch;

    if (batch < 1)
        return 1;
    return batch < LIMIT_BATCH ? (size_t)batch : LIMIT_BATCH;
}

int64_t grouping_delay(const struct writer *writer)
{
    return batch_of(writer) > 1 ? writer->settings.batch_delay_ms : 0;
}

/* At most @max of them but @except; ascending. */
static int get_lone(struct writer *writer, enum enrichment_type type, store_key except, size_t max,
                    store_key *keys, size_t *ret_n)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_LONE_SUBMISSIONS);
    size_t n = 0;
    int r;

    query_bind_int(&query, type);
    query_bind_int(&query, except);
    query_bind_int(&query, (int64_t)max);
    while ((r = query_step(&query)) > 0)
        keys[n++] = query_int(&query, 0);
    *ret_n = n;
    return r;
}

int grouping_is_full(struct writer *writer, enum enrichment_type type, store_key *ret_first)
{
    store_key keys[LIMIT_BATCH];
    size_t n;
    int r;

    if (grouping_delay(writer) == 0)
        return 0;
    r = get_lone(writer, type, 0, batch_of(writer), keys, &n);
    if (r < 0 || n < batch_of(writer))
        return r;
    *ret_first = keys[0];
    return 1;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool names_equal(struct json_object *a, struct json_object *b)
{
    return text_equal(json_get_string(a, "firstname"), json_get_string(b, "firstname")) &&
           text_equal(json_get_string(a, "lastname"), json_get_string(b, "lastname"));
}

/* 1 when a callback about one could be about the other by its custom. One without custom is looked
 * for by name alone, among all. */
static int customs_alike(const struct writer *writer, const struct member *a,
                         const struct member *b)
{
    struct json_object *custom = json_get(a->content, "custom");
    struct json_object *other = json_get(b->content, "custom");

    if (digest_equal(&a->custom_digest, &b->custom_digest) || custom_is_absent(custom) ||
        custom_is_absent(other))
        return 1;
    return writer->settings.custom_lenient ? json_equal(custom, other, true) : 0;
}

/* 1 when it may go with all that are there, 0, or -ENOMEM. */
static int may_join(const struct group *group, const struct member *candidate)
{
    int r = job_may_have_both(group->members[0].content, candidate->content);

    for (size_t i = 0; r > 0 && i < group->n; i++) {
        r = customs_alike(group->writer, &group->members[i], candidate);
        if (r >= 0)
            r = r == 0 || !names_equal(group->members[i].content, candidate->content);
    }
    return r;
}

/* 1 with the contact of a lone submission, 0 when it has none that waits, or a negative errno. */
static int get_member(struct writer *writer, store_key submission, struct member *ret)
{
    struct request_rows rows;
    int r = requests_of_submission(writer, submission, &rows);

    if (r < 0)
        return r;
    if (rows.n == 1 && rows.items[0].state == REQUEST_QUEUED &&
        rows.items[0].enrichment_id[0] == '\0') {
        ret->custom_digest = rows.items[0].custom_digest;
        r = request_content(writer, rows.items[0].key, &ret->content);
        r = r < 0 ? r : 1;
    }
    request_rows_done(&rows);
    return r;
}

static int run(struct writer *writer, enum sql_query which, store_key key)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    query_bind_int(&query, key);
    return query_run(&query);
}

static int move(struct group *group, store_key from)
{
    int r;

    {
        cleanup_query struct query query = query_start(&group->writer->database, SQL_MOVE_REQUESTS);
        query_bind_int(&query, from);
        query_bind_int(&query, group->submission);
        r = query_run(&query);
    }
    return r < 0 ? r : run(group->writer, SQL_DELETE_SUBMISSION, from);
}

static int try_join(struct group *group, store_key submission)
{
    struct member candidate;
    int r = get_member(group->writer, submission, &candidate);

    if (r <= 0)
        return r;
    r = may_join(group, &candidate);
    if (r > 0) {
        group->members[group->n++] = candidate;
        return move(group, submission);
    }
    json_object_put(candidate.content);
    return r;
}

static int gather(struct group *group, enum enrichment_type type)
{
    store_key keys[LOOKED_AT_MAX];
    size_t n;
    int r = get_lone(group->writer, type, group->submission, LOOKED_AT_MAX, keys, &n);

    for (size_t i = 0; r == 0 && i < n && group->n < group->most; i++)
        r = try_join(group, keys[i]);
    if (r == 0 && group->n > 1)
        r = run(group->writer, SQL_SET_SUBMISSION_BULK, group->submission);
    return r;
}

/* No more than the day's credits allow: the others stay what they are. */
static int set_most(struct group *group, enum enrichment_type type, int64_t now)
{
    size_t room;
    int r = budget_room(group->writer, type, now, &room);

    group->most = batch_of(group->writer) < room ? batch_of(group->writer) : room;
    return r;
}

int grouping_join(struct writer *writer, const struct submission_row *first, int64_t now)
{
    struct group group = {.writer = writer, .submission = first->key};
    int r;

    if (batch_of(writer) == 1 || first->bulk || first->part > 0)
        return 0;
    r = set_most(&group, first->type, now);
    if (r == 0)
        r = get_member(writer, first->key, &group.members[0]);
    if (r <= 0)
        return r;
    group.n = 1;
    r = gather(&group, first->type);
    for (size_t i = 0; i < group.n; i++)
        json_object_put(group.members[i].content);
    return r;
}
