/* Which submissions are sent next. Each type has its turn of its own, since one may have to wait for
 * the next day's credits while others go on; of those that may, the longest due goes first. */
#include "store/writer.h"

#include <errno.h>

#define LOOKED_AT_MAX (2 * STORE_CLAIM_MAX) /* submissions; some have nothing left to ask for */

void drop_claim_submissions(struct store_command *command)
{
    struct store_claim_submissions *claim = (struct store_claim_submissions *)command;

    for (size_t i = 0; i < claim->n; i++)
        submission_job_free(claim->jobs[i]);
    claim->n = 0;
}

/* The submission of a type that is sent next. */
struct turn {
    store_key key; /* 0: none waits */
    int64_t due_at;
};

static int get_first(struct writer *writer, enum enrichment_type type, struct turn *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEXT_SUBMISSION);
    int r;

    *ret = (struct turn){0};
    query_bind_int(&query, type);
    r = query_step(&query);
    if (r > 0)
        *ret = (struct turn){query_int(&query, 0), query_int(&query, 1)};
    return r < 0 ? r : 0;
}

static int get_turn(struct writer *writer, enum enrichment_type type, int64_t now, struct turn *ret)
{
    store_key first;
    int r = get_first(writer, type, ret);

    if (r < 0 || ret->key == 0 || ret->due_at <= now)
        return r;
    r = grouping_is_full(writer, type, &first);
    if (r > 0)
        *ret = (struct turn){first, now};
    return r < 0 ? r : 0;
}

struct claiming {
    struct writer *writer;
    struct store_claim_submissions *claim;
    struct turn turns[ENRICHMENT_MAX_];
};

static bool is_due(const struct claiming *claiming, int type)
{
    const struct turn *turn = &claiming->turns[type];

    return turn->key != 0 && turn->due_at <= claiming->claim->now;
}

static int is_affordable(struct claiming *claiming, int type, bool *ret)
{
    size_t room;
    int r = budget_room(claiming->writer, (enum enrichment_type)type, claiming->claim->now, &room);

    *ret = room > 0;
    return r;
}

/* 1 with the type whose turn it is, 0, or a negative errno. */
static int choose(struct claiming *claiming, int *ret)
{
    bool affordable;
    int best = -1;

    for (int type = 0; type < ENRICHMENT_MAX_; type++) {
        int r = is_affordable(claiming, type, &affordable);

        if (r < 0)
            return r;
        if (affordable && is_due(claiming, type) &&
            (best < 0 || claiming->turns[type].due_at < claiming->turns[best].due_at))
            best = type;
    }
    *ret = best;
    return best >= 0;
}

static int claim_one(struct claiming *claiming, int type)
{
    struct store_claim_submissions *claim = claiming->claim;
    struct writer *writer = claiming->writer;
    struct submission_row row;
    struct submission_job *job;
    int r = submission_get(writer, claiming->turns[type].key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = grouping_join(writer, &row, claim->now);
    if (r == 0)
        r = job_make(writer, &row, claim->now, &job);
    if (r < 0)
        return r;
    if (job)
        claim->jobs[claim->n++] = job;
    return get_turn(writer, (enum enrichment_type)type, claim->now, &claiming->turns[type]);
}

static int claim_due(struct claiming *claiming)
{
    struct store_claim_submissions *claim = claiming->claim;
    size_t max = claim->max < STORE_CLAIM_MAX ? claim->max : STORE_CLAIM_MAX;
    int type, r = 0;

    for (size_t i = 0; i < LOOKED_AT_MAX && claim->n < max; i++) {
        r = choose(claiming, &type);
        if (r <= 0)
            return r;
        r = claim_one(claiming, type);
        if (r < 0)
            return r;
    }
    return 0;
}

static int look_ahead(struct claiming *claiming)
{
    struct store_claim_submissions *claim = claiming->claim;

    for (int type = 0; type < ENRICHMENT_MAX_; type++) {
        const struct turn *turn = &claiming->turns[type];
        bool affordable;
        int r = is_affordable(claiming, type, &affordable);

        if (r < 0)
            return r;
        if (!affordable && is_due(claiming, type))
            claim->no_credits |= 1U << type;
        if (!affordable || turn->key == 0)
            continue;
        if (claim->next_due_at == 0 || turn->due_at < claim->next_due_at)
            claim->next_due_at = turn->due_at;
    }
    return 0;
}

int apply_claim_submissions(struct writer *writer, struct store_command *command)
{
    struct store_claim_submissions *claim = (struct store_claim_submissions *)command;
    struct claiming claiming = {.writer = writer, .claim = claim};
    int r = 0;

    claim->n = 0;
    claim->next_due_at = 0;
    claim->no_credits = 0;
    for (int type = 0; r == 0 && type < ENRICHMENT_MAX_; type++)
        r = get_turn(writer, (enum enrichment_type)type, claim->now, &claiming.turns[type]);
    if (r == 0)
        r = claim_due(&claiming);
    return r < 0 ? r : look_ahead(&claiming);
}
