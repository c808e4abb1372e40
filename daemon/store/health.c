/* After a failed sync nothing in memory is trusted: the connection is closed, opened again, and the
 * WAL moved to the database anew. A second failure within a minute means that the disk is broken:
 * the process is to end, so that its next start recovers what is on disk. A full disk or a lock
 * that somebody else holds is no such failure: it is waited out.
 *
 * The WAL is moved to the database here, by the connection that writes, and by nobody else. */
#include "store/engine.h"

#include "common/timestamp.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FAILURES_APART_MS 60000 /* two failures in less: give up */
#define LOOK_MS           250   /* at the free space, and whether a commit succeeds again */
#define IDLE_MS           5000  /* likewise when all is well */
#define CHECKPOINT_MS     20    /* between two tries while a reader is in the way */
#define CLOSE_TRIES       100   /* of the last checkpoint; readers are gone by then */
/* Pages of the WAL: move them when it is quiet, and when it is not. */
#define WAL_QUIET_PAGES 1024
#define WAL_DUE_PAGES   8192
#define WAL_SLICE_PAGES 256 /* so many at a time until then */

enum store_trouble health_trouble(const struct store *store)
{
    if (store->failed < 0)
        return STORE_TROUBLE_GAVE_UP;
    if (store->commit_failed)
        return STORE_TROUBLE_COMMIT_FAILED;
    return store->writer.disk_low ? STORE_TROUBLE_DISK_LOW : STORE_TROUBLE_NONE;
}

const char *health_trouble_text(enum store_trouble trouble)
{
    static const char *const texts[] = {
        [STORE_TROUBLE_NONE] = NULL,
        [STORE_TROUBLE_DISK_LOW] = "the disk is nearly full",
        [STORE_TROUBLE_COMMIT_FAILED] = "the last commit failed",
        [STORE_TROUBLE_GAVE_UP] = "the database cannot be written any more",
    };

    return texts[trouble];
}

static int reopen(struct store *store)
{
    bool complete;
    int r;

    writer_close(&store->writer);
    r = writer_open(&store->writer);
    if (r == 0)
        r = check_quickly(&store->writer.database);
    if (r == 0)
        r = writer_checkpoint(&store->writer, true, &complete);
    if (r < 0)
        writer_close(&store->writer);
    return r;
}

/* Over soon, or waited out: the connection may stay. */
static bool is_passing(int error)
{
    return error == -ENOSPC || error == -EBUSY || error == -ENOMEM;
}

/* -ENOTCONN: it was closed before, and could not be opened again at once. */
static bool is_failure(int error)
{
    return !is_passing(error) && error != -ENOTCONN;
}

void health_failed(struct store *store, int error)
{
    int64_t now = time_boot_ms();
    bool again = store->failed_at != 0 && now - store->failed_at < FAILURES_APART_MS;
    int r;

    store->commit_failed = true;
    store->measured.commit_failures++;
    store->measured.last_failure = error;
    if (is_passing(error) && writer_usable(&store->writer))
        return;
    if (error == -EBADMSG || (again && is_failure(error))) {
        queue_fail(store, error);
        return;
    }
    if (is_failure(error))
        store->failed_at = now;
    r = reopen(store);
    if (r < 0 && !is_passing(r))
        queue_fail(store, r);
}

void health_succeeded(struct store *store)
{
    store->commit_failed = false;
}

void health_look_at_disk(struct store *store)
{
    int64_t now = time_boot_ms();
    struct store_counts *measured = &store->measured;
    struct statvfs disk;
    struct stat file;

    if (store->looked_at != 0 && now - store->looked_at < LOOK_MS)
        return;
    store->looked_at = now;
    if (stat(store->path, &file) == 0)
        measured->database_bytes = file.st_size;
    if (statvfs(store->path, &disk) != 0)
        return;
    measured->free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    writer_set_free(&store->writer, measured->free_bytes);
}

/* Without it, who looks at readiness before it sends would never see a commit succeed. */
static void probe(struct store *store)
{
    struct writer *writer = &store->writer;
    int64_t now = time_boot_ms();
    bool wrote;
    int r;

    if (now - store->probed_at < LOOK_MS)
        return;
    store->probed_at = now;
    r = writer_begin(writer);
    if (r == 0) {
        cleanup_query struct query query = query_start(&writer->database, SQL_PROBE);
        r = query_run(&query);
    }
    if (r == 0)
        r = writer_commit(writer, &wrote);
    if (r == 0) {
        health_succeeded(store);
        return;
    }
    if (writer_rollback(writer) < 0)
        writer_close(writer);
    health_failed(store, r);
}

static void end_erasures(struct store *store, enum store_result result)
{
    struct command_list ended = store->erasing;
    struct changes none = {0};

    for (struct store_command *command = ended.first; command; command = command->next)
        command->result = result;
    command_list_init(&store->erasing);
    queue_end(store, ended.first, ended.n, &none);
}

static bool checkpoint_is_due(struct store *store)
{
    int64_t pages;

    if (store->erasing.n > 0)
        return true;
    /* The WAL began anew. */
    if (store->writer.wal_pages < store->checkpointed_pages)
        store->checkpointed_pages = 0;
    pages = store->writer.wal_pages - store->checkpointed_pages;
    return pages >= WAL_DUE_PAGES || (pages >= WAL_QUIET_PAGES && queue_is_empty(store));
}

static void move_slice(struct store *store)
{
    struct writer *writer = &store->writer;
    int r;

    if (writer->wal_pages < store->sliced_pages)
        store->sliced_pages = 0; /* the WAL began anew */
    if (writer->wal_pages - store->sliced_pages < WAL_SLICE_PAGES)
        return;
    store->sliced_pages = writer->wal_pages;
    r = backfill_slice(writer);
    if (r < 0 && !is_passing(r))
        health_failed(store, r);
}

static void checkpoint(struct store *store)
{
    int64_t now = time_boot_ms();
    bool truncate = store->erasing.n > 0, complete;
    int r;

    if (!checkpoint_is_due(store)) {
        move_slice(store);
        return;
    }
    if (now - store->checkpoint_at < CHECKPOINT_MS)
        return;
    backfill_unmark(&store->writer);
    r = writer_checkpoint(&store->writer, truncate, &complete);
    if (r < 0 || !complete)
        store->checkpoint_at = now;
    if (r < 0 && !is_passing(r))
        health_failed(store, r);
    if (r < 0 || !complete)
        return;
    store->checkpointed_pages = store->writer.wal_pages;
    if (truncate)
        end_erasures(store, STORE_OK);
}

void health_keep(struct store *store)
{
    if (store->failed == 0 && store->commit_failed)
        probe(store);
    if (store->failed == 0 && writer_usable(&store->writer))
        checkpoint(store);
    if (store->failed < 0)
        end_erasures(store, STORE_E_UNAVAILABLE);
}

int64_t health_wait_ms(const struct store *store)
{
    if (store->failed < 0)
        return IDLE_MS;
    if (store->erasing.n > 0)
        return CHECKPOINT_MS;
    return health_trouble(store) ? LOOK_MS : IDLE_MS;
}

void health_close(struct store *store)
{
    bool complete = false;

    backfill_unmark(&store->writer);
    for (int i = 0; i < CLOSE_TRIES && !complete && store->failed == 0; i++) {
        if (i > 0)
            usleep(CHECKPOINT_MS * 1000);
        if (writer_checkpoint(&store->writer, true, &complete) < 0)
            break;
    }
    end_erasures(store, complete ? STORE_OK : STORE_E_UNAVAILABLE);
    writer_close(&store->writer);
}
