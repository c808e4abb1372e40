/* A new database is made beside its place and renamed into it when it is whole: what is at the path
 * is never half a database, and an empty file there was not made by us. */
#include "store/engine.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATABASE_NUMBER_MASK ((INT64_C(1) << 62) - 1) /* what an identifier has room for */

static int set_version(struct database *database, int64_t version)
{
    char sql[48];

    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", (int)version);
    return database_run(database, sql);
}

static int step(struct database *database, int64_t version)
{
    int r = database_run(database, "BEGIN IMMEDIATE");

    if (r == 0)
        r = database_run(database, sql_schemas[version - 1].text);
    if (r == 0)
        r = set_version(database, version);
    if (r == 0)
        r = database_run(database, "COMMIT");
    if (r < 0)
        database_run(database, "ROLLBACK");
    return r;
}

int database_migrate(struct database *database, int64_t from)
{
    int r = 0;

    for (int64_t version = from + 1; r == 0 && version <= SQL_SCHEMA_VERSION; version++)
        r = step(database, version);
    return r;
}

int store_schema_version(void)
{
    return SQL_SCHEMA_VERSION;
}

static int insert_meta(struct database *database, int64_t now)
{
    static const char sql[] = "INSERT INTO meta (id, database_number, secret, created_at) "
                              "VALUES (1, ?1, ?2, ?3)";
    uint8_t secret[DIGEST_KEY_BYTES];
    sqlite3_stmt *statement = NULL;
    int64_t number;
    int result;

    random_fill(secret, sizeof(secret));
    random_fill(&number, sizeof(number));
    result = sqlite3_prepare_v2(database->connection, sql, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 1, number & DATABASE_NUMBER_MASK);
    if (result == SQLITE_OK)
        result = sqlite3_bind_blob(statement, 2, secret, sizeof(secret), SQLITE_TRANSIENT);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 3, now);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    secret_wipe(secret, sizeof(secret));
    return database_error(result);
}

static int set_application_id(struct database *database)
{
    char sql[48];

    snprintf(sql, sizeof(sql), "PRAGMA application_id=%d", DATABASE_APPLICATION_ID);
    return database_run(database, sql);
}

static int fill(const char *path, int64_t now)
{
    struct database database;
    int r = database_open_writer(path, true, &database);

    if (r < 0)
        return r;
    r = set_application_id(&database);
    if (r == 0)
        r = database_migrate(&database, 0);
    if (r == 0)
        r = insert_meta(&database, now);
    database_close(&database);
    return r;
}

/* The name in its directory is on disk, too. */
static int sync_directory(const char *path)
{
    cleanup_free char *copy = strdup(path);
    cleanup_close int fd = -1;

    if (copy == NULL)
        return -ENOMEM;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int database_create(const char *path, int64_t now)
{
    cleanup_free char *new_path = NULL, *journal = NULL;
    int r;

    if (asprintf(&new_path, "%s.new", path) < 0) {
        new_path = NULL;
        return -ENOMEM;
    }
    if (asprintf(&journal, "%s-journal", new_path) < 0) {
        journal = NULL;
        return -ENOMEM;
    }
    /* Of a start that was killed. */
    unlink(new_path);
    unlink(journal);
    r = fill(new_path, now);
    if (r == 0 && rename(new_path, path) < 0)
        r = -errno;
    if (r == 0)
        r = sync_directory(path);
    if (r < 0)
        unlink(new_path);
    return r;
}
