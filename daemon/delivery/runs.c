#include "delivery/deliverer_internal.h"

static struct run_list *list_of(struct deliverer *deliverer, store_key delivery)
{
    return &deliverer->runs[(uint64_t)delivery % RUN_LISTS];
}

void runs_add(struct deliverer *deliverer, struct run *run)
{
    LIST_INSERT_HEAD(list_of(deliverer, run->delivery), run, link);
    deliverer->n_runs++;
    if (run->shared)
        deliverer->n_shared++;
}

static struct run *take(struct deliverer *deliverer, struct run *run)
{
    LIST_REMOVE(run, link);
    deliverer->n_runs--;
    if (run->shared)
        deliverer->n_shared--;
    return run;
}

struct run *runs_find(struct deliverer *deliverer, store_key delivery)
{
    struct run *run;

    LIST_FOREACH(run, list_of(deliverer, delivery), link)
    {
        if (run->delivery == delivery)
            return run;
    }
    return NULL;
}

struct run *runs_take(struct deliverer *deliverer, store_key delivery)
{
    struct run *run = runs_find(deliverer, delivery);

    return run ? take(deliverer, run) : NULL;
}

struct run *runs_take_one(struct deliverer *deliverer)
{
    for (size_t i = 0; i < RUN_LISTS; i++)
        if (!LIST_EMPTY(&deliverer->runs[i]))
            return take(deliverer, LIST_FIRST(&deliverer->runs[i]));
    return NULL;
}
