#include "tests/unit/store/house.h"

#include "common/timestamp.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void house_start(struct house *house)
{
    char *reason = NULL;
    int r = store_open(house->path, &house->settings, house->now, &house->store, &reason);

    cr_assert_eq(r, STORE_OPEN_OK, "%d: %s", r, reason ? reason : strerror(-r));
}

static void make_directory(struct house *house)
{
    snprintf(house->directory, sizeof(house->directory), "/tmp/store-test-XXXXXX");
    cr_assert_not_null(mkdtemp(house->directory));
    snprintf(house->path, sizeof(house->path), "%s/prontod.db", house->directory);
}

void house_open(struct house *house)
{
    struct store_settings settings = {.max_unmatched = 1000, .resend_after_ms = 5000, .n_hooks = 2};

    cr_assert_eq(crypto_init(), 0);
    *house = (struct house){.settings = settings, .now = INT64_C(1800000000000)};
    house->settings.hooks[0] = (struct hook_filter){
        .name = "crm", .on = 1U << EVENT_FINISHED | 1U << EVENT_FAILED, .types = 7};
    house->settings.hooks[1] = (struct hook_filter){
        .name = "audit", .on = 1U << EVENT_UNMATCHED | 1U << EVENT_DEAD, .types = 7};
    make_directory(house);
    house_start(house);
}

void house_stop(struct house *house)
{
    store_close(house->store);
    house->store = NULL;
}

static void each_file(struct house *house, void (*with)(const char *path, void *userdata),
                      void *userdata)
{
    DIR *directory = opendir(house->directory);
    struct dirent *entry;
    char path[400];

    cr_assert_not_null(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", house->directory, entry->d_name);
        with(path, userdata);
    }
    closedir(directory);
}

static void remove_file(const char *path, void *userdata)
{
    (void)userdata;
    unlink(path);
}

/* What no test looks for: whatever it did, the blocks tell where requests of each class are. */
static void check_class_blocks(struct house *house)
{
    static const char counted[] = "SELECT class, id >> 7, count(*) FROM request GROUP BY 1, 2";
    static const char kept[] = "SELECT class, block, n FROM class_block";
    char sql[512];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM (SELECT * FROM (%s EXCEPT %s) UNION ALL SELECT * FROM (%s "
             "EXCEPT %s))",
             counted, kept, kept, counted);
    if (house_count(house, sql) == 0)
        return;
    fputs("class_block is wrong\n", stderr);
    abort(); /* what is expected when a test is over counts for nothing */
}

void house_close(struct house *house)
{
    if (house->store && store_ready(house->store))
        check_class_blocks(house);
    house_stop(house);
    each_file(house, remove_file, NULL);
    rmdir(house->directory);
}

static void copy_file(const char *path, void *userdata)
{
    struct house *to = userdata;
    const char *name = strrchr(path, '/');
    char target[400], buffer[65536];
    int in, out;
    ssize_t n;

    if (strstr(name, ".lock") || strstr(name, "-shm"))
        return;
    snprintf(target, sizeof(target), "%s%s", to->directory, name);
    in = open(path, O_RDONLY | O_CLOEXEC);
    out = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof(buffer))) > 0)
        cr_assert_eq(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
}

/* Closing our own descriptor of the file drops SQLite's locks of this process on it; nobody else
 * has any here. */
void house_crash(struct house *house, struct house *ret)
{
    *ret = (struct house){.settings = house->settings, .now = house->now};
    make_directory(ret);
    each_file(house, copy_file, ret);
    house_start(ret);
}

static void on_done(struct store_command *command)
{
    *(bool *)command->userdata = true;
}

static void on_changed(const struct store_changes *changes, void *userdata)
{
    struct house *house = userdata;

    house->seen.submissions |= changes->submissions;
    house->seen.polls |= changes->polls;
    house->seen.deliveries |= changes->deliveries;
    house->seen.events |= changes->events;
    for (size_t i = 0; i < changes->n_settled; i++) {
        cr_expect(i == 0 || changes->settled[i - 1] <= changes->settled[i]);
        if (house->seen.n_settled < 64)
            house->seen.settled[house->seen.n_settled++] = changes->settled[i];
    }
    for (size_t i = 0; i < changes->n_cancelled && house->seen.n_cancelled < 64; i++)
        house->seen.cancelled[house->seen.n_cancelled++] = changes->cancelled[i];
}

void house_look(struct house *house)
{
    struct pollfd ready = {.fd = store_fd(house->store), .events = POLLIN};

    if (poll(&ready, 1, 50) > 0)
        house->dispatched = store_dispatch(house->store, on_changed, house);
}

enum store_result house_do(struct house *house, void *command)
{
    struct store_command *base = command;
    bool done = false;
    enum store_result result;

    base->where = STORE_DONE_ON_LOOP;
    base->done = on_done;
    base->userdata = &done;
    result = store_post(house->store, base);
    if (result != STORE_OK)
        return result;
    while (!done) {
        struct pollfd ready = {.fd = store_fd(house->store), .events = POLLIN};

        cr_assert(poll(&ready, 1, 20000) > 0, "a command was never done");
        house->dispatched = store_dispatch(house->store, on_changed, house);
    }
    return base->result;
}

int64_t house_count(struct house *house, const char *sql)
{
    sqlite3 *connection;
    sqlite3_stmt *statement;
    int64_t n;

    cr_assert_eq(sqlite3_open_v2(house->path, &connection, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    cr_assert_eq(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s",
                 sql, sqlite3_errmsg(connection));
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW, "%s", sql);
    n = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    cr_assert_eq(sqlite3_close(connection), SQLITE_OK);
    return n;
}

void house_run(struct house *house, const char *sql)
{
    sqlite3 *connection;

    cr_assert_eq(sqlite3_open_v2(house->path, &connection, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(connection, 5000);
    cr_assert_eq(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(connection));
    cr_assert_eq(sqlite3_close(connection), SQLITE_OK);
}

/* @sql ends with the number that is looked for. */
static void expect_count(struct house *house, int64_t counted, const char *sql, int number)
{
    char text[200];
    int64_t there;

    snprintf(text, sizeof(text), "%s%d", sql, number);
    there = house_count(house, text);
    cr_expect_eq(counted, there, "%lld counted, %lld there: %s", (long long)counted,
                 (long long)there, text);
}

void house_check(struct house *house)
{
    struct store_counts counts;

    store_counts(house->store, &counts);
    for (int class = 0; class < REQUEST_STATE_MAX_ * ENRICHMENT_MAX_; class ++)
        expect_count(house, counts.requests[class / ENRICHMENT_MAX_][class % ENRICHMENT_MAX_],
                     "SELECT count(*) FROM request WHERE class = ", class);
    for (int state = 0; state < CALLBACK_STATE_MAX_; state++)
        expect_count(house, counts.callbacks[state],
                     "SELECT count(*) FROM callback WHERE state = ", state);
    for (int state = 0; state < DELIVERY_STATE_MAX_; state++)
        expect_count(house, counts.deliveries[state],
                     "SELECT count(*) FROM delivery WHERE state = ", state);
    expect_count(
        house, counts.credits_reserved,
        "SELECT coalesce(sum(reserved), 0) FROM credit_day WHERE day = ", (int)counts.credit_day);
    expect_count(
        house, counts.credits_spent,
        "SELECT coalesce(sum(spent), 0) FROM credit_day WHERE day = ", (int)counts.credit_day);
    expect_count(house, counts.differing, "SELECT count(*) FROM callback WHERE differs = ", 1);
    cr_expect_eq(house_count(house, "SELECT count(*) FROM (SELECT hook, state, count(*) AS n FROM "
                                    "delivery GROUP BY 1, 2) AS d LEFT JOIN counter AS c ON c.kind "
                                    "= 3 AND c.a = d.hook AND c.b = d.state WHERE c.n IS NOT d.n"),
                 0);
    cr_expect_eq(house_count(house, "SELECT (SELECT coalesce(sum(length(body)), 0) FROM callback "
                                    "WHERE state = 5) - coalesce((SELECT n FROM counter WHERE kind "
                                    "= 4), 0)"),
                 0);
    cr_expect_eq(house_count(house, "SELECT (SELECT count(*) FROM tombstone) - coalesce((SELECT n "
                                    "FROM counter WHERE kind = 5), 0)"),
                 0);
    cr_expect_eq(house_count(house, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    cr_expect_eq(house_count(house, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                    "integrity_check <> 'ok'"),
                 0);
}

struct search {
    const char *text;
    bool found;
};

static void search_file(const char *path, void *userdata)
{
    struct search *search = userdata;
    FILE *file = fopen(path, "r");
    char *data;
    long size;

    cr_assert_not_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size + 1);
    cr_assert_not_null(data);
    cr_assert_eq(fread(data, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    if (memmem(data, (size_t)size, search->text, strlen(search->text)))
        search->found = true;
    free(data);
}

bool house_holds(struct house *house, const char *text)
{
    struct search search = {.text = text};

    each_file(house, search_file, &search);
    return search.found;
}

struct contact house_contact(const char *first, const char *last, const char *custom)
{
    struct contact contact = {.type = ENRICHMENT_EMAIL, .content = json_object_new_object()};
    struct json_object *value = NULL;

    if (custom)
        cr_assert_eq(json_parse_strict(custom, strlen(custom), false, &value), 0);
    cr_assert_eq(json_add_string(contact.content, "firstname", first), 0);
    cr_assert_eq(json_add_string(contact.content, "lastname", last), 0);
    cr_assert_eq(json_add_string(contact.content, "domain", "example.com"), 0);
    if (value)
        cr_assert_eq(json_add(contact.content, "custom", value), 0);
    cr_assert_eq(custom_digest(value, &contact.custom_digest), 0);
    return contact;
}

store_key house_submit(struct house *house, const char *first, const char *last, const char *custom)
{
    struct contact contact = house_contact(first, last, custom);
    struct store_submit submit = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = house->now};

    cr_assert_eq(house_do(house, &submit), STORE_OK);
    cr_assert_eq(submit.n_keys, 1);
    contact_done(&contact);
    return submit.keys[0];
}

struct store_submit house_submit_array(struct house *house, struct contact *contacts, size_t n,
                                       const struct idempotency *each)
{
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = n,
                                  .array = true,
                                  .each = each,
                                  .now = house->now};

    submit.base.result = house_do(house, &submit);
    for (size_t i = 0; i < n; i++)
        contact_done(&contacts[i]);
    return submit;
}

struct store_claim_submissions house_claim_all(struct house *house)
{
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = STORE_CLAIM_MAX, .now = house->now};

    cr_assert_eq(house_do(house, &claim), STORE_OK);
    return claim;
}

void house_drop_jobs(struct store_claim_submissions *claim)
{
    for (size_t i = 0; i < claim->n; i++)
        submission_job_free(claim->jobs[i]);
    claim->n = 0;
}

struct submission_job *house_claim(struct house *house)
{
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 1, .now = house->now};

    cr_assert_eq(house_do(house, &claim), STORE_OK);
    return claim.n > 0 ? claim.jobs[0] : NULL;
}

enum store_result house_finish_call(struct house *house, store_key call,
                                    enum submission_outcome outcome, const char *text)
{
    struct store_finish_call finish = {
        .base.kind = STORE_FINISH_CALL,
        .call = call,
        .outcome = outcome,
        .enrichment_id = outcome == SUBMISSION_ACCEPTED ? text : NULL,
        .error = outcome == SUBMISSION_ACCEPTED ? NULL : text,
        .counts = true,
        .next_at = house->now + 1000,
        .now = house->now,
    };

    return house_do(house, &finish);
}

store_key house_accept(struct house *house, const char *enrichment_id)
{
    struct submission_job *job = house_claim(house);
    store_key submission;

    cr_assert_not_null(job);
    submission = job->submission;
    cr_assert_eq(house_finish_call(house, job->call, SUBMISSION_ACCEPTED, enrichment_id), STORE_OK);
    submission_job_free(job);
    return submission;
}

static store_key key_of(struct house *house, enum store_kind kind, const char *id)
{
    store_key key = 0;

    if (id[0])
        cr_assert_eq(store_key_of(house->store, kind, id, &key), 0);
    return key;
}

struct received house_receive(struct house *house, store_key submission, const char *body)
{
    return house_receive_on(house, submission, NULL, body);
}

struct received house_receive_on(struct house *house, store_key submission,
                                 const struct token *token, const char *body)
{
    struct store_receive receive = {
        .base.kind = STORE_RECEIVE,
        .submission = submission,
        .token = token,
        .body = body,
        .body_size = strlen(body),
        .client = "192.0.2.1",
        .headers = "{}",
        .received_at = house->now,
    };
    struct received received = {0};
    struct json_object *object;

    if (json_parse_strict(body, strlen(body), true, &object) == 0) {
        cr_assert_eq(reading_parse(object, &receive.reading), 0);
        json_object_put(object);
    } else {
        receive.rejected = REASON_NOT_JSON;
    }
    received.result = house_do(house, &receive);
    if (received.result == STORE_OK) {
        received.state = receive.state;
        received.reason = receive.reason;
        received.callback = key_of(house, STORE_KIND_CALLBACK, receive.id);
        received.request = key_of(house, STORE_KIND_REQUEST, receive.request_id);
    }
    if (receive.rejected == REASON_NONE)
        reading_done(&receive.reading);
    return received;
}

size_t house_claim_deliveries(struct house *house, const char *hook, size_t max, store_key *keys)
{
    struct hook_capacity capacity = {.hook = hook, .free = max};
    struct store_claim_deliveries claim = {
        .base.kind = STORE_CLAIM_DELIVERIES, .hooks = &capacity, .n_hooks = 1, .now = house->now};

    cr_assert_eq(house_do(house, &claim), STORE_OK);
    for (size_t i = 0; i < claim.n; i++) {
        cr_expect_eq(claim.jobs[i].hook, 0);
        keys[i] = claim.jobs[i].key;
    }
    return claim.n;
}

enum store_result house_finish_attempt(struct house *house, store_key delivery,
                                       enum attempt_outcome outcome, int64_t next_at)
{
    struct store_finish_attempt finish = {
        .base.kind = STORE_FINISH_ATTEMPT,
        .delivery = delivery,
        .outcome = outcome,
        .started_at = house->now,
        .duration_ms = 5,
        .cpu_ms = 3,
        .memory_bytes = -1,
        .end = {.exit_code = outcome == ATTEMPT_SUCCEEDED ? 0 : 1},
        .error = outcome == ATTEMPT_SUCCEEDED ? NULL : "exit 1",
        .output = "some output",
        .output_size = 11,
        .next_at = next_at,
        .now = house->now,
    };

    return house_do(house, &finish);
}

enum store_result house_erase(struct house *house, store_key request)
{
    struct store_erase erase = {.base.kind = STORE_ERASE, .request = request, .now = house->now};

    return house_do(house, &erase);
}
