/* Finding what is about a person. A linkedin_url is found by the index that submitting writes. An
 * e-mail address has none, since callbacks would have to write it, in random order: so it takes a
 * look at every result and every callback, a bounded number in each call. */
#include "store/reader_internal.h"

#include "model/person.h"
#include "model/result.h"

#include <errno.h>
#include <string.h>

/* Of one call. */
#define STEP_ROWS  200
#define STEP_BYTES (1024UL * 1024)

enum stage {
    STAGE_MEMBERS = 0, /* of a linkedin_url */
    STAGE_OLD,         /* likewise, of requests that are older than that index */
    STAGE_RESULTS,     /* of an e-mail address, as STAGE_CALLBACKS */
    STAGE_CALLBACKS,
    STAGE_UNCLAIMED, /* of a linkedin_url */
    STAGE_END,
};

struct look {
    const struct person *person;
    person_found_fn found;
    void *userdata;
    size_t bytes;
};

/* An escaped letter hides it from a search in the text. */
static bool may_have(const struct person *person, const char *text, size_t size)
{
    return text && (memchr(text, '\\', size) || person_in_text(person, text, size));
}

/* 1 when the answer or callback @text has the person's address as its result, 0, or -ENOMEM. */
static int answer_has(const struct look *look, const char *text, size_t size)
{
    cleanup_json struct json_object *body = NULL;
    struct reading reading;
    bool has;
    int r;

    if (!may_have(look->person, text, size))
        return 0;
    r = json_parse_strict(text, size, true, &body);
    if (r != 0)
        return r < 0 ? r : 0;
    r = reading_parse(body, &reading);
    if (r < 0)
        return r;
    has = person_in_result(look->person, reading.result);
    reading_done(&reading);
    return has;
}

/* Likewise for a callback that belongs to nobody, which goes when it names the person anywhere. */
static int unclaimed_has(const struct look *look, const char *text, size_t size)
{
    cleanup_json struct json_object *body = NULL;
    int r;

    if (!may_have(look->person, text, size))
        return 0;
    if (person_in_text(look->person, text, size))
        return 1;
    r = json_parse_strict(text, size, false, &body);
    return r != 0 ? (r < 0 ? r : 0) : person_in_json(look->person, body);
}

static int look_at_member(struct look *look, struct query *query)
{
    cleanup_json struct json_object *content = NULL;
    size_t size;
    const char *text = query_text(query, 1, &size), *url;
    int r = text ? json_parse_strict(text, size, true, &content) : -ENOMEM;

    if (r != 0)
        return r < 0 ? r : -EBADMSG;
    look->bytes += size;
    url = json_get_string(content, "linkedin_url");
    return url && person_equal(look->person, url)
               ? look->found(query_int(query, 0), 0, look->userdata)
               : 0;
}

static int look_at_result(struct look *look, struct query *query)
{
    int r = 0;

    for (int column = 1; r == 0 && column <= 2; column++) {
        size_t size;
        const char *text = query_text(query, column, &size);

        if (!text)
            continue;
        look->bytes += size;
        r = answer_has(look, text, size);
    }
    return r > 0 ? look->found(query_int(query, 0), 0, look->userdata) : r;
}

static int look_at_callback(struct look *look, struct query *query)
{
    store_key request = query_int(query, 1);
    size_t size;
    const char *text = query_blob(query, 2, &size);
    int r = request ? answer_has(look, text, size) : unclaimed_has(look, text, size);

    look->bytes += text ? size : 0;
    if (r <= 0)
        return r;
    return look->found(request, request ? 0 : query_int(query, 0), look->userdata);
}

static int look_at_unclaimed(struct look *look, struct query *query)
{
    size_t size;
    const char *text = query_blob(query, 1, &size);
    int r = unclaimed_has(look, text, size);

    look->bytes += text ? size : 0;
    return r > 0 ? look->found(0, query_int(query, 0), look->userdata) : r;
}

static const struct {
    enum sql_query query;
    bool member; /* it begins with the index key */
    int (*look)(struct look *look, struct query *query);
    int next[2]; /* stage of each enum person_kind */
} stages[] = {
    [STAGE_MEMBERS] = {SQL_READ_REQUESTS_OF_MEMBER,
                       true,
                       look_at_member,
                       {STAGE_RESULTS, STAGE_OLD}},
    [STAGE_OLD] = {SQL_READ_OLD_CONTENTS_AFTER,
                   false,
                   look_at_member,
                   {STAGE_END, STAGE_UNCLAIMED}},
    [STAGE_RESULTS] = {SQL_READ_RESULTS_AFTER, false, look_at_result, {STAGE_CALLBACKS, STAGE_END}},
    [STAGE_CALLBACKS] = {SQL_READ_CALLBACK_BODIES_AFTER,
                         false,
                         look_at_callback,
                         {STAGE_END, STAGE_END}},
    [STAGE_UNCLAIMED] = {SQL_READ_UNCLAIMED_CALLBACKS,
                         false,
                         look_at_unclaimed,
                         {STAGE_END, STAGE_END}},
};

/* 1 when rows may be left, 0 at the end of the stage, or a negative errno. */
static int run_stage(struct store_reader *reader, struct look *look, struct person_cursor *cursor)
{
    cleanup_query struct query query = query_start(&reader->database, stages[cursor->stage].query);
    size_t n = 0;
    int r;

    if (stages[cursor->stage].member)
        query_bind_int(&query, person_index_key(look->person));
    query_bind_int(&query, cursor->key);
    query_bind_int(&query, STEP_ROWS);
    while ((r = query_step(&query)) > 0) {
        r = stages[cursor->stage].look(look, &query);
        if (r < 0)
            return r;
        cursor->key = query_int(&query, 0);
        n++;
        if (look->bytes >= STEP_BYTES)
            return 1;
    }
    return r < 0 ? r : n == STEP_ROWS;
}

int reader_person(struct store_reader *reader, const struct person *person,
                  struct person_cursor *cursor, person_found_fn found, void *userdata)
{
    struct look look = {.person = person, .found = found, .userdata = userdata};
    int r;

    if (cursor->stage == STAGE_MEMBERS && person->kind == PERSON_EMAIL)
        cursor->stage = STAGE_RESULTS;
    if (cursor->stage == STAGE_END)
        return 0;
    r = run_stage(reader, &look, cursor);
    if (r != 0)
        return r;
    cursor->stage = stages[cursor->stage].next[person->kind == PERSON_LINKEDIN];
    cursor->key = 0;
    return cursor->stage != STAGE_END;
}
