/* Where threads meet: commands go in, done commands and changes come out. The lock is held for a
 * few instructions only, never while a command is applied or its done runs. */
#include "store/engine.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>

#define KEYS_MAX (1024UL * 1024) /* keys of a kind that wait for the loop; more are not told */

void command_list_init(struct command_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->n = 0;
}

void command_list_append(struct command_list *list, struct store_command *command)
{
    command->next = NULL;
    *list->last = command;
    list->last = &command->next;
    list->n++;
}

/* What was in @list; @list is empty afterwards. */
static struct store_command *take_list(struct command_list *list)
{
    struct store_command *first = list->first;

    command_list_init(list);
    return first;
}

static void signal_loop(struct store *store)
{
    /* Fails only when it was signalled 2^64 times. */
    (void)eventfd_write(store->event_fd, 1);
}

enum store_result store_post(struct store *store, struct store_command *command)
{
    size_t bytes = command_bytes(command);
    bool always = command_always_fits(command);
    enum store_result result = STORE_OK;

    pthread_mutex_lock(&store->lock);
    if (store->closing || store->failed < 0) {
        result = STORE_E_UNAVAILABLE;
    } else if (!always && (store->queue.n >= STORE_QUEUE_MAX ||
                           store->queue_bytes + bytes > STORE_QUEUE_BYTES)) {
        result = STORE_E_FULL;
    } else {
        command_list_append(&store->queue, command);
        store->queue_bytes += bytes;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

static struct timespec after_ms(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct queue_taken queue_take(struct store *store, int64_t wait_ms)
{
    struct timespec until = after_ms(wait_ms);
    struct queue_taken taken;

    pthread_mutex_lock(&store->lock);
    while (store->queue.first == NULL && !store->closing &&
           store->knock == atomic_load(&store->answered))
        if (pthread_cond_timedwait(&store->wake, &store->lock, &until) == ETIMEDOUT)
            break;
    taken.n = store->queue.n;
    taken.first = take_list(&store->queue);
    store->queue_bytes = 0;
    taken.closing = store->closing;
    taken.knock = store->knock;
    pthread_mutex_unlock(&store->lock);
    return taken;
}

void store_knock(struct store *store, uint64_t number)
{
    pthread_mutex_lock(&store->lock);
    store->knock = number;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

uint64_t store_answered(const struct store *store)
{
    return atomic_load(&store->answered);
}

void queue_again(struct store *store, struct store_command *command)
{
    pthread_mutex_lock(&store->lock);
    command_list_append(&store->queue, command);
    pthread_mutex_unlock(&store->lock);
}

bool queue_is_empty(struct store *store)
{
    bool empty;

    pthread_mutex_lock(&store->lock);
    empty = store->queue.first == NULL;
    pthread_mutex_unlock(&store->lock);
    return empty;
}

bool queue_is_closing(struct store *store)
{
    bool closing;

    pthread_mutex_lock(&store->lock);
    closing = store->closing;
    pthread_mutex_unlock(&store->lock);
    return closing;
}

/* Keys that find no room are not told: who waits for them looks again when its time is over; a hook
 * that is not told to stop ends by itself. */
static void add_keys(struct keys *to, const struct keys *from)
{
    for (size_t i = 0; i < from->n && to->n < KEYS_MAX; i++)
        if (keys_add(to, from->items[i]) < 0)
            return;
}

void queue_end(struct store *store, struct store_command *first, size_t n, struct changes *changes)
{
    struct command_list for_loop;
    struct store_command *next;

    command_list_init(&for_loop);
    for (; n > 0; n--, first = next) {
        next = first->next;
        if (first->where == STORE_DONE_ON_LOOP)
            command_list_append(&for_loop, first);
        else
            first->done(first);
    }
    pthread_mutex_lock(&store->lock);
    if (for_loop.first) {
        *store->done.last = for_loop.first;
        store->done.last = for_loop.last;
    }
    store->changes.submissions |= changes->submissions;
    store->changes.polls |= changes->polls;
    store->changes.deliveries |= changes->deliveries;
    store->changes.events |= changes->events;
    add_keys(&store->changes.settled, &changes->settled);
    add_keys(&store->changes.cancelled, &changes->cancelled);
    pthread_mutex_unlock(&store->lock);
    if (for_loop.first || changes->events || changes->submissions || changes->polls ||
        changes->deliveries || changes->settled.n > 0 || changes->cancelled.n > 0)
        signal_loop(store);
    changes_done(changes);
}

void queue_fail(struct store *store, int error)
{
    pthread_mutex_lock(&store->lock);
    if (store->failed == 0)
        store->failed = error;
    pthread_mutex_unlock(&store->lock);
    signal_loop(store);
}

int store_fd(const struct store *store)
{
    return store->event_fd;
}

static void tell_changes(struct changes *changes,
                         void (*changed)(const struct store_changes *changes, void *userdata),
                         void *userdata)
{
    struct store_changes told = {
        .submissions = changes->submissions,
        .polls = changes->polls,
        .deliveries = changes->deliveries,
        .events = changes->events,
    };

    keys_sort(&changes->settled);
    told.settled = changes->settled.items;
    told.n_settled = changes->settled.n;
    told.cancelled = changes->cancelled.items;
    told.n_cancelled = changes->cancelled.n;
    if (told.submissions || told.deliveries || told.events || told.n_settled > 0 ||
        told.n_cancelled > 0)
        changed(&told, userdata);
}

int store_dispatch(struct store *store,
                   void (*changed)(const struct store_changes *changes, void *userdata),
                   void *userdata)
{
    struct store_command *command, *next;
    struct changes changes;
    eventfd_t count;
    int failed;

    (void)eventfd_read(store->event_fd, &count);
    pthread_mutex_lock(&store->lock);
    command = take_list(&store->done);
    changes = store->changes;
    store->changes = (struct changes){0};
    failed = store->failed;
    pthread_mutex_unlock(&store->lock);
    for (; command; command = next) {
        next = command->next;
        command->done(command);
    }
    if (changed)
        tell_changes(&changes, changed, userdata);
    changes_done(&changes);
    return failed;
}

bool store_ready(struct store *store)
{
    bool ready;

    pthread_mutex_lock(&store->lock);
    ready = store->counts.ready && store->failed == 0;
    pthread_mutex_unlock(&store->lock);
    return ready;
}

void store_counts(struct store *store, struct store_counts *ret)
{
    pthread_mutex_lock(&store->lock);
    *ret = store->counts;
    ret->queue_length = (int64_t)store->queue.n;
    ret->queue_bytes = (int64_t)store->queue_bytes;
    pthread_mutex_unlock(&store->lock);
}
