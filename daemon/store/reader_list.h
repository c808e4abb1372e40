/* Pages of lists, the same for all kinds, newest key first: a merge of ordered ranges, read in
 * small steps and no further than the page needs; cursors. For reader*.c only. */
#pragma once

#include "store/reader_internal.h"

#define RANGE_STEP 32 /* most rows of one statement */

struct range {
    int64_t a, b;                /* which one: the kind of list knows what they mean */
    store_key heads[RANGE_STEP]; /* read and not yet given out: next..n-1 */
    size_t n, next;
    size_t step;    /* so many rows are wanted now; grows to RANGE_STEP */
    store_key last; /* the last one that was read */
    bool end;       /* there are no more */
};

struct list {
    struct store_reader *reader;
    const void *filter; /* the kind's own */
    char cursor;        /* letter of the kind in cursors */
    store_key start;    /* items come after this one */
    store_key oldest;   /* what is below it is not wanted, when the kind knows that; 0 */
    struct range *ranges;
    size_t n_ranges;

    /* Reads the next range->step keys after range->last with range_read(). 0 or a negative
     * errno. */
    int (*fetch)(struct list *list, struct range *range);
    /* Fills a zeroed item. 1; 0 when the filter refuses it (the item stays zeroed); or a negative
     * errno. Adds what it read to list->size. */
    int (*load)(struct list *list, store_key key, void *item);
    size_t item_size;
    void (*item_done)(void *item);
    size_t size; /* bytes read for this page */
};

/* Where the list starts: after the cursor, or at its newest when @after is NULL. To be called
 * before any range is added. READER_OK or READER_E_CURSOR. */
int list_start(struct list *list, const char *after);
/* Room for @n ranges in list->ranges, for list_done(). 0 or -ENOMEM. */
int list_ranges(struct list *list, size_t n);
void list_done(struct list *list);
#define cleanup_list __attribute__((cleanup(list_done)))

/* Appends the rows (key) of @query to @range. 0 or a negative errno. */
int range_read(struct range *range, struct query *query);

/* The first key that was created at @at or later, one behind all keys when there is none, as far as the
 * clock went forward only. Halves are searched: a few dozen look-ups at any size. @from: a statement
 * that gives the first key not below ?1, and its time. 0 or a negative errno. */
int list_find_time(struct list *list, enum sql_query from, int64_t at, store_key *ret);

/* One page, inside of a snapshot. Outputs as those of the lists in reader.h. 0 or a negative
 * errno. */
int list_page(struct list *list, size_t limit, void **ret_items, size_t *ret_n, char **ret_next);

/* Frees @n items and their array. */
void list_free_items(void *items, size_t n, size_t item_size, void (*item_done)(void *item));
