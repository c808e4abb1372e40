#include "store/writer.h"

#include <errno.h>
#include <stdlib.h>

int keys_add(struct keys *keys, store_key key)
{
    if (keys->n == keys->room) {
        size_t room = keys->room ? keys->room * 2 : 64;
        store_key *items = reallocarray(keys->items, room, sizeof(*items));

        if (items == NULL)
            return -ENOMEM;
        keys->items = items;
        keys->room = room;
    }
    keys->items[keys->n++] = key;
    return 0;
}

static int compare(const void *a, const void *b)
{
    store_key first = *(const store_key *)a, second = *(const store_key *)b;

    return (first > second) - (first < second);
}

void keys_sort(struct keys *keys)
{
    if (keys->n > 1)
        qsort(keys->items, keys->n, sizeof(*keys->items), compare);
}

bool keys_have(const struct keys *keys, store_key key)
{
    return keys->n > 0 &&
           bsearch(&key, keys->items, keys->n, sizeof(*keys->items), compare) != NULL;
}

void keys_done(struct keys *keys)
{
    free(keys->items);
    *keys = (struct keys){0};
}
