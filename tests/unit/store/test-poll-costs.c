/* A claim costs what is due, of whatever many that are pending. */
#include "store/writer.h"
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>

#define AFTER    600000
#define DEADLINE 86400000
#define LEASE    60000

static struct house house;
static int64_t start;

/* The store stands still, so that rows can be made with SQL alone. */
static void setup(void)
{
    house_open(&house);
    start = house.now;
    house_stop(&house);
    house.settings.poll_after_ms = AFTER;
    house.settings.deadline_ms = DEADLINE;
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_poll_costs, .init = setup, .fini = teardown);

static int64_t number_in(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t n;

    cr_assert_eq(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK, "%s", sql);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
    n = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return n;
}

Test(store_poll_costs, what_was_pending_before_there_were_polls_is_asked_for)
{
    static const char old[] =
        "INSERT INTO submission (id, state, enrichment_type, bulk) VALUES (1, 2, 0, 0);"
        "INSERT INTO request (id, class, submission, created_at, submitted_at, custom_digest)"
        " VALUES (1, 4, 1, 100, 200, x''), (2, 5, 1, 300, NULL, x''), (3, 6, 1, 100, 200, x''),"
        " (4, 2, 1, 100, NULL, x'')";
    sqlite3 *connection;

    cr_assert_eq(sqlite3_open(":memory:", &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, sql_schemas[0].text, NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, old, NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, sql_schemas[1].text, NULL, NULL, NULL), SQLITE_OK);
    cr_expect_eq(number_in(connection, "SELECT count(*) FROM poll"), 2);
    cr_expect_eq(number_in(connection, "SELECT count(*) FROM poll JOIN request ON id = request AND "
                                       "poll_at = due_at WHERE due_at IN (600200, 600300)"),
                 2);
    sqlite3_close(connection);
    house_start(&house);
}

/* What a claim costs, in instructions of SQLite's machine. */
static int64_t steps_of_claim(size_t max, int64_t now, size_t *ret_n)
{
    struct store_claim_polls command = {
        .base.kind = STORE_CLAIM_POLLS, .max = max, .lease_ms = LEASE, .now = now};
    struct writer writer = {.path = house.path, .settings = house.settings};
    int64_t steps = 0;

    cr_assert_eq(writer_open(&writer), 0);
    cr_assert_eq(writer_begin(&writer), 0);
    cr_assert_eq(apply_claim_polls(&writer, &command.base), 0);
    for (int i = 0; i < SQL_QUERY_MAX_; i++)
        if (writer.database.statements[i])
            steps +=
                sqlite3_stmt_status(writer.database.statements[i], SQLITE_STMTSTATUS_VM_STEP, 0);
    cr_assert_eq(writer_rollback(&writer), 0);
    writer_close(&writer);
    *ret_n = command.n;
    return steps;
}

/* So many more that are pending, one of them due at @due. */
static void add_pending(int n, int64_t due)
{
    sqlite3 *connection;
    char *sql = sqlite3_mprintf(
        "BEGIN; CREATE TEMP TABLE k AS WITH RECURSIVE k (n) AS (SELECT 1 UNION ALL SELECT n + 1 "
        "FROM k WHERE n < %d) SELECT n + coalesce((SELECT max(id) FROM request), 0) AS n FROM k;"
        "INSERT INTO submission (id, state, enrichment_type, bulk) SELECT n, 2, 0, 0 FROM k;"
        "INSERT INTO request (id, class, submission, created_at, submitted_at, enrichment_id, "
        "custom_digest, poll_at) SELECT n, 3, n, 1, 1, 'e-' || n, zeroblob(16), %lld + n FROM k;"
        "UPDATE request SET poll_at = %lld WHERE id = (SELECT max(n) FROM k);"
        "INSERT INTO poll SELECT poll_at, id FROM request WHERE id IN (SELECT n FROM k);"
        "DELETE FROM class_block; INSERT INTO class_block (class, block, n)"
        " SELECT class, id >> 7, count(*) FROM request GROUP BY class, id >> 7;"
        "INSERT INTO counter VALUES (0, 1, 0, %d) ON CONFLICT DO UPDATE SET n = n + %d; COMMIT",
        n, (long long)start + AFTER, (long long)due, n, n);

    cr_assert_eq(sqlite3_open(house.path, &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(connection));
    sqlite3_free(sql);
    sqlite3_close(connection);
}

Test(store_poll_costs, a_claim_costs_what_is_due)
{
    int64_t few_none, few_one, many_none, many_one;
    size_t n;

    add_pending(100, start + 1);
    few_none = steps_of_claim(8, start, &n);
    cr_expect_eq(n, 0);
    few_one = steps_of_claim(8, start + 1, &n);
    cr_expect_eq(n, 1);
    cr_expect_gt(few_one, few_none);
    add_pending(10000, start + AFTER);
    many_none = steps_of_claim(8, start, &n);
    cr_expect_eq(n, 0);
    many_one = steps_of_claim(8, start + 1, &n);
    cr_expect_eq(n, 1);
    cr_expect_eq(many_none, few_none);
    cr_expect_eq(many_one, few_one);
    house_start(&house);
}

Test(store_poll_costs, a_claim_looks_at_a_bounded_number)
{
    struct store_claim_polls claim = {.base.kind = STORE_CLAIM_POLLS,
                                      .max = 8,
                                      .cannot_ask = true,
                                      .expire_before = INT64_MAX,
                                      .now = start + 10 * (int64_t)DEADLINE};

    add_pending(600, start);
    house_start(&house);
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE class = 12"), 256);
    cr_expect(claim.more);
}
