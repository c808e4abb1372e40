/* Requests by class, 128 neighbours at a time. What a transaction changes is collected here and written
 * at its end: callbacks mostly come in the order of their requests, so that many of them change one row. */
#include "store/writer.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_BITS  7    /* of a key that tell its place in a block, see the schema */
#define CHANGES_MAX 4096 /* that wait */
#define LOOKED_BACK 4    /* at so many of the last ones, whether they are about the same block */

static int write_one(struct writer *writer, const struct class_change *change)
{
    {
        cleanup_query struct query query = query_start(&writer->database, SQL_ADD_TO_CLASS_BLOCK);
        query_bind_int(&query, change->class);
        query_bind_int(&query, change->block);
        query_bind_int(&query, change->n);
        int r = query_run(&query);
        if (r < 0 || change->n > 0)
            return r;
    }
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_EMPTY_CLASS_BLOCK);
    query_bind_int(&query, change->class);
    query_bind_int(&query, change->block);
    return query_run(&query);
}

static int compare(const void *a, const void *b)
{
    const struct class_change *x = a, *y = b;

    if (x->class != y->class)
        return (x->class > y->class) - (x->class < y->class);
    return (x->block > y->block) - (x->block < y->block);
}

int class_blocks_flush(struct writer *writer)
{
    struct class_changes *changes = &writer->class_changes;
    size_t n = changes->n;
    int r = 0;

    changes->n = 0;
    if (n > 1)
        qsort(changes->items, n, sizeof(*changes->items), compare);
    for (size_t i = 0, next; r == 0 && i < n; i = next) {
        struct class_change sum = changes->items[i];

        for (next = i + 1; next < n && compare(&sum, &changes->items[next]) == 0; next++)
            sum.n += changes->items[next].n;
        if (sum.n != 0)
            r = write_one(writer, &sum);
    }
    return r;
}

int class_block_change(struct writer *writer, store_key request, int64_t class, int64_t n)
{
    struct class_changes *changes = &writer->class_changes;
    struct class_change change = {.class = class, .block = request >> BLOCK_BITS, .n = n};

    for (size_t i = changes->n; i > 0 && i + LOOKED_BACK > changes->n; i--)
        if (compare(&changes->items[i - 1], &change) == 0) {
            changes->items[i - 1].n += n;
            return 0;
        }
    if (changes->n == CHANGES_MAX) {
        int r = class_blocks_flush(writer);

        if (r < 0)
            return r;
    }
    if (!changes->items)
        changes->items = reallocarray(NULL, CHANGES_MAX, sizeof(*changes->items));
    if (!changes->items)
        return -ENOMEM;
    changes->items[changes->n++] = change;
    return 0;
}

void class_changes_done(struct class_changes *changes)
{
    free(changes->items);
    *changes = (struct class_changes){0};
}
