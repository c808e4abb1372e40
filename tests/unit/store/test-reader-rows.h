/* A database for the tests of readers: the schema and rows made with SQL alone, so that these tests
 * stand without the writer. */
#pragma once

#include "common/cleanup.h"
#include "store/reader_internal.h"

#define DATABASE_NUMBER UINT64_C(0x123456789ABCDEF)

struct rows {
    char directory[64];
    char path[96];
    sqlite3 *connection; /* the one that writes */
    struct store_reader *reader;
};

/* Made anew; ends the test when that fails. */
void rows_open(struct rows *rows);
void rows_close(struct rows *rows);

/* Statements, put together as by sqlite3_mprintf(). */
void rows_sql(struct rows *rows, const char *format, ...);

/* The reader holds no transaction: nothing keeps the WAL from being reset. */
bool rows_reader_is_idle(struct rows *rows);

/* Instructions of SQLite's machine that the reader's statements have run since the last call. */
int64_t rows_steps(struct rows *rows);

/* 0..n-1, the same numbers after each rows_open(), so that a failure comes again. */
int rows_pick(int n);

/* A submission with the same key, and its only request, with content. */
void rows_request(struct rows *rows, int64_t key, enum request_state state,
                  enum enrichment_type type, int64_t created_at);
/* A member of custom, in content and index. */
void rows_custom(struct rows *rows, int64_t request, const char *key, const char *value);
void rows_id(enum store_kind kind, int64_t key, char ret[static UUID_TEXT_SIZE]);
