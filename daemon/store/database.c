/* Durability rests on three settings of the writer: WAL, synchronous=FULL (an fsync of the WAL at
 * each commit), and no checkpoint by anyone else. Erasure rests on secure_delete=ON (what is
 * deleted is overwritten in the page), the file layer of scrub.c, and the truncating checkpoint of
 * health.c. */
#include "store/database.h"

#include "common/cleanup.h"
#include "store/scrub.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number

/* What each connection gets. The cache is bounded; a cell size check costs little and finds broken
 * pages before they are used. */
#define PRAGMAS_ALL                                                                                \
    "PRAGMA trusted_schema=OFF;"                                                                   \
    "PRAGMA cell_size_check=ON;"                                                                   \
    "PRAGMA temp_store=MEMORY;"                                                                    \
    "PRAGMA wal_autocheckpoint=0;"

static const char writer_pragmas[] = PRAGMAS_ALL "PRAGMA synchronous=FULL;"
                                                 "PRAGMA secure_delete=ON;"
                                                 "PRAGMA foreign_keys=ON;"
                                                 "PRAGMA cache_size=-8192;"
                                                 "PRAGMA journal_size_limit=16777216;"
                                                 "PRAGMA max_page_count=" TEXT(SCRUB_PAGES_MAX) ";";

static const char reader_pragmas[] = PRAGMAS_ALL "PRAGMA query_only=ON;"
                                                 "PRAGMA cache_size=-4096;";

int database_error(int result)
{
    if (result == SQLITE_IOERR_NOMEM)
        return -ENOMEM;
    switch (result & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
        return -EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_TOOBIG:
        return -EFBIG;
    default:
        return -EINVAL;
    }
}

int database_run(struct database *database, const char *sql)
{
    return database_error(sqlite3_exec(database->connection, sql, NULL, NULL, NULL));
}

int database_get_int(struct database *database, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(database->connection, sql, -1, &statement, NULL);
    int r = database_error(result);

    if (r == 0) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
            *ret = sqlite3_column_int64(statement, 0);
        else
            r = result == SQLITE_DONE ? -ENODATA : database_error(result);
    }
    sqlite3_finalize(statement);
    return r;
}

static int configure(struct database *database, const char *pragmas)
{
    sqlite3 *connection = database->connection;

    sqlite3_extended_result_codes(connection, 1);
    sqlite3_busy_timeout(connection, DATABASE_BUSY_WAIT_MS);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return database_run(database, pragmas);
}

static int open_connection(const char *path, int flags, const char *vfs, const char *pragmas,
                           struct database *ret)
{
    struct database database = {0};
    int result = sqlite3_open_v2(path, &database.connection, flags | SQLITE_OPEN_NOMUTEX, vfs);
    int r = database_error(result);

    if (r == 0)
        r = configure(&database, pragmas);
    if (r < 0) {
        database_close(&database);
        return r;
    }
    *ret = database;
    return 0;
}

/* The pragma answers with the mode that it got. */
int database_use_wal(struct database *database)
{
    sqlite3_stmt *statement = NULL;
    int r = database_error(
        sqlite3_prepare_v2(database->connection, "PRAGMA journal_mode=WAL", -1, &statement, NULL));

    if (r == 0) {
        int result = sqlite3_step(statement);

        if (result != SQLITE_ROW)
            r = result == SQLITE_DONE ? -EINVAL : database_error(result);
        else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
            r = -EOPNOTSUPP;
    }
    sqlite3_finalize(statement);
    return r;
}

int database_open_writer(const char *path, bool create, struct database *ret)
{
    struct database database = {0};
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    const char *vfs = scrub_vfs();
    int r = vfs ? open_connection(path, flags, vfs, writer_pragmas, &database) : -ENOMEM;

    if (r < 0)
        return r;
    /* A write connection to a file that may only be read opens without an error. */
    if (sqlite3_db_readonly(database.connection, "main") != 0)
        r = -EROFS;
    if (r < 0) {
        database_close(&database);
        return r;
    }
    *ret = database;
    return 0;
}

int database_open_reader(const char *path, struct database *ret)
{
    struct database database = {0};
    int r = open_connection(path, SQLITE_OPEN_READONLY, NULL, reader_pragmas, &database);

    if (r < 0)
        return r;
    r = database_error(
        sqlite3_db_config(database.connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL));
    if (r < 0) {
        database_close(&database);
        return r;
    }
    *ret = database;
    return 0;
}

int database_prepare(struct database *database, bool reader)
{
    for (int i = 0; i < SQL_QUERY_MAX_; i++) {
        if (sql_queries[i].reader != reader)
            continue;
        int r = database_error(sqlite3_prepare_v3(database->connection, sql_queries[i].text, -1,
                                                  SQLITE_PREPARE_PERSISTENT,
                                                  &database->statements[i], NULL));
        if (r < 0)
            return r;
    }
    return 0;
}

void database_close(struct database *database)
{
    for (int i = 0; i < SQL_QUERY_MAX_; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close_v2(database->connection);
    *database = (struct database){0};
}

struct query query_start(struct database *database, enum sql_query which)
{
    sqlite3_stmt *statement = database->statements[which];

    assert(statement != NULL);
    assert(!sqlite3_stmt_busy(statement));
    return (struct query){.statement = statement};
}

void query_end(struct query *query)
{
    if (query->statement == NULL)
        return;
    sqlite3_reset(query->statement);
    sqlite3_clear_bindings(query->statement);
    query->statement = NULL;
}

static void note(struct query *query, int result)
{
    if (query->error == 0)
        query->error = database_error(result);
}

void query_bind_int(struct query *query, int64_t value)
{
    note(query, sqlite3_bind_int64(query->statement, ++query->bound, value));
}

void query_bind_null(struct query *query)
{
    note(query, sqlite3_bind_null(query->statement, ++query->bound));
}

void query_bind_key(struct query *query, int64_t value)
{
    if (value != 0)
        query_bind_int(query, value);
    else
        query_bind_null(query);
}

void query_bind_text_n(struct query *query, const char *text, size_t size)
{
    note(query, sqlite3_bind_text64(query->statement, ++query->bound, text, size, SQLITE_STATIC,
                                    SQLITE_UTF8));
}

void query_bind_text(struct query *query, const char *text)
{
    query_bind_text_n(query, text, text ? strlen(text) : 0);
}

void query_bind_blob(struct query *query, const void *data, size_t size)
{
    note(query, sqlite3_bind_blob64(query->statement, ++query->bound, data, size, SQLITE_STATIC));
}

void query_bind_digest(struct query *query, const struct digest *digest)
{
    query_bind_blob(query, digest->bytes, sizeof(digest->bytes));
}

int query_step(struct query *query)
{
    int result;

    assert(query->bound == sqlite3_bind_parameter_count(query->statement));
    if (query->error != 0)
        return query->error;
    result = sqlite3_step(query->statement);
    if (result == SQLITE_ROW)
        return 1;
    sqlite3_reset(query->statement);
    query->error = database_error(result);
    return query->error;
}

int query_run(struct query *query)
{
    int r = query_step(query);

    assert(r <= 0);
    query_end(query);
    return r;
}

int query_get_int(struct query *query, int64_t *ret)
{
    int r = query_step(query);

    if (r > 0)
        *ret = query_int(query, 0);
    query_end(query);
    return r;
}

int64_t query_int(struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

bool query_is_null(struct query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

const char *query_text(struct query *query, int column, size_t *ret_size)
{
    const char *text = (const char *)sqlite3_column_text(query->statement, column);

    if (ret_size)
        *ret_size = text ? (size_t)sqlite3_column_bytes(query->statement, column) : 0;
    return text;
}

const char *query_blob(struct query *query, int column, size_t *ret_size)
{
    const char *data = sqlite3_column_blob(query->statement, column);

    *ret_size = data ? (size_t)sqlite3_column_bytes(query->statement, column) : 0;
    return data;
}

int query_copy(struct query *query, int column, char **ret, size_t *ret_size)
{
    bool is_null = query_is_null(query, column);
    const void *data = is_null ? NULL : sqlite3_column_blob(query->statement, column);
    size_t size = is_null ? 0 : (size_t)sqlite3_column_bytes(query->statement, column);
    char *copy = NULL;

    if (!is_null) {
        /* An empty blob is NULL, too; a text without memory has a size. */
        if (data == NULL && size > 0)
            return -ENOMEM;
        copy = malloc(size + 1);
        if (copy == NULL)
            return -ENOMEM;
        if (size > 0)
            memcpy(copy, data, size);
        copy[size] = '\0';
    }
    *ret = copy;
    if (ret_size)
        *ret_size = size;
    return 0;
}

void query_token(struct query *query, int column, struct token *ret)
{
    size_t size;
    const char *data = query_blob(query, column, &size);

    *ret = (struct token){{0}};
    if (data && size == sizeof(ret->bytes))
        memcpy(ret->bytes, data, size);
}

bool query_digest(struct query *query, int column, struct digest *ret)
{
    const void *data = sqlite3_column_blob(query->statement, column);

    if (data == NULL || sqlite3_column_bytes(query->statement, column) != (int)sizeof(ret->bytes))
        return false;
    memcpy(ret->bytes, data, sizeof(ret->bytes));
    return true;
}
