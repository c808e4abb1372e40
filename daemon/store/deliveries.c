/* Which deliveries run next: first how many of each hook are due, then how many of them each hook
 * gets, then which. */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>

/* What a claim knows of a hook. */
struct share {
    store_key key; /* 0: it has no delivery yet, or is paused */
    size_t due;    /* as many as could run */
    size_t given;
};

static int find_hook(struct writer *writer, const char *name, store_key *ret)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_STARTABLE_HOOK);
    int r;

    *ret = 0;
    query_bind_text(&query, name);
    r = query_get_int(&query, ret);
    return r < 0 ? r : 0;
}

static int find_due(struct writer *writer, store_key hook, int64_t now, size_t max, store_key *keys,
                    size_t *ret_n)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_DUE_DELIVERIES);
    size_t n = 0;
    int r;

    query_bind_int(&query, hook);
    query_bind_int(&query, now);
    query_bind_int(&query, (int64_t)max);
    while ((r = query_step(&query)) > 0)
        keys[n++] = query_int(&query, 0);
    *ret_n = n;
    return r;
}

static int count_due(struct writer *writer, const struct hook_capacity *capacity, int64_t now,
                     struct share *share)
{
    int64_t n = 0;
    int r = find_hook(writer, capacity->hook, &share->key);

    if (r < 0 || share->key == 0)
        return r;
    cleanup_query struct query query = query_start(&writer->database, SQL_COUNT_DUE_DELIVERIES);
    query_bind_int(&query, share->key);
    query_bind_int(&query, now);
    query_bind_int(&query, capacity->free < STORE_CLAIM_DELIVERIES_MAX
                               ? (int64_t)capacity->free
                               : STORE_CLAIM_DELIVERIES_MAX);
    r = query_get_int(&query, &n);
    share->due = (size_t)n;
    return r < 0 ? r : 0;
}

/* Places of the shared ones that the next may go to. */
struct places {
    size_t free;
    size_t without; /* hooks that have none yet */
};

static bool may_have(const struct hook_capacity *capacity, const struct share *share,
                     const struct places *places)
{
    if (share->given == share->due)
        return false;
    if (!capacity->shared)
        return true;
    if (capacity->running + share->given == 0)
        return places->free > 0;
    return places->free > places->without;
}

static void give(const struct hook_capacity *capacity, struct share *share, struct places *places)
{
    if (capacity->shared) {
        places->free--;
        if (capacity->running + share->given == 0)
            places->without--;
    }
    share->given++;
}

/* True when there was more to give out than jobs has room for. */
static bool give_out(const struct store_claim_deliveries *claim, struct share *shares)
{
    const struct hook_capacity *hooks = claim->hooks;
    struct places places = {.free = claim->shared};

    for (size_t i = 0; i < claim->n_hooks; i++)
        if (hooks[i].shared && hooks[i].running == 0)
            places.without++;
    for (size_t n = 0;; n++) {
        size_t next = claim->n_hooks;

        for (size_t i = 0; i < claim->n_hooks; i++)
            if (may_have(&hooks[i], &shares[i], &places) &&
                (next == claim->n_hooks ||
                 hooks[i].running + shares[i].given < hooks[next].running + shares[next].given))
                next = i;
        if (next == claim->n_hooks)
            return false;
        if (n == STORE_CLAIM_DELIVERIES_MAX)
            return true;
        give(&hooks[next], &shares[next], &places);
    }
}

static int claim_one(struct writer *writer, store_key key, size_t hook,
                     struct store_claim_deliveries *claim)
{
    struct delivery_row row;
    int r = delivery_get(writer, key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = delivery_become(writer, &row, DELIVERY_RUNNING, 0, claim->now);
    if (r < 0)
        return r;
    claim->jobs[claim->n++] = (struct delivery_job){
        .key = key,
        .hook = hook,
        .attempts = row.attempts,
        .interruptions = row.interruptions,
        .since = row.renewed_at != 0 ? row.renewed_at : row.created_at,
    };
    return 0;
}

static int claim_of_hook(struct writer *writer, size_t hook, const struct share *share,
                         struct store_claim_deliveries *claim)
{
    store_key keys[STORE_CLAIM_DELIVERIES_MAX];
    size_t n;
    int r;

    if (share->given == 0)
        return 0;
    r = find_due(writer, share->key, claim->now, share->given, keys, &n);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = claim_one(writer, keys[i], hook, claim);
    return r;
}

static int note_next_due(struct writer *writer, store_key hook,
                         struct store_claim_deliveries *claim)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEXT_DELIVERY_DUE);
    int64_t at = 0;
    int r;

    query_bind_int(&query, hook);
    query_bind_int(&query, claim->now);
    r = query_get_int(&query, &at);
    if (r > 0 && (claim->next_due_at == 0 || at < claim->next_due_at))
        claim->next_due_at = at;
    return r < 0 ? r : 0;
}

int apply_claim_deliveries(struct writer *writer, struct store_command *command)
{
    struct store_claim_deliveries *claim = (struct store_claim_deliveries *)command;
    struct share shares[LIMIT_HOOKS] = {0};
    int r = 0;

    assert(claim->n_hooks <= LIMIT_HOOKS);
    claim->n = 0;
    claim->next_due_at = 0;
    for (size_t i = 0; r == 0 && i < claim->n_hooks; i++)
        if (claim->hooks[i].free > 0)
            r = count_due(writer, &claim->hooks[i], claim->now, &shares[i]);
    claim->more = give_out(claim, shares);
    for (size_t i = 0; r == 0 && i < claim->n_hooks; i++) {
        if (shares[i].key == 0)
            continue;
        r = claim_of_hook(writer, i, &shares[i], claim);
        if (r == 0)
            r = note_next_due(writer, shares[i].key, claim);
    }
    return r;
}
