/* Fills a database with pending requests of person.h, as if each had been submitted alone and accepted. Far faster than submitting
 * them: rows are written past the store, in the order of their keys, and indexes with random order are built at the end.
 *
 * usage: bench-fill DATABASE COUNT      (the database is made when it is not there; it must be empty) */
#include "person.h"

#include "common/json.h"
#include "common/timestamp.h"
#include "model/contact.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_TRANSACTION 100000
#define POLL_AFTER_MS (24 * 60 * 60 * 1000)

static sqlite3 *database;

static void check(int result, const char *what)
{
    if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW)
        return;
    fprintf(stderr, "bench-fill: %s: %s\n", what, sqlite3_errmsg(database));
    exit(1);
}

static void run(const char *sql)
{
    check(sqlite3_exec(database, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;

    check(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), sql);
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement), sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static void make(const char *path)
{
    struct store_settings *settings = calloc(1, sizeof(*settings));
    struct store *store;
    char *reason = NULL;

    if (!settings || store_open(path, settings, time_now(), &store, &reason) != STORE_OPEN_OK) {
        fprintf(stderr, "bench-fill: %s: %s\n", path, reason ? reason : "cannot be opened");
        exit(1);
    }
    store_close(store);
    free(settings);
}

static void make_contact(int64_t number, struct contact *ret)
{
    char custom[PERSON_TEXT_SIZE], text[2 * PERSON_TEXT_SIZE];
    struct json_object *body = NULL;
    char *detail = NULL;

    person_custom(number, custom);
    snprintf(text, sizeof(text),
             "{\"firstname\":\"Given%" PRId64 "\",\"lastname\":\"Family%" PRId64
             "\",\"domain\":\"example.com\",\"enrichment_type\":\"email\",\"custom\":%s}",
             number % 977, number % 1009, custom);
    if (json_parse_strict(text, strlen(text), true, &body) != 0 ||
        contact_check(body, CONTACT_SUBMIT, ret, NULL, &detail) != 0) {
        fprintf(stderr, "bench-fill: %s\n", detail ? detail : "no JSON");
        exit(1);
    }
    json_object_put(body);
}

struct statements {
    sqlite3_stmt *submission, *call, *request, *content, *poll;
};

static void insert(const struct statements *statements, int64_t number, int64_t now)
{
    char enrichment_id[PERSON_ID_SIZE];
    struct contact contact;
    struct token token;
    int64_t key = number + 1;
    const char *json;

    person_token(number, &token);
    person_enrichment_id(number, enrichment_id);
    make_contact(number, &contact);
    json = json_object_to_json_string_ext(contact.content, JSON_C_TO_STRING_PLAIN);

    sqlite3_bind_int64(statements->submission, 1, key);
    sqlite3_bind_blob(statements->submission, 2, token.bytes, sizeof(token.bytes), SQLITE_STATIC);
    step(statements->submission);
    sqlite3_bind_int64(statements->call, 1, key);
    sqlite3_bind_int64(statements->call, 2, now);
    sqlite3_bind_text(statements->call, 3, enrichment_id, -1, SQLITE_STATIC);
    step(statements->call);
    sqlite3_bind_int64(statements->request, 1, key);
    sqlite3_bind_int64(statements->request, 2, now + number / 1000);
    sqlite3_bind_text(statements->request, 3, enrichment_id, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statements->request, 4, contact.custom_digest.bytes,
                      sizeof(contact.custom_digest.bytes), SQLITE_STATIC);
    sqlite3_bind_int64(statements->request, 5, now + number / 1000 + POLL_AFTER_MS);
    step(statements->request);
    sqlite3_bind_int64(statements->content, 1, key);
    sqlite3_bind_text(statements->content, 2, json, -1, SQLITE_STATIC);
    step(statements->content);
    sqlite3_bind_int64(statements->poll, 1, now + number / 1000 + POLL_AFTER_MS);
    sqlite3_bind_int64(statements->poll, 2, key);
    step(statements->poll);
    contact_done(&contact);
}

static void fill(int64_t count)
{
    int64_t now = time_now() - count / 1000;
    struct statements statements = {
        .submission =
            prepare("INSERT INTO submission (id, state, enrichment_type, bulk, tries, token) "
                    "VALUES (?1, 2, 0, 0, 1, ?2)"),
        .call = prepare(
            "INSERT INTO call (id, submission, started_at, ended_at, outcome, enrichment_id) "
            "VALUES (?1, ?1, ?2, ?2, 0, ?3)"),
        .request = prepare(
            "INSERT INTO request (id, class, submission, created_at, submitted_at, enrichment_id, "
            "custom_digest, poll_at) VALUES (?1, 3, ?1, ?2, ?2, ?3, ?4, ?5)"),
        .content = prepare("INSERT INTO content (request, json) VALUES (?1, ?2)"),
        .poll = prepare("INSERT INTO poll (due_at, request) VALUES (?1, ?2)"),
    };

    run("BEGIN");
    for (int64_t i = 0; i < count; i++) {
        insert(&statements, i, now);
        if (i % A_TRANSACTION == A_TRANSACTION - 1)
            run("COMMIT; BEGIN");
    }
    run("COMMIT");
    sqlite3_finalize(statements.submission);
    sqlite3_finalize(statements.call);
    sqlite3_finalize(statements.request);
    sqlite3_finalize(statements.content);
    sqlite3_finalize(statements.poll);
}

/* So that who sends the callbacks can make the tokens. */
static void set_secret(void)
{
    sqlite3_stmt *statement = prepare("UPDATE meta SET secret = ?1");

    sqlite3_bind_blob(statement, 1, person_secret, sizeof(person_secret), SQLITE_STATIC);
    step(statement);
    sqlite3_finalize(statement);
}

/* Takes the definition of an index along for later. */
static void drop_index(const char *name, char ret_sql[static 512])
{
    char drop[128];
    sqlite3_stmt *statement =
        prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?1");

    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    check(sqlite3_step(statement), name);
    snprintf(ret_sql, 512, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    snprintf(drop, sizeof(drop), "DROP INDEX %s", name);
    run(drop);
}

int main(int argc, char **argv)
{
    char by_id[512], sql[256];
    int64_t count = argc == 3 ? atoll(argv[2]) : 0;

    if (count < 1 || crypto_init() < 0) {
        fprintf(stderr, "usage: bench-fill DATABASE COUNT\n");
        return 2;
    }
    make(argv[1]);
    check(sqlite3_open(argv[1], &database), argv[1]);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000");
    set_secret();
    drop_index("request_by_enrichment_id", by_id);
    fill(count);
    run(by_id);
    snprintf(sql, sizeof(sql),
             "INSERT INTO counter (kind, a, b, n) VALUES (%d, %d, %d, %" PRId64
             ") ON CONFLICT (kind, a, b) DO UPDATE SET n = excluded.n",
             (int)COUNTER_REQUEST, (int)REQUEST_PENDING, (int)ENRICHMENT_EMAIL, count);
    run(sql);
    run("INSERT INTO class_block (class, block, n) SELECT class, id >> 7, count(*) FROM request "
        "GROUP BY 1, 2");
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(database);
    return 0;
}
