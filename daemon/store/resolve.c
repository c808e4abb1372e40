/* Collects the facts that model/matching.h decides over. Exact comparing of custom needs its digest
 * only, so that the common case reads no content; names and lenient comparing read that of the
 * candidates that are left.
 *
 * Known identifiers of a request are those that the calls that had it got, and its own (an early
 * callback brought it, or it was registered). As long as none of these calls was answered, or when
 * one of its submission never was, Pronto may have given any. */
#include "store/writer.h"

#include "model/contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct facts {
    struct writer *writer;
    const struct reading *reading;
    const struct request_rows *rows;
    struct candidate *candidates;
    const struct submission_trait *trait; /* of the one submission; NULL: to be read of each */
    bool batch;
};

void resolution_done(struct resolution *resolution)
{
    request_rows_done(&resolution->rows);
}

/* Candidates of one submission follow each other: those from @first to before @end. */
struct run {
    size_t first, end;
};

static struct run next_run(const struct request_rows *rows, size_t first)
{
    size_t end = first + 1;

    while (end < rows->n && rows->items[end].submission == rows->items[first].submission)
        end++;
    return (struct run){first, end};
}

/* A call got an identifier for the requests of its range. */
static void note_call(struct facts *facts, struct run run, const char *id, store_key first,
                      store_key last)
{
    const char *wanted = facts->reading->enrichment_id;

    for (size_t i = run.first; i < run.end; i++) {
        if (facts->rows->items[i].key < first || facts->rows->items[i].key > last)
            continue;
        facts->candidates[i].id_known = true;
        if (wanted && strcmp(id, wanted) == 0)
            facts->candidates[i].id_equal = true;
    }
}

static int look_at_calls(struct facts *facts, struct run run)
{
    cleanup_query struct query query = query_start(&facts->writer->database, SQL_GET_CALL_IDS);
    int r;

    query_bind_int(&query, facts->rows->items[run.first].submission);
    while ((r = query_step(&query)) > 0) {
        const char *id = query_text(&query, 0, NULL);

        if (id == NULL)
            return -ENOMEM;
        note_call(facts, run, id, query_int(&query, 1), query_int(&query, 2));
    }
    return r;
}

static int get_trait(struct facts *facts, struct run run, struct submission_trait *ret)
{
    struct submission_row row;
    int r = submission_get(facts->writer, facts->rows->items[run.first].submission, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    *ret = (struct submission_trait){
        .registered = row.state == SUBMISSION_REGISTERED,
        .bulk = row.bulk,
        .ids_known = row.unanswered == 0,
    };
    return 0;
}

/* Then it does not matter what the calls got. */
static bool all_have_the_id(const struct facts *facts, struct run run)
{
    const char *wanted = facts->reading->enrichment_id;

    for (size_t i = run.first; i < run.end; i++)
        if (!wanted || strcmp(facts->rows->items[i].enrichment_id, wanted) != 0)
            return false;
    return true;
}

/* What the calls and the submission tell of its requests. */
static int submission_facts(struct facts *facts, struct run run)
{
    struct submission_trait trait;
    int r = 0;

    if (facts->trait)
        trait = *facts->trait;
    else
        r = get_trait(facts, run, &trait);
    if (r == 0 && !all_have_the_id(facts, run))
        r = look_at_calls(facts, run);
    if (r < 0)
        return r;
    if (trait.bulk)
        facts->batch = true;
    for (size_t i = run.first; i < run.end; i++) {
        struct candidate *candidate = &facts->candidates[i];

        candidate->id_known = (candidate->id_known || trait.registered) && trait.ids_known;
    }
    return 0;
}

static int custom_equal(struct facts *facts, const struct request_row *row, bool *ret)
{
    cleanup_json struct json_object *content = NULL;
    int r;

    *ret = digest_equal(&row->custom_digest, &facts->reading->custom_digest);
    if (*ret || !facts->writer->settings.custom_lenient || facts->reading->custom == NULL)
        return 0;
    r = request_content(facts->writer, row->key, &content);
    if (r < 0)
        return r;
    r = match_custom_equal(json_get(content, "custom"), facts->reading, true);
    if (r < 0)
        return r;
    *ret = r > 0;
    return 0;
}

static int row_facts(struct facts *facts, size_t i)
{
    const char *wanted = facts->reading->enrichment_id;
    const struct request_row *row = &facts->rows->items[i];
    struct candidate *candidate = &facts->candidates[i];

    candidate->has_result =
        row->state == REQUEST_FINISHED || row->callback != 0; /* or its signal */
    if (wanted && strcmp(row->enrichment_id, wanted) == 0)
        candidate->id_equal = true;
    return custom_equal(facts, row, &candidate->custom_equal);
}

static int collect(struct facts *facts)
{
    int r = 0;

    for (struct run run = {0, 0}; r == 0 && run.end < facts->rows->n;) {
        run = next_run(facts->rows, run.end);
        r = submission_facts(facts, run);
    }
    for (size_t i = 0; r == 0 && i < facts->rows->n; i++)
        r = row_facts(facts, i);
    return r;
}

/* Names decide in a batch only, and there only when custom does not. */
static int collect_names(struct facts *facts)
{
    bool absent = facts->reading->custom == NULL;
    size_t n_equal = 0;

    for (size_t i = 0; i < facts->rows->n; i++)
        n_equal += facts->candidates[i].custom_equal;
    if ((!facts->batch && facts->rows->n < 2) || (!absent && n_equal < 2))
        return 0;
    for (size_t i = 0; i < facts->rows->n; i++) {
        cleanup_json struct json_object *content = NULL;

        if (!absent && !facts->candidates[i].custom_equal)
            continue;
        int r = request_content(facts->writer, facts->rows->items[i].key, &content);
        if (r < 0)
            return r;
        facts->candidates[i].name_equal = match_name_equal(content, facts->reading);
    }
    return 0;
}

static int decide(struct writer *writer, const struct reading *reading,
                  const struct submission_trait *trait, struct resolution *ret)
{
    cleanup_free struct candidate *candidates = calloc(ret->rows.n + 1, sizeof(*candidates));
    struct facts facts = {writer, reading, &ret->rows, candidates, trait, false};
    int r;

    if (candidates == NULL)
        return -ENOMEM;
    r = collect(&facts);
    if (r == 0)
        r = collect_names(&facts);
    if (r < 0)
        return r;
    ret->batch = facts.batch || ret->rows.n > 1;
    ret->verdict = match_decide(candidates, ret->rows.n, facts.batch, reading->custom == NULL,
                                reading->status == RESULT_FINAL);
    return 0;
}

/* Two contacts of a batch may be equal in all that a callback says, and one of them still here. */
static int equal_one_left(struct writer *writer, const struct reading *reading,
                          const struct request_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        cleanup_json struct json_object *content = NULL;

        if (!digest_equal(&rows->items[i].custom_digest, &reading->custom_digest))
            continue;
        int r = request_content(writer, rows->items[i].key, &content);
        if (r < 0)
            return r;
        if (match_name_equal(content, reading))
            return 1;
    }
    return 0;
}

/* Is it about somebody who was erased from a batch that goes on? */
static int look_for_erased(struct writer *writer, const struct reading *reading,
                           struct resolution *resolution)
{
    struct erased_contact contact = {
        .submission = resolution->submission,
        .custom = reading->custom ? &reading->custom_digest : NULL,
        .first_name = reading->first_name,
        .last_name = reading->last_name,
    };
    int r = tombstone_has_contact(writer, &contact, false);

    if (r > 0) {
        r = equal_one_left(writer, reading, &resolution->rows);
        if (r >= 0)
            resolution->erased = r == 0;
        return r < 0 ? r : 0;
    }
    if (r < 0 || resolution->verdict.index >= 0)
        return r;
    r = tombstone_has_contact(writer, &contact, true);
    if (r > 0)
        resolution->erased = true;
    return r < 0 ? r : 0;
}

static bool is_of_nobody(const struct resolution *resolution)
{
    return resolution->rows.n == 0 || resolution->verdict.index < 0;
}

static store_key common_submission(const struct request_rows *rows)
{
    for (size_t i = 1; i < rows->n; i++)
        if (rows->items[i].submission != rows->items[0].submission)
            return 0;
    return rows->n > 0 ? rows->items[0].submission : 0;
}

static int load_candidates(struct writer *writer, const struct reading *reading,
                           store_key submission, struct submission_trait *ret_trait,
                           struct resolution *ret)
{
    int r = 0;

    if (submission != 0)
        r = candidates_of_submission(writer, submission, &ret->rows, ret_trait);
    else if (reading->enrichment_id)
        r = requests_of_enrichment_id(writer, reading->enrichment_id, &ret->rows);
    if (r == 0)
        ret->submission = submission ? submission : common_submission(&ret->rows);
    ret->token = ret_trait->token;
    return r;
}

int resolve(struct writer *writer, const struct reading *reading, store_key submission,
            struct resolution *ret)
{
    struct resolution resolution = {0};
    struct submission_trait trait = {0};
    int r = load_candidates(writer, reading, submission, &trait, &resolution);

    if (r == 0)
        r = decide(writer, reading, submission != 0 ? &trait : NULL, &resolution);
    if (r == 0 && resolution.submission != 0 && resolution.batch)
        r = look_for_erased(writer, reading, &resolution);
    if (r == 0 && !resolution.erased && is_of_nobody(&resolution) && reading->enrichment_id) {
        r = tombstone_has_id(writer, reading->enrichment_id);
        resolution.erased = r > 0;
    }
    if (r < 0) {
        resolution_done(&resolution);
        return r;
    }
    *ret = resolution;
    return 0;
}

int answer_is_about(struct writer *writer, const struct request_row *row,
                    const struct reading *reading)
{
    struct facts facts = {.writer = writer, .reading = reading};
    cleanup_json struct json_object *content = NULL;
    bool equal;
    int r;

    if (reading->enrichment_id && strcmp(reading->enrichment_id, row->enrichment_id) != 0)
        return 0;
    if (reading->custom) {
        r = custom_equal(&facts, row, &equal);
        return r < 0 ? r : equal;
    }
    if (!reading->first_name || !reading->last_name)
        return 1;
    r = request_content(writer, row->key, &content);
    if (r < 0)
        return r;
    return !json_get_string(content, "firstname") || !json_get_string(content, "lastname") ||
           match_name_equal(content, reading);
}
