/* No statement walks a whole table or sorts: what a statement costs must not grow with the store.
 */
#include "common/cleanup.h"

#include "sql_texts.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <string.h>

static sqlite3 *connection;

static void setup(void)
{
    cr_assert_eq(sqlite3_open(":memory:", &connection), SQLITE_OK);
    for (size_t i = 0; i < SQL_SCHEMA_VERSION; i++)
        cr_assert_eq(sqlite3_exec(connection, sql_schemas[i].text, NULL, NULL, NULL), SQLITE_OK);
}

static void teardown(void)
{
    sqlite3_close(connection);
}

TestSuite(query_plans, .init = setup, .fini = teardown);

/* Statements that may do what the rest may not. */
static const struct {
    const char *statement, *step, *why;
} exceptions[] = {
    {"read-hooks", "SCAN hook", "a row for each hook that was ever configured"},
    {"read-hook-names", "SCAN hook", "likewise"},
    {"count-due-deliveries", "SCAN (subquery-1)", "limited rows of an index"},
    {"get-counters", "SCAN counter", "once at the start; a row for each pair of state and type"},
    {"get-last-keys", "SCAN sqlite_sequence", "once at the start; a row for each table"},
    {"get-first-event", "SCAN event", "the first row only"},
    {"get-result-of-person", "SCAN known", "limited rows of an index"},
    {"get-asked", "SCAN asked", "the first row only; calls under way are few"},
    {"get-next-poll", "SCAN poll", "the first row only"},
    {"get-credit-days", "SCAN credit_day", "the newest few rows only"},
    {"get-submissions-in-call", "SCAN submission USING INDEX submission_in_call",
     "at the start; calls under way are few"},
    {"get-events", "SCAN event", "at most about EVENTS_KEPT rows, when erasing"},
    {"count-callbacks-of-submission", "SCAN (subquery-1)", "limited rows of an index"},
    {"get-newest-time", "SCAN event", "the last row only"},
    {"get-newest-time", "SCAN callback", "the last row only"},
    {"get-newest-time", "SCAN request", "the last row only"},
    {"read-old-dead-deliveries", "SCAN (subquery-1)", "limited rows of an index"},
    {"count-waiting-callbacks", "SCAN (subquery-1)", "limited rows of an index"},
};

static bool excepted(const char *statement, const char *step, unsigned *used)
{
    for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++) {
        if (strcmp(exceptions[i].statement, statement) == 0 &&
            strncmp(exceptions[i].step, step, strlen(exceptions[i].step)) == 0) {
            *used |= 1U << i;
            return true;
        }
    }
    return false;
}

/* A constant row is no table; an automatic index is one that is made for the statement alone. */
static bool costs_grow(const char *step)
{
    return (strncmp(step, "SCAN ", 5) == 0 && strcmp(step, "SCAN CONSTANT ROW") != 0) ||
           strstr(step, "USE TEMP B-TREE") || strstr(step, "AUTOMATIC");
}

static void check(const struct sql_text *query, unsigned *used)
{
    char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", query->text);
    sqlite3_stmt *statement;

    cr_assert_not_null(sql);
    cr_assert_eq(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s",
                 query->name, sqlite3_errmsg(connection));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(statement, 3);

        cr_expect(!costs_grow(step) || excepted(query->name, step, used), "%s: %s", query->name,
                  step);
    }
    sqlite3_finalize(statement);
    sqlite3_free(sql);
}

Test(query_plans, no_statement_grows_with_the_store)
{
    unsigned used = 0;

    for (size_t i = 0; i < SQL_QUERY_MAX_; i++)
        check(&sql_queries[i], &used);
    cr_expect_eq(used, (1U << ARRAY_SIZE(exceptions)) - 1, "an exception that nothing needs");
}

Test(query_plans, readers_only_read)
{
    for (size_t i = 0; i < SQL_QUERY_MAX_; i++) {
        sqlite3_stmt *statement;

        if (!sql_queries[i].reader)
            continue;
        cr_assert_eq(sqlite3_prepare_v2(connection, sql_queries[i].text, -1, &statement, NULL),
                     SQLITE_OK);
        cr_expect(sqlite3_stmt_readonly(statement), "%s", sql_queries[i].name);
        sqlite3_finalize(statement);
    }
}

Test(query_plans, no_statement_matches_patterns)
{
    for (size_t i = 0; i < SQL_QUERY_MAX_; i++) {
        const char *text = sql_queries[i].text;

        cr_expect(!strstr(text, "LIKE") && !strstr(text, "GLOB") && !strstr(text, "OFFSET"), "%s",
                  sql_queries[i].name);
    }
}

Test(query_plans, the_check_sees_what_it_is_for)
{
    static const struct sql_text bad[] = {
        {"scan", "SELECT * FROM request WHERE source = 1", true},
        {"sort", "SELECT id FROM request WHERE class = 1 ORDER BY error", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", bad[i].text);
        sqlite3_stmt *statement;
        bool seen = false;

        cr_assert_eq(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW)
            seen |= costs_grow((const char *)sqlite3_column_text(statement, 3));
        cr_expect(seen, "%s", bad[i].name);
        sqlite3_finalize(statement);
        sqlite3_free(sql);
    }
}
