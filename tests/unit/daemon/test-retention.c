/* When a purge begins: retention.c with a store that ends one when the test says so. */
#include "daemon/retention.h"

#include <criterion/criterion.h>

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static sd_event *loop;
static struct retention *retention;
static struct store_purge *posted; /* the one under way; NULL: none */
static int n_posted;

enum store_result store_post(struct store *store, struct store_command *command)
{
    (void)store;
    cr_assert_eq(command->kind, STORE_PURGE);
    cr_assert_null(posted, "one at a time");
    posted = (struct store_purge *)command;
    n_posted++;
    return STORE_OK;
}

int64_t store_newest_at(const struct store *store)
{
    (void)store;
    return 0;
}

int reader_old_dead(struct store_reader *reader, int64_t before, int64_t *ret)
{
    (void)reader;
    (void)before;
    *ret = 0;
    return 0;
}

/* The loop never runs: what is posted is posted at once, not by the timer. */
static void setup(void)
{
    posted = NULL;
    n_posted = 0;
    cr_assert_geq(sd_event_new(&loop), 0);
    cr_assert_eq(retention_new(loop, NULL, NULL, 90 * DAY_MS, &retention), 0);
}

static void teardown(void)
{
    retention_free(retention);
    sd_event_unref(loop);
}

TestSuite(retention, .init = setup, .fini = teardown);

static void end_purge(enum store_result result)
{
    struct store_command *command = &posted->base;

    cr_assert_not_null(posted);
    posted = NULL;
    command->result = result;
    command->done(command);
}

static void expect_purge(int n, int64_t retention_ms)
{
    cr_assert_eq(n_posted, n);
    cr_assert_not_null(posted);
    cr_expect_eq(posted->now - posted->before, retention_ms);
}

Test(retention, a_reload_looks_at_once)
{
    retention_reload(retention, 80 * DAY_MS);
    expect_purge(1, 80 * DAY_MS);
    end_purge(STORE_OK);
    cr_expect_eq(n_posted, 1, "not again without a reload");
    retention_reload(retention, 70 * DAY_MS);
    expect_purge(2, 70 * DAY_MS);
}

Test(retention, a_reload_during_a_purge_begins_at_its_end)
{
    retention_reload(retention, 80 * DAY_MS);
    retention_reload(retention, 70 * DAY_MS);
    retention_reload(retention, 60 * DAY_MS);
    expect_purge(1, 80 * DAY_MS);
    end_purge(STORE_OK);
    expect_purge(2, 60 * DAY_MS);
    end_purge(STORE_OK);
    cr_expect_eq(n_posted, 2, "once for all of them");
}

Test(retention, a_reload_during_a_purge_that_fails_is_not_lost)
{
    retention_reload(retention, 80 * DAY_MS);
    retention_reload(retention, 70 * DAY_MS);
    end_purge(STORE_E_UNAVAILABLE);
    expect_purge(2, 70 * DAY_MS);
    end_purge(STORE_E_UNAVAILABLE);
    cr_expect_eq(n_posted, 2, "that is tried again later");
}
