#include "store/writer.h"

#include <errno.h>
#include <string.h>

void changes_done(struct changes *changes)
{
    keys_done(&changes->settled);
    keys_done(&changes->cancelled);
    keys_done(&changes->erased);
    *changes = (struct changes){0};
}

store_key writer_last_key(struct writer *writer)
{
    return sqlite3_last_insert_rowid(writer->database.connection);
}

void writer_set_free(struct writer *writer, int64_t bytes)
{
    writer->free_bytes = bytes;
    writer->disk_low = bytes < writer->settings.min_free;
}

bool writer_usable(const struct writer *writer)
{
    return writer->is_open && sqlite3_get_autocommit(writer->database.connection);
}

static int load_meta(struct writer *writer)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_META);
    const char *secret;
    size_t size;
    int r = query_step(&query);

    if (r <= 0)
        return r < 0 ? r : -EUCLEAN;
    writer->database_number = (uint64_t)query_int(&query, 0);
    secret = query_blob(&query, 1, &size);
    if (secret == NULL || size != sizeof(writer->secret))
        return -EUCLEAN;
    memcpy(writer->secret, secret, size);
    return 0;
}

/* Pages in the WAL after each commit: for checkpoints, which nobody else makes. */
static int on_wal(void *userdata, sqlite3 *connection, const char *name, int n_pages)
{
    struct writer *writer = userdata;

    (void)connection;
    (void)name;
    writer->wal_pages = n_pages;
    return SQLITE_OK;
}

static int load(struct writer *writer)
{
    int r = database_prepare(&writer->database, false);

    if (r == 0)
        r = load_meta(writer);
    if (r == 0)
        r = counters_load(writer);
    if (r == 0)
        r = budget_load(writer);
    if (r == 0)
        r = events_load(writer);
    return r;
}

int writer_open(struct writer *writer)
{
    int r = database_open_writer(writer->path, false, &writer->database);

    if (r < 0)
        return r;
    writer->is_open = true;
    writer->wal_pages = 0;
    sqlite3_wal_hook(writer->database.connection, on_wal, writer);
    r = load(writer);
    if (r < 0)
        writer_close(writer);
    return r;
}

void writer_close(struct writer *writer)
{
    backfill_done(writer);
    database_close(&writer->database);
    counters_done(&writer->counters);
    changes_done(&writer->changes);
    class_changes_done(&writer->class_changes);
    secret_wipe(writer->secret, sizeof(writer->secret));
    writer->is_open = false;
}

static int run(struct writer *writer, enum sql_query which)
{
    cleanup_query struct query query = query_start(&writer->database, which);

    return query_run(&query);
}

int writer_begin(struct writer *writer)
{
    int r;

    if (!writer_usable(writer))
        return -ENOTCONN;
    changes_done(&writer->changes);
    writer->class_changes.n = 0;
    r = run(writer, SQL_BEGIN);
    if (r == 0)
        writer->changes_before = sqlite3_total_changes64(writer->database.connection);
    return r;
}

int writer_commit(struct writer *writer, bool *ret_wrote)
{
    sqlite3 *connection = writer->database.connection;
    bool wrote = sqlite3_total_changes64(connection) != writer->changes_before;
    int r = wrote ? counters_flush(writer) : 0;

    if (r == 0 && wrote)
        r = class_blocks_flush(writer);
    if (r == 0 && wrote)
        r = budget_flush(writer);
    if (r == 0 && wrote)
        r = events_delete_forgotten(writer);
    if (r == 0 && wrote)
        r = events_trim(writer);
    if (r == 0)
        r = run(writer, SQL_COMMIT);
    if (r == 0)
        *ret_wrote = wrote;
    return r;
}

int writer_rollback(struct writer *writer)
{
    int r = 0;

    changes_done(&writer->changes);
    if (!writer->is_open)
        return 0;
    /* SQLite has rolled back by itself after some errors. */
    if (!sqlite3_get_autocommit(writer->database.connection))
        r = database_run(&writer->database, "ROLLBACK");
    if (r == 0)
        r = counters_load(writer);
    if (r == 0)
        r = budget_load(writer);
    if (r == 0)
        r = events_load(writer);
    return r;
}

int writer_checkpoint(struct writer *writer, bool truncate, bool *ret_complete)
{
    sqlite3 *connection = writer->database.connection;
    int n_pages = 0, n_done = 0;
    int result;

    if (!writer_usable(writer))
        return -ENOTCONN;
    /* Nobody waits for a reader: it will be tried again. */
    sqlite3_busy_timeout(connection, 0);
    result = sqlite3_wal_checkpoint_v2(
        connection, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        &n_pages, &n_done);
    sqlite3_busy_timeout(connection, DATABASE_BUSY_WAIT_MS);
    *ret_complete = result == SQLITE_OK && n_pages == n_done;
    if (result == SQLITE_OK && n_pages >= 0)
        writer->wal_pages = n_pages;
    return (result & 0xFF) == SQLITE_BUSY ? 0 : database_error(result);
}
