#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct house house;

static void setup(void)
{
    house_open(&house);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_deliveries, .init = setup, .fini = teardown);

/* A request of its own with a result. */
static store_key finish_one(const char *body)
{
    static int number;
    store_key submission;
    char id[32], text[300];

    house_submit(&house, "Ada", "Lovelace", NULL);
    snprintf(id, sizeof(id), "e-%d", ++number);
    submission = house_accept(&house, id);
    snprintf(text, sizeof(text), "{\"enrichment_id\": \"%s\"%s}", id, body);
    cr_assert_eq(house_receive(&house, submission, text).state, CALLBACK_MATCHED);
    return submission;
}

static void reconfigure(void)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE, .settings = house.settings};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

Test(store_deliveries, filters)
{
    static const struct hook_filter filters[] = {
        {.name = "found", .on = 1U << EVENT_FINISHED, .types = 7, .only = HOOK_ONLY_FOUND},
        {.name = "empty", .on = 1U << EVENT_FINISHED, .types = 7, .only = HOOK_ONLY_EMPTY},
        {.name = "phone", .on = 1U << EVENT_FINISHED, .types = 1U << ENRICHMENT_PHONE},
        {.name = "failed", .on = 1U << EVENT_FAILED, .types = 7, .only = HOOK_ONLY_FOUND},
    };

    memcpy(house.settings.hooks, filters, sizeof(filters));
    house.settings.n_hooks = 4;
    reconfigure();
    finish_one(", \"email\": \"ada@example.com\"");
    finish_one("");
    finish_one(", \"phone\": \"+12015550123\"");
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 3);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery JOIN hook ON hook.id = hook "
                                     "WHERE name = 'found' AND request IN (1, 3)"),
                 2);
    cr_expect_eq(house_count(&house, "SELECT request FROM delivery JOIN hook ON hook.id = hook "
                                     "WHERE name = 'empty'"),
                 2);
}

Test(store_deliveries, a_claim_is_bounded_by_hook_and_tells_what_is_left)
{
    struct hook_capacity capacity[] = {
        {.hook = "crm", .free = 2}, {.hook = "audit", .free = 5}, {.hook = "unknown", .free = 5}};
    struct store_claim_deliveries claim = {
        .base.kind = STORE_CLAIM_DELIVERIES, .hooks = capacity, .n_hooks = 3, .now = house.now};

    for (int i = 0; i < 70; i++)
        finish_one("");
    house.now += 50;
    finish_one("");
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_expect_eq(claim.n, 2);
    cr_expect(!claim.more);
    cr_expect_eq(claim.next_due_at, house.now);
    cr_expect_eq(claim.jobs[0].key, 1);
    cr_expect_eq(claim.jobs[1].key, 2);
    capacity[0].free = 100;
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_expect_eq(claim.n, 68);
    cr_expect(!claim.more);
}

Test(store_deliveries, success)
{
    store_key key;

    finish_one("");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 9, &key), 1);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 9, &key), 0);
    cr_expect_eq(house_count(&house, "SELECT state FROM delivery"), DELIVERY_RUNNING);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT state FROM delivery"), DELIVERY_SUCCEEDED);
    cr_expect_eq(house_count(&house, "SELECT attempts FROM delivery"), 1);
    cr_expect_eq(house_count(&house, "SELECT finished_at FROM delivery"), house.now);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt WHERE exit_code = 0 AND error "
                                     "ISNULL AND output = CAST('some output' AS BLOB)"),
                 1);
    cr_expect_eq(house_count(&house, "SELECT last_success_at FROM hook WHERE name = 'crm'"),
                 house.now);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0), STORE_E_STATE);
    cr_expect_eq(house_finish_attempt(&house, 99, ATTEMPT_SUCCEEDED, 0), STORE_E_NOT_FOUND);
}

Test(store_deliveries, retries_until_dead_and_tells_others)
{
    store_key key, dead;

    finish_one("");
    for (int i = 0; i < 105; i++) {
        cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
        cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now + 100), STORE_OK);
        cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 0);
        house.now += 100;
    }
    cr_expect_eq(house_count(&house, "SELECT attempts FROM delivery"), 105);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt"), 100);
    cr_expect_eq(house_count(&house, "SELECT min(number) FROM attempt"), 6);
    cr_expect_eq(house_claim_deliveries(&house, "audit", 1, &dead), 0);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_DEAD, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT last_failure_at FROM hook WHERE name = 'crm'"),
                 house.now);
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &dead), 1);
    cr_expect_eq(house_count(&house, "SELECT dead FROM delivery WHERE event = 4"), key);
    cr_expect_eq(house_count(&house, "SELECT request FROM delivery WHERE event = 4"), 1);
    cr_expect_eq(house_finish_attempt(&house, dead, ATTEMPT_DEAD, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), 2, "no news of news");
}

Test(store_deliveries, two_hooks_on_dead_do_not_go_on_for_ever)
{
    store_key key;
    int n = 0;

    house.settings.hooks[0].on |= 1U << EVENT_DEAD;
    reconfigure();
    finish_one("");
    for (bool any = true; any && n < 20;) {
        any = false;
        while (house_claim_deliveries(&house, "crm", 1, &key) +
                   (any ? 0 : house_claim_deliveries(&house, "audit", 1, &key)) >
               0) {
            any = true;
            house_finish_attempt(&house, key, ATTEMPT_DEAD, 0);
            if (++n >= 20)
                break;
        }
    }
    cr_expect_eq(n, 2, "%d", n);
}

Test(store_deliveries, of_one_request_and_hook_they_run_in_order)
{
    struct submission_job *job;
    store_key first, second;

    house_submit(&house, "Ada", "Lovelace", NULL);
    job = house_claim(&house);
    house_finish_call(&house, job->call, SUBMISSION_REFUSED, "no");
    cr_expect_eq(house_receive(&house, job->submission, "{\"id\": \"e-1\"}").state,
                 CALLBACK_MATCHED);
    submission_job_free(job);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 9, &first), 1);
    cr_expect_eq(house_finish_attempt(&house, first, ATTEMPT_RETRY, house.now + 100), STORE_OK);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 9, &second), 0);
    house.now += 100;
    cr_assert_eq(house_claim_deliveries(&house, "crm", 9, &first), 1);
    cr_expect_eq(house_finish_attempt(&house, first, ATTEMPT_DEAD, 0), STORE_OK);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 9, &second), 1);
    cr_expect_eq(second, first + 1);
}

Test(store_deliveries, a_broken_hook_uses_up_nothing)
{
    store_key key;

    finish_one("");
    house_claim_deliveries(&house, "crm", 1, &key);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_HOOK_BROKEN, house.now + 10), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT state FROM delivery"), DELIVERY_QUEUED);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt"), 0);
    cr_expect_eq(house_count(&house, "SELECT attempts FROM delivery"), 0);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 0);
    house.now += 10;
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now), STORE_OK);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_HOOK_BROKEN, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT state FROM delivery"), DELIVERY_RETRYING);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
}

Test(store_deliveries, an_interruption_runs_again_at_once)
{
    store_key key;

    finish_one("");
    house_claim_deliveries(&house, "crm", 1, &key);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_AGAIN, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT interruptions FROM delivery"), 1);
    cr_expect_eq(house_count(&house, "SELECT attempts FROM delivery"), 0);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_expect_eq(house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT interruptions FROM delivery"), 0);
    cr_expect_eq(house_count(&house, "SELECT max(number) FROM attempt"), 2);
}

static enum store_result retry(store_key delivery, const char *hook, int64_t *ret_n)
{
    struct store_retry command = {
        .base.kind = STORE_RETRY, .delivery = delivery, .filter.hook = hook, .now = house.now};
    enum store_result result = house_do(&house, &command);

    *ret_n = command.n;
    return result;
}

static enum store_result retry_again(store_key delivery)
{
    struct store_retry command = {
        .base.kind = STORE_RETRY, .delivery = delivery, .again = true, .now = house.now};

    return house_do(&house, &command);
}

Test(store_deliveries, run_again_by_hand)
{
    store_key keys[3];
    int64_t n;

    for (int i = 0; i < 3; i++)
        finish_one("");
    cr_expect_eq(retry(1, NULL, &n), STORE_E_STATE, "queued");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 3, keys), 3);
    cr_expect_eq(retry(1, NULL, &n), STORE_E_STATE, "running");
    house_finish_attempt(&house, keys[0], ATTEMPT_DEAD, 0);
    house_finish_attempt(&house, keys[1], ATTEMPT_DEAD, 0);
    house_finish_attempt(&house, keys[2], ATTEMPT_RETRY, house.now + 1000);
    cr_expect_eq(retry(keys[2], NULL, &n), STORE_OK);
    cr_expect_eq(n, 1);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 3, keys + 2), 1);
    house_finish_attempt(&house, keys[2], ATTEMPT_SUCCEEDED, 0);
    cr_expect_eq(retry(keys[2], NULL, &n), STORE_E_STATE, "succeeded");
    cr_expect_eq(retry_again(keys[2]), STORE_OK);
    cr_expect_eq(retry(99, NULL, &n), STORE_E_NOT_FOUND);
    cr_expect_eq(retry(0, "unknown", &n), STORE_E_NOT_FOUND);
    cr_expect_eq(retry(0, "audit", &n), STORE_OK);
    cr_expect_eq(n, 0);
    cr_expect_eq(retry(0, "crm", &n), STORE_OK);
    cr_expect_eq(n, 2);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 3, keys), 3);
    for (int i = 0; i < 3; i++)
        house_finish_attempt(&house, keys[i], ATTEMPT_DEAD, 0);
    cr_expect_eq(retry(0, NULL, &n), STORE_OK);
    cr_expect_eq(n, 3);
    cr_expect_eq(house_count(&house, "SELECT max(attempts) FROM delivery WHERE hook = 1"), 0);
}

Test(store_deliveries, many_run_again_in_several_transactions)
{
    sqlite3 *connection;
    struct store_counts before, after;
    int64_t n;

    house_receive(&house, 0, "{\"id\": \"x\"}");
    house_stop(&house);
    cr_assert_eq(sqlite3_open(house.path, &connection), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(
            connection,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
            "5000) INSERT INTO delivery (hook, state, event, created_at, finished_at) "
            "SELECT 1, 4, i % 3, 1, i / 10 FROM n; INSERT INTO counter VALUES (3, 1, 4, 5000)"
            " ON CONFLICT DO UPDATE SET n = excluded.n",
            NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(connection));
    sqlite3_close(connection);
    house_start(&house);
    store_counts(house.store, &before);
    cr_expect_eq(before.deliveries[DELIVERY_DEAD], 5000);
    cr_expect_eq(retry(0, NULL, &n), STORE_OK);
    cr_expect_eq(n, 5000);
    store_counts(house.store, &after);
    cr_expect_eq(after.commits - before.commits, 3);
    cr_expect_eq(after.deliveries[DELIVERY_DEAD], 0);
}

/* Dead ones of crm that died at house.now + 0, 10, 20, ... */
static void kill_some(int n)
{
    store_key key;

    for (int i = 0; i < n; i++) {
        finish_one("");
        cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
        cr_assert_eq(house_finish_attempt(&house, key, ATTEMPT_DEAD, 0), STORE_OK);
        house.now += 10;
    }
}

static int64_t retry_those(struct retry_filter filter)
{
    struct store_retry command = {.base.kind = STORE_RETRY, .filter = filter, .now = house.now};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
    return command.n;
}

Test(store_deliveries, dead_ones_are_found_by_time_event_and_request)
{
    int64_t began = house.now;

    kill_some(5);
    cr_expect_eq(retry_those((struct retry_filter){.since = began + 41}), 0);
    cr_expect_eq(retry_those((struct retry_filter){.until = began}), 0);
    cr_expect_eq(retry_those((struct retry_filter){.has_event = true, .event = EVENT_FAILED}), 0);
    cr_expect_eq(retry_those((struct retry_filter){.since = began + 10, .until = began + 30}), 2);
    cr_expect_eq(house_count(&house, "SELECT group_concat(request) = '2,3' FROM delivery WHERE "
                                     "hook = 1 AND state = 0"),
                 1);
    cr_expect_eq(retry_those((struct retry_filter){.request = 2}), 0, "queued already");
    cr_expect_eq(retry_those((struct retry_filter){.request = 5, .until = began + 40}), 0);
    cr_expect_eq(retry_those((struct retry_filter){.request = 5, .hook = "audit"}), 0);
    cr_expect_eq(retry_those((struct retry_filter){.request = 5, .since = began + 40}), 1);
    cr_expect_eq(
        retry_those((struct retry_filter){.hook = "crm", .has_event = true, .since = began}), 2);
    cr_expect_eq(retry_those((struct retry_filter){.since = 0}), 0);
}

Test(store_deliveries, what_dies_again_meanwhile_is_not_run_again)
{
    struct store_retry command = {.base.kind = STORE_RETRY, .now = house.now};

    house.now++;
    kill_some(1);
    cr_assert_eq(house_do(&house, &command), STORE_OK);
    cr_expect_eq(command.n, 0);
}

Test(store_deliveries, the_age_of_one_that_is_run_again_begins_anew)
{
    struct hook_capacity capacity = {.hook = "crm", .free = 5};
    struct store_claim_deliveries claim = {
        .base.kind = STORE_CLAIM_DELIVERIES, .hooks = &capacity, .n_hooks = 1};
    int64_t born = house.now, n;
    store_key key;

    finish_one("");
    claim.now = house.now;
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_assert_eq(claim.n, 1);
    key = claim.jobs[0].key;
    cr_expect_eq(claim.jobs[0].since, born);
    house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now + 1000);
    house.now += 500;
    cr_expect_eq(retry(key, NULL, &n), STORE_OK, "at once");
    claim.now = house.now;
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.jobs[0].since, born + 500);
    cr_expect_eq(claim.jobs[0].attempts, 0);
    house_finish_attempt(&house, key, ATTEMPT_DEAD, 0);
    house.now += 500;
    cr_expect_eq(retry(key, NULL, &n), STORE_OK);
    claim.now = house.now;
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_assert_eq(claim.n, 1);
    cr_expect_eq(claim.jobs[0].since, born + 1000);
    cr_expect_eq(claim.jobs[0].attempts, 0);
}

Test(store_deliveries, what_an_attempt_cost_is_kept)
{
    struct store_reader *reader;
    struct delivery_record record;
    store_key key;

    finish_one("");
    house_claim_deliveries(&house, "crm", 1, &key);
    house_finish_attempt(&house, key, ATTEMPT_SUCCEEDED, 0);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_delivery(reader, key, &record), READER_OK);
    cr_expect_eq(record.attempts[0].cpu_ms, 3);
    cr_expect_eq(record.attempts[0].memory_bytes, -1);
    cr_expect_eq(
        house_count(&house,
                    "SELECT count(*) FROM attempt WHERE cpu_ms = 3 AND memory_bytes ISNULL"),
        1);
    delivery_record_done(&record);
    store_reader_free(reader);
}

/* Three hooks with @each deliveries that are due. */
static void fill_three(int each)
{
    static const char *const names[] = {"one", "two", "three"};

    house.settings.n_hooks = 3;
    for (int i = 0; i < 3; i++) {
        struct hook_filter *filter = &house.settings.hooks[i];

        *filter = (struct hook_filter){.on = 1U << EVENT_FINISHED, .types = 7};
        strcpy(filter->name, names[i]);
    }
    reconfigure();
    for (int i = 0; i < each; i++)
        finish_one("");
}

/* How many each of the three gets. */
static void share(const struct hook_capacity *capacity, size_t shared, size_t ret[3])
{
    static struct store_claim_deliveries claim;

    claim = (struct store_claim_deliveries){.base.kind = STORE_CLAIM_DELIVERIES,
                                            .hooks = capacity,
                                            .n_hooks = 3,
                                            .shared = shared,
                                            .now = house.now};
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    ret[0] = ret[1] = ret[2] = 0;
    for (size_t i = 0; i < claim.n; i++)
        ret[claim.jobs[i].hook]++;
}

Test(store_deliveries, each_hook_gets_a_place_before_another_gets_its_second)
{
    struct hook_capacity capacity[] = {
        {.hook = "one", .free = 9, .shared = true},
        {.hook = "two", .free = 9, .shared = true},
        {.hook = "three", .free = 9, .shared = true},
    };
    size_t got[3];

    fill_three(9);
    share(capacity, 3, got);
    cr_expect(got[0] == 1 && got[1] == 1 && got[2] == 1, "%zu %zu %zu", got[0], got[1], got[2]);
    capacity[0].running = 2; /* who has fewest goes first */
    capacity[1].running = 1;
    share(capacity, 4, got);
    cr_expect(got[0] == 1 && got[1] == 1 && got[2] == 2, "%zu %zu %zu", got[0], got[1], got[2]);
}

Test(store_deliveries, a_place_is_kept_for_each_hook_that_has_none)
{
    struct hook_capacity capacity[] = {
        {.hook = "one", .free = 9, .shared = true},
        {.hook = "nothing to do", .free = 9, .shared = true},
        {.hook = "cannot now", .free = 0, .shared = true},
    };
    size_t got[3];

    fill_three(9);
    share(capacity, 5, got);
    cr_expect_eq(got[0], 3, "%zu", got[0]);
    capacity[0].running = 3;
    share(capacity, 2, got);
    cr_expect_eq(got[0], 0, "%zu", got[0]);
    share(capacity, 3, got);
    cr_expect_eq(got[0], 1, "%zu", got[0]);
}

Test(store_deliveries, one_that_shares_no_places_is_bound_by_its_own_alone)
{
    struct hook_capacity capacity[] = {
        {.hook = "one", .free = 7},
        {.hook = "two", .free = 9, .shared = true},
        {.hook = "three", .free = 9, .shared = true},
    };
    size_t got[3];

    fill_three(9);
    share(capacity, 2, got);
    cr_expect(got[0] == 7 && got[1] == 1 && got[2] == 1, "%zu %zu %zu", got[0], got[1], got[2]);
}

static enum store_result pause_hook(const char *hook, bool paused)
{
    struct store_pause_hook command = {
        .base.kind = STORE_PAUSE_HOOK, .hook = hook, .paused = paused};

    return house_do(&house, &command);
}

Test(store_deliveries, a_paused_hook_starts_nothing_also_after_a_restart)
{
    store_key key;

    cr_expect_eq(pause_hook("unknown", true), STORE_E_NOT_FOUND);
    cr_expect_eq(pause_hook("crm", true), STORE_OK, "before it has a row");
    cr_expect_eq(pause_hook("crm", true), STORE_OK);
    finish_one("");
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 0);
    house_stop(&house);
    house_start(&house);
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 0);
    house.seen.deliveries = false;
    cr_expect_eq(pause_hook("crm", false), STORE_OK);
    house_look(&house);
    cr_expect(house.seen.deliveries, "the scheduler hears that something may be due");
    cr_expect_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
}

static enum store_result purge(const char *hook, int64_t *ret_n)
{
    struct store_purge_hook command = {
        .base.kind = STORE_PURGE_HOOK, .hook = hook, .now = house.now};
    enum store_result result = house_do(&house, &command);

    *ret_n = command.n;
    return result;
}

Test(store_deliveries, what_a_hook_left_unfinished_is_purged)
{
    store_key keys[5];
    int64_t n;

    for (int i = 0; i < 5; i++)
        finish_one("");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 4, keys), 4);
    house_finish_attempt(&house, keys[0], ATTEMPT_SUCCEEDED, 0);
    house_finish_attempt(&house, keys[1], ATTEMPT_DEAD, 0);
    house_finish_attempt(&house, keys[2], ATTEMPT_RETRY, house.now + 1000);
    cr_expect_eq(purge("crm", &n), STORE_E_STATE, "it is configured");
    cr_expect_eq(purge("unknown", &n), STORE_E_NOT_FOUND);
    house.settings.hooks[0] = house.settings.hooks[1];
    house.settings.n_hooks = 1;
    reconfigure();
    cr_expect_eq(purge("crm", &n), STORE_OK);
    cr_expect_eq(n, 3);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE hook = 1"), 2);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM event WHERE name = 205"), 3);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt WHERE delivery > 2"), 0);
    cr_expect_eq(house_finish_attempt(&house, keys[3], ATTEMPT_SUCCEEDED, 0), STORE_E_NOT_FOUND);
    cr_expect_eq(purge("crm", &n), STORE_OK);
    cr_expect_eq(n, 0);
}

Test(store_deliveries, attempts_of_one_that_waits_count_anew_when_it_is_run_by_hand)
{
    struct store_retry retry = {.base.kind = STORE_RETRY, .now = house.now + 7};

    finish_one("");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &retry.delivery), 1);
    cr_assert_eq(house_finish_attempt(&house, retry.delivery, ATTEMPT_RETRY, house.now + 1000),
                 STORE_OK);
    cr_assert_eq(house_do(&house, &retry), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT attempts FROM delivery WHERE state = 2"), 0);
    cr_expect_eq(house_count(&house, "SELECT renewed_at FROM delivery"), house.now + 7);
    cr_expect_eq(house_count(&house, "SELECT next_at FROM delivery"), house.now + 7);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt"), 1, "what was made stays");
}

static void on_purged(struct store_command *command)
{
    *(bool *)command->userdata = true;
}

/* What a hook printed is erased like anything else: it ends when no copy is in the WAL. */
Test(store_deliveries, a_purge_ends_only_when_readers_let_the_wal_go)
{
    bool done = false;
    union { /* as the query socket has them */
        struct store_purge_hook purge;
        struct store_forget forget;
    } command = {.forget = {.now = 0}};
    store_key key;
    sqlite3 *reader;

    finish_one("");
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, &key), 1);
    cr_assert_eq(house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now + 1000), STORE_OK);
    cr_assert(house_holds(&house, "some output"));
    house.settings.n_hooks = 0;
    reconfigure();
    cr_assert_eq(sqlite3_open_v2(house.path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT * FROM attempt", NULL, NULL, NULL), SQLITE_OK);
    command.purge = (struct store_purge_hook){.base = {.kind = STORE_PURGE_HOOK,
                                                       .where = STORE_DONE_ON_LOOP,
                                                       .done = on_purged,
                                                       .userdata = &done},
                                              .hook = "crm",
                                              .now = house.now};
    cr_assert_eq(store_post(house.store, &command.purge.base), STORE_OK);
    for (int i = 0; i < 5; i++)
        house_look(&house);
    cr_expect(!done);
    cr_assert_eq(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 100 && !done; i++)
        house_look(&house);
    cr_expect(done);
    cr_expect_eq(command.purge.base.result, STORE_OK);
    cr_expect_eq(command.purge.n, 1);
    cr_expect(!house_holds(&house, "some output"));
    sqlite3_close(reader);
}

Test(store_deliveries, many_are_purged_in_several_transactions)
{
    struct store_counts before, after;
    sqlite3 *connection;
    int64_t n;

    finish_one("");
    house_stop(&house);
    cr_assert_eq(sqlite3_open(house.path, &connection), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(connection,
                     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                     "2499) INSERT INTO delivery (hook, state, event, created_at, next_at) SELECT "
                     "1, 2, 0, 1, i FROM n; INSERT INTO counter VALUES (3, 1, 2, 2499) ON CONFLICT "
                     "DO UPDATE SET n = excluded.n",
                     NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(connection));
    sqlite3_close(connection);
    house.settings.n_hooks = 0;
    house_start(&house);
    store_counts(house.store, &before);
    cr_expect_eq(purge("crm", &n), STORE_OK);
    cr_expect_eq(n, 2500);
    store_counts(house.store, &after);
    cr_expect_eq(after.commits - before.commits, 3);
}

static size_t listed(struct delivery_filter filter)
{
    struct delivery_record *items;
    struct store_reader *reader;
    char *next = NULL;
    size_t n;

    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_deliveries(reader, &filter, NULL, 100, &items, &n, &next), READER_OK);
    cr_expect_null(next);
    delivery_records_free(items, n);
    store_reader_free(reader);
    return n;
}

Test(store_deliveries, lists_know_event_and_time)
{
    int64_t began = house.now;

    kill_some(5); /* each with a delivery of audit at the same time */
    cr_expect_eq(listed((struct delivery_filter){.since = 0}), 10);
    cr_expect_eq(listed((struct delivery_filter){.has_event = true, .event = EVENT_DEAD}), 5);
    cr_expect_eq(listed((struct delivery_filter){.since = began + 10}), 8);
    cr_expect_eq(listed((struct delivery_filter){.until = began + 10}), 2);
    cr_expect_eq(
        listed((struct delivery_filter){.since = began + 10, .until = began + 30, .hook = "crm"}),
        2);
    cr_expect_eq(
        listed((struct delivery_filter){.since = began + 11, .until = began + 20, .request = 2}),
        0);
    cr_expect_eq(
        listed((struct delivery_filter){.since = began + 10, .until = began + 11, .request = 2}),
        2);
    cr_expect_eq(listed((struct delivery_filter){.since = began + 1000}), 0);
    cr_expect_eq(listed((struct delivery_filter){.until = 1}), 0);
}
