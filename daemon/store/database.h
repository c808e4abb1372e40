/* SQLite as this room uses it: opening a connection as writer or reader, the prepared statements of
 * sql/sqlite/query, binding and reading. For the files of this room only.
 *
 * Each connection belongs to one thread at a time. Only the writer's changes the file and
 * checkpoints the WAL (SQLite before 3.51.3 can lose a commit when two connections do). */
#pragma once

#include "common/crypto.h"

#include "sql_texts.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Somebody else holds the file: say 503 after it. */
#define DATABASE_BUSY_WAIT_MS    2000
#define DATABASE_WAL_FRAME_BYTES (4096 + 24) /* a page and its head */

struct database {
    sqlite3 *connection;
    sqlite3_stmt *statements[SQL_QUERY_MAX_ + 1]; /* by enum sql_query; NULL: of the other half */
};

/* Connections with their pragmas, but without statements. The writer's creates the file when it is
 * not there and @create says so; it is to be turned to WAL once the file is known to be ours.
 * Return 0 or a negative errno; nothing is left open then. */
int database_open_writer(const char *path, bool create, struct database *ret);
int database_open_reader(const char *path, struct database *ret);
int database_use_wal(struct database *database);

/* Prepares all statements of the writer, or all of readers (read-*.sql). 0 or a negative errno. */
int database_prepare(struct database *database, bool reader);

/* Takes a zeroed one. */
void database_close(struct database *database);

/* Statements that are no query of the table: pragmas, schema steps, BEGIN. 0 or a negative errno.
 */
int database_run(struct database *database, const char *sql);
/* The one integer that @sql gives. */
int database_get_int(struct database *database, const char *sql, int64_t *ret);

/* A result code of SQLite as a negative errno: -ENOMEM, -EBUSY, -ENOSPC, -EIO, -EBADMSG (corrupt,
 * not a database), -EROFS, -EACCES, -ENOENT (cannot be opened), -EEXIST (a constraint), -EFBIG, or
 * -EINVAL (a fault of ours). 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int database_error(int result);

/* One use of a prepared statement: start, bind the parameters in their order, step. The first error
 * sticks and comes out of the next step. Always with cleanup_query: a statement that is not reset
 * holds its read transaction.
 *
 *     cleanup_query struct query query = query_start(database, SQL_READ_REQUEST);
 *     query_bind_int(&query, key);
 *     r = query_step(&query);  */
struct query {
    sqlite3_stmt *statement;
    int bound;
    int error;
};
struct query query_start(struct database *database, enum sql_query which);
void query_end(struct query *query);
#define cleanup_query __attribute__((cleanup(query_end)))

void query_bind_int(struct query *query, int64_t value);
void query_bind_null(struct query *query);
/* Keys and times, of which 0 means none: NULL. */
void query_bind_key(struct query *query, int64_t value);
/* Borrowed until query_end(). NULL is NULL. */
void query_bind_text(struct query *query, const char *text);
void query_bind_text_n(struct query *query, const char *text, size_t size);
void query_bind_blob(struct query *query, const void *data, size_t size);
void query_bind_digest(struct query *query, const struct digest *digest);

/* 1 with a row, 0 at the end, or a negative errno. After the last two it is reset. */
int query_step(struct query *query);
/* For a statement that gives no row: 0 or a negative errno. Ended afterwards. */
int query_run(struct query *query);
/* For one that gives at most one row with an integer: 1 with *ret, 0 without, or a negative errno.
 * NULL gives 0. Ended afterwards. */
int query_get_int(struct query *query, int64_t *ret);

/* Columns of the current row, from 0. NULL: 0. */
int64_t query_int(struct query *query, int column);
bool query_is_null(struct query *query, int column);
/* Borrowed until the next step; NULL for NULL and when there is no memory. May hold NUL. */
const char *query_text(struct query *query, int column, size_t *ret_size);
/* Likewise for a blob; NULL also for an empty one. */
const char *query_blob(struct query *query, int column, size_t *ret_size);
/* An allocation, NUL-terminated; NULL for NULL. @ret_size may be NULL. 0 or -ENOMEM. */
int query_copy(struct query *query, int column, char **ret, size_t *ret_size);
/* False when it is NULL or of another length. */
bool query_digest(struct query *query, int column, struct digest *ret);
/* Zeros when it is NULL or of another length. */
void query_token(struct query *query, int column, struct token *ret);
