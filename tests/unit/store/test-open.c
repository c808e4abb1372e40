/* What store_open() takes, refuses and recovers. */
#include "store/store.h"
#include "tests/unit/store/house.h"

#include "sql_texts.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct house house;

static void setup(void)
{
    house_open(&house);
}

static void teardown(void)
{
    house_close(&house);
}

TestSuite(store_open, .init = setup, .fini = teardown);

/* Refused in words that hold both. */
static void expect(int result, const char *path, const char *first, const char *second)
{
    struct store *store;
    char *reason = NULL;

    cr_assert_eq(store_open(path, &house.settings, house.now, &store, &reason), result, "%s", path);
    cr_assert_not_null(reason);
    cr_expect(strstr(reason, first) && strstr(reason, second), "%s", reason);
    free(reason);
}

static void expect_refused(const char *path, const char *first, const char *second)
{
    expect(STORE_OPEN_E_REFUSED, path, first, second);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *connection;

    cr_assert_eq(sqlite3_open(path, &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(connection));
    sqlite3_close(connection);
}

static void write_at(const char *path, off_t at, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    cr_assert(fd >= 0);
    cr_assert_eq(pwrite(fd, text, size, at), (ssize_t)size);
    close(fd);
}

Test(store_open, a_new_database)
{
    cr_expect_eq(house_count(&house, "PRAGMA user_version"), store_schema_version());
    cr_expect_eq(house_count(&house, "PRAGMA application_id"), 0x70726E74);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM meta WHERE length(secret) = 32"), 1);
    cr_expect_eq(house_count(&house, "SELECT created_at FROM meta"), house.now);
    cr_expect_neq(house_count(&house, "SELECT database_number FROM meta"), 0);
    cr_expect_eq(house_count(&house, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

Test(store_open, a_stop_leaves_one_whole_file)
{
    struct stat file;
    char path[120];

    house_submit(&house, "Ada", "Lovelace", NULL);
    house_stop(&house);
    snprintf(path, sizeof(path), "%s-wal", house.path);
    cr_expect_neq(stat(path, &file), 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 1);
    house_start(&house);
    house_check(&house);
}

Test(store_open, two_stores_on_one_file)
{
    char pid[40];

    snprintf(pid, sizeof(pid), "in use by pid %d", (int)getpid());
    expect_refused(house.path, "store is", pid);
    house_submit(&house, "Ada", "Lovelace", NULL);
}

Test(store_open, another_process_on_one_file)
{
    pid_t child = fork();
    int status;

    cr_assert(child >= 0);
    if (child == 0) {
        struct store *store;
        char *reason = NULL;
        int r = store_open(house.path, &house.settings, house.now, &store, &reason);

        _exit(r == STORE_OPEN_E_REFUSED && strstr(reason, "in use by pid") ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
}

Test(store_open, a_newer_schema)
{
    char text[64];

    house_stop(&house);
    run_sql(house.path, "PRAGMA user_version=999");
    snprintf(text, sizeof(text), "store is schema 999, this prontod knows %d",
             store_schema_version());
    expect(STORE_OPEN_E_NEWER, house.path, text, "newer");
    snprintf(text, sizeof(text), "PRAGMA user_version=%d", store_schema_version());
    run_sql(house.path, text);
    house_start(&house);
}

Test(store_open, a_database_of_another_program)
{
    char path[120];

    snprintf(path, sizeof(path), "%s/other.db", house.directory);
    run_sql(path, "CREATE TABLE t (a); PRAGMA user_version=1");
    expect_refused(path, "another program", path);
    house_stop(&house);
    run_sql(house.path, "PRAGMA application_id=1");
    expect_refused(house.path, "another program", "");
    run_sql(house.path, "PRAGMA application_id=0x70726E74");
    house_start(&house);
}

Test(store_open, what_is_no_database)
{
    char path[120];

    snprintf(path, sizeof(path), "%s/text", house.directory);
    write_at(path, 0,
             "this is a text, and long enough to be taken for the head of a database file.", 76);
    expect_refused(path, "damaged, or not a database", "backup");
    snprintf(path, sizeof(path), "%s/empty", house.directory);
    write_at(path, 0, "", 0);
    expect_refused(path, "it is empty", "backup");
    expect_refused(house.directory, "is not a file", "");
    expect_refused("/nowhere/at/all/prontod.db", "does not exist", "create it");
    expect_refused("/proc/prontod.db", "", "");
    snprintf(path, sizeof(path), "%s.lock", house.directory);
    unlink(path);
}

Test(store_open, damaged_pages)
{
    char garbage[4096];
    struct stat before, after;

    for (int i = 0; i < 200; i++)
        house_submit(&house, "Ada", "Lovelace", "{\"a\": \"some longer text to fill the pages\"}");
    house_stop(&house);
    cr_assert_eq(stat(house.path, &before), 0);
    memset(garbage, 0xA5, sizeof(garbage));
    write_at(house.path, 4096 * 12, garbage, sizeof(garbage));
    expect_refused(house.path, "damaged", "backup");
    cr_assert_eq(stat(house.path, &after), 0);
    cr_expect_eq(before.st_size, after.st_size);
    cr_assert_eq(truncate(house.path, before.st_size / 2), 0);
    expect_refused(house.path, "damaged", "backup");
    write_at(house.path, 20, garbage, 40);
    expect_refused(house.path, "damaged", "backup");
    unlink(house.path);
    house_start(&house);
}

Test(store_open, a_wal_without_its_database)
{
    char path[120];

    house_stop(&house);
    unlink(house.path);
    snprintf(path, sizeof(path), "%s-wal", house.path);
    write_at(path, 0, "something", 9);
    expect_refused(house.path, "is gone", "-wal");
    unlink(path);
    house_start(&house);
}

Test(store_open, what_a_crash_left)
{
    struct house crashed;
    store_key keys[4], submission;
    struct submission_job *job;

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    cr_assert_eq(house_receive(&house, submission, "{\"id\": \"e-1\"}").state, CALLBACK_MATCHED);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 4, keys), 1);
    house_submit(&house, "Bea", "Lovelace", NULL);
    job = house_claim(&house);
    cr_assert_not_null(job);
    house_crash(&house, &crashed);
    house_check(&crashed);
    cr_expect_eq(house_count(&crashed, "SELECT state FROM submission WHERE id = 2"), 0);
    cr_expect_eq(house_count(&crashed, "SELECT next_at FROM submission WHERE id = 2"),
                 house.now + 5000);
    cr_expect_eq(house_count(&crashed, "SELECT unanswered FROM submission WHERE id = 2"), 1);
    cr_expect_eq(house_count(&crashed, "SELECT outcome FROM call WHERE id = 2"), SUBMISSION_MAYBE);
    cr_expect_eq(house_count(&crashed, "SELECT error NOTNULL FROM request WHERE id = 2"), 1);
    cr_expect_eq(house_count(&crashed, "SELECT interruptions FROM delivery"), 1);
    cr_expect_eq(house_count(&crashed, "SELECT interrupted FROM attempt"), 1);
    cr_expect_null(house_claim(&crashed));
    cr_expect_eq(house_claim_deliveries(&crashed, "crm", 4, keys), 1);
    crashed.now += 5000;
    submission_job_free(job);
    job = house_claim(&crashed);
    cr_assert_not_null(job);
    submission_job_free(job);
    house_check(&crashed);
    house_close(&crashed);
}

Test(store_open, the_third_interruption_uses_up_an_attempt)
{
    struct house crashed[3], *last = &house;
    store_key key, submission;

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    house_receive(&house, submission, "{\"id\": \"e-1\"}");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(house_claim_deliveries(last, "crm", 1, &key), 1);
        house_crash(last, &crashed[i]);
        last = &crashed[i];
        cr_expect_eq(house_count(last, "SELECT attempts FROM delivery"), i / 2);
        cr_expect_eq(house_count(last, "SELECT interruptions FROM delivery"), (i + 1) % 3);
    }
    cr_expect_eq(house_count(last, "SELECT state FROM delivery"), DELIVERY_RETRYING);
    cr_expect_eq(house_count(last, "SELECT max(number) FROM attempt"), 3);
    for (int i = 0; i < 3; i++) {
        house_check(&crashed[i]);
        house_close(&crashed[i]);
    }
}

Test(store_open, a_wrong_clock_holds_nothing_back_for_years)
{
    int64_t year = INT64_C(365) * 24 * 60 * 60 * 1000;
    store_key key;
    struct submission_job *job;

    house.now += 20 * year;
    house_submit(&house, "Ada", "Lovelace", NULL);
    house.now -= 20 * year;
    cr_expect_null(house_claim(&house));
    house_stop(&house);
    house_start(&house);
    job = house_claim(&house);
    cr_assert_not_null(job);
    house.now += 20 * year;
    cr_expect_eq(house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no"), STORE_OK);
    house.now -= 20 * year;
    submission_job_free(job);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 0);
    house_stop(&house);
    house_start(&house);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
}

/* Two submissions under one key each: the first of three requests, of which the second was erased,
 * in a call when it ended; the second is pending. */
static const char old_rows[] =
    "PRAGMA application_id=0x70726E74;"
    "INSERT INTO meta VALUES (1, 77, zeroblob(32), 5);"
    "INSERT INTO submission (id, state, enrichment_type, bulk, next_at, token, token_digest) "
    "VALUES "
    "(1, 1, 0, 1, NULL, zeroblob(32), zeroblob(16)),"
    "(2, 2, 1, 0, NULL, zeroblob(32), x'01020304050607080102030405060708');"
    "INSERT INTO call (id, submission, started_at, outcome, enrichment_id) VALUES "
    "(1, 1, 10, NULL, NULL), (2, 2, 10, 0, 'e-4');"
    "INSERT INTO request (id, class, submission, created_at, submitted_at, enrichment_id, "
    "custom_digest) VALUES (1, 0, 1, 1, NULL, NULL, zeroblob(16)),"
    "(3, 0, 1, 1, NULL, NULL, zeroblob(16)), (4, 4, 2, 1, 2, 'e-4', zeroblob(16));"
    "INSERT INTO content VALUES (1, '{}'), (3, '{}'), (4, '{}');"
    "INSERT INTO idempotency VALUES (x'61000000000000000000000000000000', zeroblob(16), 1, 1),"
    "(x'62000000000000000000000000000000', zeroblob(16), 2, 1);"
    "INSERT INTO counter VALUES (0, 0, 0, 2), (0, 1, 1, 1);"
    "PRAGMA user_version=1";

static struct store_submit submit_key(char key)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = &contact,
                                  .n_contacts = 1,
                                  .has_idempotency = true,
                                  .idempotency.key.bytes = {(uint8_t)key},
                                  .now = house.now};

    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    contact_done(&contact);
    return submit;
}

Test(store_open, a_database_of_schema_1)
{
    struct store_submit again;
    struct submission_job *job;

    house_stop(&house);
    unlink(house.path);
    run_sql(house.path, sql_schemas[0].text);
    run_sql(house.path, old_rows);
    house_start(&house);
    cr_expect_eq(house_count(&house, "PRAGMA user_version"), store_schema_version());
    again = submit_key('a');
    cr_expect(again.existing);
    cr_assert_eq(again.n_keys, 2);
    cr_expect_eq(again.keys[0], 1);
    cr_expect_eq(again.keys[1], 3);
    cr_expect_eq(submit_key('b').keys[0], 4);
    cr_expect_eq(house_count(&house, "SELECT poll_at FROM request WHERE id = 4"), 2 + 600000);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM poll"), 1);
    cr_expect_eq(house_count(&house, "SELECT unanswered FROM submission WHERE id = 1"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request WHERE error NOTNULL"), 2);
    house.now += 5000;
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 2);
    submission_job_free(job);
    house_check(&house);
}

/* Killed at a random moment while it works: what was done is there. */
Test(store_open, what_was_done_survives_a_kill)
{
    for (int round = 0; round < 5; round++) {
        int pipes[2], status, done = 0, all;
        char byte;
        pid_t child;

        all = (int)house_count(&house, "SELECT count(*) FROM request");
        house_stop(&house);
        cr_assert_eq(pipe(pipes), 0);
        child = fork();
        cr_assert(child >= 0);
        if (child == 0) {
            house_start(&house);
            for (;;) {
                house_submit(&house, "Ada", "Lovelace", NULL);
                if (write(pipes[1], "x", 1) != 1)
                    _exit(1);
            }
        }
        close(pipes[1]);
        for (; done < 20 + round && read(pipes[0], &byte, 1) == 1; done++) {
        }
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, &status, 0), child);
        while (read(pipes[0], &byte, 1) == 1)
            done++;
        close(pipes[0]);
        house_start(&house);
        cr_expect_geq(house_count(&house, "SELECT count(*) FROM request"), all + done);
        house_check(&house);
    }
}

static void expect_int(sqlite3 *connection, const char *sql, int64_t wanted)
{
    sqlite3_stmt *statement;

    cr_assert_eq(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK, "%s", sql);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
    cr_expect_eq(sqlite3_column_int64(statement, 0), wanted, "%s", sql);
    sqlite3_finalize(statement);
}

/* Schema 4 finds what was there before it. */
Test(store_open, what_an_older_schema_has_is_found_by_the_next)
{
    sqlite3 *connection;

    cr_assert_eq(sqlite3_open(":memory:", &connection), SQLITE_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sqlite3_exec(connection, sql_schemas[i].text, NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(
            connection,
            "INSERT INTO meta (id, database_number, secret, created_at) VALUES (1, 1, "
            "zeroblob(32), 1);"
            "INSERT INTO request (id, class, submission, created_at, custom_digest) VALUES (7, 6, "
            "1, 1, x'');"
            "INSERT INTO delivery (id, hook, state, event, callback, dead, created_at) VALUES "
            "(1, 1, 4, 3, 5, NULL, 1), (2, 2, 3, 4, NULL, 1, 1);"
            "INSERT INTO tombstone VALUES (x'01', 1), (x'02', 1);",
            NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(connection));
    cr_assert_eq(sqlite3_exec(connection, sql_schemas[3].text, NULL, NULL, NULL), SQLITE_OK);
    expect_int(connection, "SELECT last_unindexed FROM meta", 7);
    expect_int(connection, "SELECT callback FROM delivery WHERE id = 2", 5);
    expect_int(connection, "SELECT n FROM counter WHERE kind = 5", 2);
    sqlite3_close(connection);
}
