#include "simulator/schedule.h"

#include <errno.h>

struct callback *callback_new(void)
{
    return calloc(1, sizeof(struct callback));
}

void callback_await(struct callback *callback, struct sighting *sighting)
{
    callback->sighting = sighting_ref(sighting);
    if (sighting)
        sighting->n_waiting++;
}

void callback_free(struct callback *callback)
{
    while (callback) {
        struct callback *next = callback->next;
        free(callback->url);
        free(callback->body);
        if (callback->sighting)
            callback->sighting->n_waiting--;
        sighting_unref(callback->sighting);
        free(callback);
        callback = next;
    }
}

void schedule_release(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->n; i++)
        callback_free(schedule->items[i]);
    free((void *)schedule->items);
    *schedule = (struct schedule){0};
}

static bool before(const struct callback *a, const struct callback *b)
{
    return a->due != b->due ? a->due < b->due : a->sequence < b->sequence;
}

static void swap(struct callback **a, struct callback **b)
{
    struct callback *kept = *a;
    *a = *b;
    *b = kept;
}

int schedule_add(struct schedule *schedule, struct callback *callback)
{
    struct callback **items = schedule->items;
    size_t i = schedule->n;

    if (schedule->n == schedule->capacity) {
        size_t capacity = schedule->capacity ? 2 * schedule->capacity : 64;

        items = (struct callback **)reallocarray((void *)items, capacity, sizeof(void *));
        if (!items)
            return -ENOMEM;
        schedule->items = items;
        schedule->capacity = capacity;
    }
    callback->sequence = schedule->next_sequence++;
    items[schedule->n++] = callback;
    for (; i > 0 && before(items[i], items[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&items[i], &items[(i - 1) / 2]);
    return 0;
}

int64_t schedule_due(const struct schedule *schedule)
{
    return schedule->n > 0 ? schedule->items[0]->due : INT64_MAX;
}

struct callback *schedule_take(struct schedule *schedule, int64_t now)
{
    struct callback **items = schedule->items, *first;
    size_t i = 0;

    if (schedule_due(schedule) > now)
        return NULL;
    first = items[0];
    items[0] = items[--schedule->n];
    for (;;) {
        size_t least = 2 * i + 1;

        if (least + 1 < schedule->n && before(items[least + 1], items[least]))
            least++;
        if (least >= schedule->n || !before(items[least], items[i]))
            break;
        swap(&items[i], &items[least]);
        i = least;
    }
    return first;
}

static int compare(const void *a, const void *b)
{
    const struct callback *const *left = a, *const *right = b;

    return before(*left, *right) ? -1 : before(*right, *left) ? 1 : 0;
}

size_t schedule_flush(struct schedule *schedule, int64_t now)
{
    if (schedule->n > 1) /* a sorted array is a heap */
        qsort((void *)schedule->items, schedule->n, sizeof(void *), compare);
    for (size_t i = 0; i < schedule->n; i++) {
        schedule->items[i]->due = now;
        schedule->items[i]->flushed = true;
        schedule->items[i]->sequence = schedule->next_sequence++;
    }
    return schedule->n;
}
