/* Group commit: while the disk syncs one group, the next one gathers; the slower the disk, the
 * larger the groups. Nothing lingers: a lone command is committed at once.
 *
 * A group that fails for a reason of one command is rolled back and halved until that one fails
 * alone. A group that fails for a reason of the disk fails whole; what is done about the disk is in
 * health.c. */
#include "store/engine.h"

#include "common/timestamp.h"

#include <errno.h>

/* Reasons of the disk or the file, not of a command. */
static bool is_of_storage(int error)
{
    switch (-error) {
    case EIO:
    case EBADMSG:
    case ENOSPC:
    case EBUSY:
    case EROFS:
    case EACCES:
    case ENOENT:
    case ENOTCONN:
        return true;
    default:
        return false;
    }
}

static int commit(struct store *store, bool *ret_wrote)
{
    struct store_counts *measured = &store->measured;
    int64_t before = time_boot_us(), took;
    int r = writer_commit(&store->writer, ret_wrote);

    if (r < 0 || !*ret_wrote)
        return r;
    took = time_boot_us() - before;
    histogram_add(&measured->commit_times, took);
    measured->last_commit_ms = took / 1000;
    if (measured->last_commit_ms > measured->longest_commit_ms)
        measured->longest_commit_ms = measured->last_commit_ms;
    measured->commits++;
    return 0;
}

/* 0, or a negative errno with nothing of it done; *ret_storage: no command is to blame. */
static int apply_group(struct store *store, struct store_command *first, size_t n,
                       bool *ret_storage)
{
    struct store_command *command = first;
    bool wrote = false;
    size_t applied = 0;
    int r;

    *ret_storage = true;
    r = writer_begin(&store->writer);
    if (r < 0)
        return r;
    for (; r == 0 && applied < n; applied++, command = command->next)
        r = command_apply(&store->writer, command);
    if (r < 0)
        *ret_storage = is_of_storage(r);
    else
        r = commit(store, &wrote);
    if (r == 0) {
        if (wrote)
            health_succeeded(store);
        return 0;
    }
    command = first;
    for (size_t i = 0; i < applied; i++, command = command->next)
        command_drop(command);
    return r;
}

/* Something of it was erased: it ends when the WAL has no copy any more. */
static bool has_erased(const struct store_command *command)
{
    const struct store_purge *purge = (const struct store_purge *)command;

    if (command->result != STORE_OK)
        return false;
    if (command->kind == STORE_PURGE)
        return purge->next.requests > 0 || purge->next.callbacks > 0;
    if (command->kind == STORE_FORGET)
        return ((const struct store_forget *)command)->next.n > 0;
    if (command->kind == STORE_PURGE_HOOK)
        return ((const struct store_purge_hook *)command)->next.n > 0;
    return command->kind == STORE_ERASE;
}

/* Who retries deliveries may wait until all are done; erasing can be asked for again at any time, and
 * a stop must not wait for it. */
static bool goes_on(struct store *store, struct store_command *command)
{
    if (!command_goes_on(command))
        return false;
    if (command->kind == STORE_RETRY || !queue_is_closing(store))
        return true;
    if (command->kind == STORE_FORGET || command->kind == STORE_PURGE_HOOK)
        command->result = STORE_E_UNAVAILABLE;
    return false;
}

/* Erasures leave the group: they end with their checkpoint. So do those that go on. */
static void end_group(struct store *store, struct store_command *first, size_t n)
{
    struct changes changes = store->writer.changes;
    struct command_list ended;
    struct store_command *next;

    store->writer.changes = (struct changes){0};
    store->measured.commands += (int64_t)n;
    store->measured.duplicates_dropped += changes.duplicates_dropped;
    store->measured.erased_refused += changes.erased_refused;
    engine_publish(store);
    command_list_init(&ended);
    for (; n > 0; n--, first = next) {
        next = first->next;
        if (goes_on(store, first))
            queue_again(store, first);
        else
            command_list_append(has_erased(first) ? &store->erasing : &ended, first);
    }
    queue_end(store, ended.first, ended.n, &changes);
}

static void refuse_group(struct store *store, struct store_command *first, size_t n)
{
    struct changes none = {0};
    struct store_command *command = first;

    engine_publish(store);
    for (size_t i = 0; i < n; i++, command = command->next)
        command->result = STORE_E_UNAVAILABLE;
    queue_end(store, first, n, &none);
}

static void run_group(struct store *store, struct store_command *first, size_t n)
{
    struct store_command *second = first;
    bool storage;
    int r = store->failed;

    if (r < 0) {
        refuse_group(store, first, n);
        return;
    }
    r = apply_group(store, first, n, &storage);
    if (r == 0) {
        end_group(store, first, n);
        return;
    }
    if (writer_rollback(&store->writer) < 0)
        writer_close(&store->writer); /* the next begin fails, and it is opened again */
    if (storage)
        health_failed(store, r);
    if (storage || n == 1) {
        refuse_group(store, first, n);
        return;
    }
    for (size_t i = 0; i < n / 2; i++)
        second = second->next;
    run_group(store, first, n / 2);
    run_group(store, second, n - n / 2);
}

void engine_publish(struct store *store)
{
    struct store_counts *measured = &store->measured;

    if (store->writer.is_open) {
        counters_read(&store->writer.counters, measured);
        budget_read(&store->writer.budget, measured);
    }
    measured->wal_bytes = store->writer.wal_pages * DATABASE_WAL_FRAME_BYTES;
    measured->trouble = health_trouble(store);
    measured->not_ready_reason = health_trouble_text(measured->trouble);
    measured->ready = measured->trouble == STORE_TROUBLE_NONE;
    pthread_mutex_lock(&store->lock);
    store->counts = *measured;
    pthread_mutex_unlock(&store->lock);
}

void *engine_main(void *userdata)
{
    struct store *store = userdata;
    struct queue_taken taken;

    do {
        taken = queue_take(store, health_wait_ms(store));
        health_look_at_disk(store);
        if (taken.first)
            run_group(store, taken.first, taken.n);
        health_keep(store);
        engine_publish(store);
        atomic_store(&store->answered, taken.knock);
    } while (!taken.closing || taken.first != NULL);
    health_close(store);
    return NULL;
}
