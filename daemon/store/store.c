#include "store/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

const char *store_path(const struct store *store)
{
    return store->path;
}

uint64_t store_database_number(const struct store *store)
{
    return store->database_number;
}

const uint8_t *store_secret(const struct store *store)
{
    return store->secret;
}

static int init_wake(pthread_cond_t *ret)
{
    pthread_condattr_t attributes;
    int r = pthread_condattr_init(&attributes);

    if (r != 0)
        return -r;
    /* The wall clock may jump. */
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    r = pthread_cond_init(ret, &attributes);
    pthread_condattr_destroy(&attributes);
    return -r;
}

int64_t store_newest_at(const struct store *store)
{
    return store->writer.newest_at;
}

static void store_free(struct store *store)
{
    writer_close(&store->writer);
    changes_done(&store->changes);
    if (store->event_fd >= 0)
        close(store->event_fd);
    if (store->writer.file >= 0)
        close(store->writer.file);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->lock);
    secret_wipe(store->secret, sizeof(store->secret));
    free(store->path);
    free(store);
}

static int store_new(const char *path, const struct store_settings *settings, struct store **ret)
{
    struct store *store = calloc(1, sizeof(*store));
    int r;

    if (!store)
        return -ENOMEM;
    r = init_wake(&store->wake);
    if (r < 0) {
        free(store);
        return r;
    }
    pthread_mutex_init(&store->lock, NULL);
    store->lock_fd = -1;
    store->writer.file = -1;
    store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = store->event_fd < 0 ? -errno : 0;
    store->path = strdup(path);
    if (store->path == NULL)
        r = -ENOMEM;
    if (r < 0) {
        store_free(store);
        return r;
    }
    store->writer.path = store->path;
    store->writer.settings = *settings;
    command_list_init(&store->queue);
    command_list_init(&store->done);
    command_list_init(&store->erasing);
    *ret = store;
    return 0;
}

/* Before anything of this start is written. */
static int load_newest_time(struct writer *writer)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_NEWEST_TIME);
    int r = query_get_int(&query, &writer->newest_at);

    return r < 0 ? r : 0;
}

static int recover_store(struct writer *writer, int64_t now)
{
    bool done;
    int r = load_newest_time(writer);

    if (r == 0)
        r = writer_begin(writer);
    if (r == 0)
        r = recover(writer, now);
    if (r == 0)
        r = writer_commit(writer, &done);
    /* An erasure may have been interrupted before its checkpoint. */
    if (r == 0)
        r = writer_checkpoint(writer, true, &done);
    return r;
}

/* The thread takes no signal: they belong to the main loop. */
static int start_thread(struct store *store)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&store->thread, NULL, engine_main, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        pthread_setname_np(store->thread, "store");
    return -r;
}

static int start(struct store *store, int64_t now)
{
    int r = writer_open(&store->writer);

    if (r == 0)
        r = recover_store(&store->writer, now);
    if (r < 0)
        return r;
    store->database_number = store->writer.database_number;
    memcpy(store->secret, store->writer.secret, sizeof(store->secret));
    health_look_at_disk(store);
    /* What the recovery changed is the first thing the loop hears. */
    queue_end(store, NULL, 0, &store->writer.changes);
    engine_publish(store);
    return start_thread(store);
}

int store_open(const char *path, const struct store_settings *settings, int64_t now,
               struct store **ret, char **ret_reason)
{
    struct store *store;
    int r = store_new(path, settings, &store);

    if (r < 0)
        return r;
    r = lock_take(path, &store->lock_fd, ret_reason);
    if (r == 0)
        r = check_database(path, now, ret_reason);
    if (r == 0)
        store->writer.file = open(path, O_RDONLY | O_CLOEXEC);
    if (r == 0)
        r = start(store, now);
    if (r == -EBADMSG)
        r = store_refuse(ret_reason, "%s is damaged; restore it from a backup", path);
    if (r != 0) {
        store_free(store);
        return r;
    }
    *ret = store;
    return STORE_OPEN_OK;
}

void store_stop(struct store *store)
{
    if (store->stopped)
        return;
    store->stopped = true;
    pthread_mutex_lock(&store->lock);
    store->closing = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    /* Done of those that want the loop: it is this thread's. */
    store_dispatch(store, NULL, NULL);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_stop(store);
    store_free(store);
}
