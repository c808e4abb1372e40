/* Which deliveries run next, by hook. */
#include "store/writer.h"

#include <errno.h>
#include <string.h>

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

static int claim_one(struct writer *writer, store_key key, const char *hook,
                     struct store_claim_deliveries *claim)
{
    struct delivery_job *job = &claim->jobs[claim->n];
    struct delivery_row row;
    int r = delivery_get(writer, key, &row);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    r = delivery_become(writer, &row, DELIVERY_RUNNING, 0, claim->now);
    if (r < 0)
        return r;
    job->key = key;
    memccpy(job->hook, hook, '\0', sizeof(job->hook));
    job->hook[sizeof(job->hook) - 1] = '\0';
    claim->n++;
    return 0;
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

static int claim_of_hook(struct writer *writer, const struct hook_capacity *capacity,
                         struct store_claim_deliveries *claim)
{
    size_t room = STORE_CLAIM_MAX - claim->n;
    size_t wanted = capacity->free;
    store_key keys[STORE_CLAIM_MAX + 1], hook;
    size_t n = 0;
    int r = hook_get(writer, capacity->hook, &hook);

    if (r <= 0)
        return r;
    /* One more than there is room for tells whether any are left. */
    if (wanted > room)
        wanted = room + 1;
    if (wanted > 0)
        r = find_due(writer, hook, claim->now, wanted, keys, &n);
    if (r < 0)
        return r;
    if (n > room) {
        claim->more = true;
        n = room;
    }
    for (size_t i = 0; i < n; i++) {
        r = claim_one(writer, keys[i], capacity->hook, claim);
        if (r < 0)
            return r;
    }
    return note_next_due(writer, hook, claim);
}

int apply_claim_deliveries(struct writer *writer, struct store_command *command)
{
    struct store_claim_deliveries *claim = (struct store_claim_deliveries *)command;

    claim->n = 0;
    claim->next_due_at = 0;
    claim->more = false;
    for (size_t i = 0; i < claim->n_hooks; i++) {
        int r = claim_of_hook(writer, &claim->hooks[i], claim);

        if (r < 0)
            return r;
    }
    return 0;
}
