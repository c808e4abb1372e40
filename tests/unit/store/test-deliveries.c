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
    struct hook_capacity capacity[] = {{"crm", 2}, {"audit", 5}, {"unknown", 5}};
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
    cr_expect_eq(claim.n, STORE_CLAIM_MAX);
    cr_expect(claim.more);
    cr_assert_eq(house_do(&house, &claim), STORE_OK);
    cr_expect_eq(claim.n, 4);
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
        .base.kind = STORE_RETRY, .delivery = delivery, .hook = hook, .now = house.now};
    enum store_result result = house_do(&house, &command);

    *ret_n = command.n;
    return result;
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
    cr_expect_eq(retry(keys[2], NULL, &n), STORE_OK, "succeeded");
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
            "5000) INSERT INTO delivery (hook, state, event, created_at) SELECT 1, 4, 3, 1 "
            "FROM n; INSERT INTO counter VALUES (3, 1, 4, 5000)"
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
