/* What is at the path before it is used. Nothing in the file changes until it is known to be ours,
 * whole, and of a schema that we know; and a broken one is never replaced by an empty one: that is
 * for the operator to decide.
 *
 * Looking through a whole database takes about a second for 200 MiB, so only files up to
 * QUICK_CHECK_BYTES are looked through. In larger ones the head, the length and the schema are
 * checked, the WAL is recovered by its checksums, and each page when it is used. */
#include "store/engine.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define QUICK_CHECK_BYTES (INT64_C(64) * 1024 * 1024)

#define RESTORE                                                                                    \
    "restore it from a backup, or move it away with its -wal and -shm to start with an empty one"

int store_refuse(char **ret_reason, const char *format, ...)
{
    va_list arguments;
    char *text;
    int r;

    va_start(arguments, format);
    r = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (r < 0)
        return -ENOMEM;
    *ret_reason = text;
    return STORE_OPEN_E_REFUSED;
}

/* Words for errors that an operator can do something about. */
static int refuse_error(const char *path, int error, char **ret_reason)
{
    switch (-error) {
    case EBADMSG:
        return store_refuse(ret_reason, "%s is damaged, or not a database; " RESTORE, path);
    case EBUSY:
        return store_refuse(ret_reason, "%s is locked by another program; end that first", path);
    case ENOSPC:
        return store_refuse(ret_reason, "no space left for %s; make some", path);
    case EROFS:
    case EACCES:
        return store_refuse(ret_reason,
                            "%s cannot be written; it must belong to the user that prontod runs as",
                            path);
    case EIO:
        return store_refuse(ret_reason, "%s cannot be read or written: look at the disk", path);
    default:
        return error;
    }
}

int check_quickly(struct database *database)
{
    sqlite3_stmt *statement = NULL;
    int64_t pages, page_size;
    int r = database_get_int(database, "PRAGMA page_count", &pages);

    if (r == 0)
        r = database_get_int(database, "PRAGMA page_size", &page_size);
    if (r < 0 || pages * page_size > QUICK_CHECK_BYTES)
        return r;
    r = database_error(
        sqlite3_prepare_v2(database->connection, "PRAGMA quick_check(1)", -1, &statement, NULL));
    if (r == 0) {
        int result = sqlite3_step(statement);

        if (result != SQLITE_ROW)
            r = result == SQLITE_DONE ? -EBADMSG : database_error(result);
        else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
            r = -EBADMSG;
    }
    sqlite3_finalize(statement);
    return r;
}

static int check_schema(struct database *database, const char *path, int64_t *ret_version,
                        char **ret_reason)
{
    int64_t id, version;
    int r = database_get_int(database, "PRAGMA application_id", &id);

    if (r == 0)
        r = database_get_int(database, "PRAGMA user_version", &version);
    if (r < 0)
        return refuse_error(path, r, ret_reason);
    if (id != DATABASE_APPLICATION_ID || version < 1)
        return store_refuse(
            ret_reason, "%s is a database of another program; name another file as store", path);
    if (version > SQL_SCHEMA_VERSION) {
        r = store_refuse(ret_reason,
                         "%s: store is schema %d, this prontod knows %d; install the newer "
                         "prontod again, or restore a backup that is as old as this one",
                         path, (int)version, SQL_SCHEMA_VERSION);

        return r == STORE_OPEN_E_REFUSED ? (int)STORE_OPEN_E_NEWER : r;
    }
    *ret_version = version;
    return 0;
}

static int check_open(struct database *database, const char *path, char **ret_reason)
{
    int64_t version;
    int r = check_schema(database, path, &version, ret_reason);

    if (r != 0)
        return r;
    r = check_quickly(database);
    if (r == 0)
        r = database_use_wal(database);
    if (r == 0)
        r = database_migrate(database, version);
    return r < 0 ? refuse_error(path, r, ret_reason) : 0;
}

/* A WAL without its database: the commits in it would be lost with a new one. */
static int check_no_wal(const char *path, char **ret_reason)
{
    cleanup_free char *wal = NULL;
    struct stat file;

    if (asprintf(&wal, "%s-wal", path) < 0) {
        wal = NULL;
        return -ENOMEM;
    }
    if (stat(wal, &file) != 0 || file.st_size == 0)
        return 0;
    return store_refuse(ret_reason, "%s is gone, but its %s-wal is there; " RESTORE, path, path);
}

static int make(const char *path, int64_t now, char **ret_reason)
{
    int r = check_no_wal(path, ret_reason);

    if (r == 0)
        r = database_create(path, now);
    return r < 0 ? refuse_error(path, r, ret_reason) : r;
}

static int check_file(const char *path, int64_t now, char **ret_reason)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return errno == ENOENT ? make(path, now, ret_reason)
                               : refuse_error(path, -errno, ret_reason);
    if (!S_ISREG(file.st_mode))
        return store_refuse(ret_reason, "%s is not a file; name another one as store", path);
    /* SQLite would take it for a new database. */
    if (file.st_size == 0)
        return store_refuse(ret_reason, "%s is damaged: it is empty; " RESTORE, path);
    return 0;
}

int check_database(const char *path, int64_t now, char **ret_reason)
{
    struct database database;
    int r = check_file(path, now, ret_reason);

    if (r != 0)
        return r;
    r = database_open_writer(path, false, &database);
    if (r < 0)
        return refuse_error(path, r, ret_reason);
    r = check_open(&database, path, ret_reason);
    database_close(&database);
    return r;
}
