/* What others control is bounded. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
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

TestSuite(store_bounds, .init = setup, .fini = teardown);

static void reconfigure(const struct store_settings *settings)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE, .settings = *settings};

    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

Test(store_bounds, the_newest_rejected_ones_are_kept)
{
    for (int i = 0; i < 1005; i++)
        cr_assert_eq(house_receive(&house, 0, "no json").result, STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 1000);
    cr_expect_eq(house_count(&house, "SELECT min(id) FROM callback"), 6);
}

Test(store_bounds, rejected_bodies_are_bounded_in_bytes)
{
    char *body = malloc(5 * 1024 * 1024 + 1);

    cr_assert_not_null(body);
    memset(body, 'x', 5 * 1024 * 1024);
    body[5 * 1024 * 1024] = '\0';
    for (int i = 0; i < 5; i++)
        cr_assert_eq(house_receive(&house, 0, body).result, STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 3);
    free(body);
}

Test(store_bounds, too_many_unmatched_are_refused)
{
    char body[100];

    house.settings.max_unmatched = 3;
    reconfigure(&house.settings);
    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "{\"id\": \"u-%d\"}", i);
        cr_expect_eq(house_receive(&house, 0, body).result, i < 3 ? STORE_OK : STORE_E_FULL);
    }
}

Test(store_bounds, one_token_cannot_fill_the_store)
{
    store_key submission;
    char body[100];

    house_submit(&house, "Ada", "Lovelace", NULL);
    submission = house_accept(&house, "e-1");
    for (int i = 0; i < 1005; i++) {
        snprintf(body, sizeof(body), "{\"id\": \"e-1\", \"status\": \"pending\", \"n\": %d}", i);
        cr_assert_eq(house_receive(&house, submission, body).result,
                     i < 1000 ? STORE_OK : STORE_E_FULL, "%d", i);
    }
    cr_expect_eq(house_receive(&house, submission, "{\"id\": \"e-1\"}").state, CALLBACK_MATCHED);
    cr_expect_eq(house_receive(&house, submission, "{\"id\": \"e-1\"}").state, CALLBACK_DUPLICATE);
    cr_expect_eq(
        house_receive(&house, submission, "{\"id\": \"e-1\", \"email\": \"a@b.c\"}").result,
        STORE_E_FULL);
}

Test(store_bounds, a_full_disk_takes_nothing_new_and_finishes_what_is_there)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit submit = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = house.now};
    struct store_register registered = {
        .base.kind = STORE_REGISTER, .contact = &contact, .enrichment_id = "r-1", .now = house.now};
    store_key request = house_submit(&house, "Ada", "Lovelace", NULL), keys[1];
    store_key submission = house_accept(&house, "e-1");
    struct store_counts counts;

    cr_assert_eq(house_receive(&house, submission, "{\"id\": \"e-1\"}").state, CALLBACK_MATCHED);
    cr_expect(store_ready(house.store));
    house.settings.min_free = INT64_MAX;
    reconfigure(&house.settings);
    cr_expect_eq(house_receive(&house, submission, "{\"id\": \"e-1\"}").result, STORE_E_FULL);
    cr_expect_eq(house_receive(&house, submission, "no json").result, STORE_E_FULL);
    cr_expect_eq(house_do(&house, &submit), STORE_E_FULL);
    cr_expect_eq(house_do(&house, &registered), STORE_E_FULL);
    store_counts(house.store, &counts);
    cr_expect(!counts.ready && !store_ready(house.store));
    cr_expect_str_eq(counts.not_ready_reason, "the disk is nearly full");
    cr_expect_gt(counts.free_bytes, 0);
    cr_assert_eq(house_claim_deliveries(&house, "crm", 1, keys), 1);
    cr_expect_eq(house_finish_attempt(&house, keys[0], ATTEMPT_DEAD, 0), STORE_OK);
    cr_expect_eq(house_erase(&house, request), STORE_OK);
    house.settings.min_free = 0;
    reconfigure(&house.settings);
    cr_expect_eq(house_do(&house, &submit), STORE_OK);
    cr_expect(store_ready(house.store));
    contact_done(&contact);
}

Test(store_bounds, old_events_are_forgotten_in_steps)
{
    sqlite3 *connection;

    house_stop(&house);
    cr_assert_eq(sqlite3_open(house.path, &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection,
                              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                              "WHERE i < 101500) INSERT INTO event (at, name) SELECT i, 0 FROM n",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(connection);
    house_start(&house);
    house_submit(&house, "Ada", "Lovelace", NULL);
    cr_expect_eq(house_count(&house, "SELECT min(id) FROM event"), 1502);
    cr_expect_eq(house_count(&house, "SELECT max(id) FROM event"), 101501);
    house_submit(&house, "Ada", "Lovelace", NULL);
    cr_expect_eq(house_count(&house, "SELECT min(id) FROM event"), 1502);
}
