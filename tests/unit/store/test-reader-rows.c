#include "test-reader-rows.h"

#include "model/contact.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned seed;

int rows_pick(int n)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 16) % (unsigned)n);
}

/* No struct store here; what the reader would ask it for. */
const char *store_path(const struct store *store)
{
    (void)store;
    return NULL;
}

const uint8_t *store_secret(const struct store *store)
{
    (void)store;
    return NULL;
}

uint64_t store_database_number(const struct store *store)
{
    (void)store;
    return DATABASE_NUMBER;
}

/* What the store does for each of its transactions. */
#define ADD(class, id, n)                                                                          \
    "INSERT INTO class_block (class, block, n) VALUES (" class ", " id " >> 7, " n ")"             \
                                                               " ON CONFLICT (class, block) DO "   \
                                                               "UPDATE SET n = n + excluded.n;"
static const char keep_class_blocks[] =
    "CREATE TEMP TRIGGER made AFTER INSERT ON request BEGIN " ADD(
        "new.class", "new.id",
        "1") "END;"
             "CREATE TEMP TRIGGER gone AFTER DELETE ON request BEGIN " ADD(
                 "old.class", "old.id",
                 "-1") "DELETE FROM class_block WHERE n = 0; END;"
                       "CREATE TEMP TRIGGER moved AFTER UPDATE OF class ON request BEGIN " ADD(
                           "old.class", "old.id", "-1")
                           ADD("new.class", "new.id",
                               "1") "DELETE FROM class_block WHERE n = 0; END;";

void rows_open(struct rows *rows)
{
    const char *temporary = getenv("TMPDIR");

    seed = 1;
    cr_assert_eq(crypto_init(), 0);
    snprintf(rows->directory, sizeof(rows->directory), "%s/reader-XXXXXX",
             temporary && strlen(temporary) < 40 ? temporary : "/tmp");
    cr_assert_not_null(mkdtemp(rows->directory));
    snprintf(rows->path, sizeof(rows->path), "%s/rows.db", rows->directory);
    cr_assert_eq(sqlite3_open(rows->path, &rows->connection), SQLITE_OK);
    rows_sql(rows, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON");
    for (size_t i = 0; i < SQL_SCHEMA_VERSION; i++)
        cr_assert_eq(sqlite3_exec(rows->connection, sql_schemas[i].text, NULL, NULL, NULL),
                     SQLITE_OK);
    rows_sql(rows, "%s", keep_class_blocks);
    cr_assert_eq(reader_open(rows->path, DATABASE_NUMBER, &rows->reader), 0);
}

void rows_close(struct rows *rows)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    store_reader_free(rows->reader);
    sqlite3_close(rows->connection);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s%s", rows->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(rows->directory);
}

void rows_sql(struct rows *rows, const char *format, ...)
{
    char *message = NULL, *sql;
    va_list list;

    va_start(list, format);
    sql = sqlite3_vmprintf(format, list);
    va_end(list);
    cr_assert_not_null(sql);
    cr_assert_eq(sqlite3_exec(rows->connection, sql, NULL, NULL, &message), SQLITE_OK, "%s: %s",
                 sql, message);
    sqlite3_free(sql);
}

bool rows_reader_is_idle(struct rows *rows)
{
    int in_wal, moved;

    return sqlite3_get_autocommit(rows->reader->database.connection) != 0 &&
           sqlite3_wal_checkpoint_v2(rows->connection, NULL, SQLITE_CHECKPOINT_TRUNCATE, &in_wal,
                                     &moved) == SQLITE_OK;
}

int64_t rows_steps(struct rows *rows)
{
    int64_t steps = 0;

    for (int i = 0; i < SQL_QUERY_MAX_; i++) {
        sqlite3_stmt *statement = rows->reader->database.statements[i];

        if (statement)
            steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    }
    return steps;
}

void rows_request(struct rows *rows, int64_t key, enum request_state state,
                  enum enrichment_type type, int64_t created_at)
{
    rows_sql(rows,
             "INSERT INTO submission (id, state, enrichment_type, bulk) VALUES (%lld, 2, %d, 0);"
             "INSERT INTO request (id, class, submission, created_at, custom_digest)"
             " VALUES (%lld, %d, %lld, %lld, x'00');"
             "INSERT INTO content VALUES (%lld, '{\"firstname\":\"Ada\"}')",
             (long long)key, (int)type, (long long)key, (int)state * ENRICHMENT_MAX_ + (int)type,
             (long long)key, (long long)created_at, (long long)key);
}

void rows_custom(struct rows *rows, int64_t request, const char *key, const char *value)
{
    rows_sql(
        rows,
        "INSERT INTO custom_member VALUES (%lld, %lld);"
        "UPDATE content SET json = json_patch(json, json_object('custom', json_object(%Q, %Q)))"
        " WHERE request = %lld",
        (long long)custom_index_key(key, strlen(key), value, strlen(value)), (long long)request,
        key, value, (long long)request);
}

void rows_id(enum store_kind kind, int64_t key, char ret[static UUID_TEXT_SIZE])
{
    id_format(DATABASE_NUMBER, kind, key, ret);
}
