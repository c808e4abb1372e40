/* A disk that fails, once or for good, at any write or sync: nothing that was acknowledged is lost,
 * nothing wedges, and a broken disk ends in giving up. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Fails the countdown-th write or sync of database and WAL, and for good all after it. */
static atomic_long countdown = -1;
static atomic_bool for_good, failed;
static atomic_int how = SQLITE_IOERR_FSYNC;

static sqlite3_vfs vfs, *base_vfs;
static const sqlite3_io_methods *base; /* the parts that fail are those of every kind of file */
static sqlite3_io_methods methods[2];  /* of databases, and of other files, which are not locked */

static bool fails(void)
{
    long left = atomic_load(&countdown);

    if (left < 0)
        return false;
    if (left > 0) {
        atomic_store(&countdown, left - 1);
        return false;
    }
    if (!atomic_load(&for_good))
        atomic_store(&countdown, -1);
    atomic_store(&failed, true);
    return true;
}

static int failing_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    return fails() ? atomic_load(&how) : base->xWrite(file, data, size, offset);
}

static int failing_sync(sqlite3_file *file, int flags)
{
    return fails() ? atomic_load(&how) : base->xSync(file, flags);
}

static int failing_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fails() ? atomic_load(&how) : base->xTruncate(file, size);
}

static int failing_open(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags,
                        int *ret_flags)
{
    int result = base_vfs->xOpen(base_vfs, name, file, flags, ret_flags);

    (void)self;
    if (result != SQLITE_OK)
        return result;
    sqlite3_io_methods *mine = &methods[(flags & SQLITE_OPEN_MAIN_DB) == 0];
    if (mine->xWrite == NULL) {
        base = file->pMethods;
        *mine = *base;
        mine->xWrite = failing_write;
        mine->xSync = failing_sync;
        mine->xTruncate = failing_truncate;
    }
    file->pMethods = mine;
    return SQLITE_OK;
}

static struct house house;

/* The default file layer fails from now on, so that of the writer does, too. */
static void setup(void)
{
    base_vfs = sqlite3_vfs_find(NULL);
    vfs = *base_vfs;
    vfs.zName = "failing";
    vfs.pNext = NULL;
    vfs.xOpen = failing_open;
    cr_assert_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    house_open(&house);
}

static void teardown(void)
{
    house_close(&house);
}

TestSuite(store_disk, .init = setup, .fini = teardown);

static void fail_at(long n, bool always, int result)
{
    atomic_store(&for_good, always);
    atomic_store(&how, result);
    atomic_store(&failed, false);
    atomic_store(&countdown, n);
}

static enum store_result submit(void)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit command = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = house.now};
    enum store_result result = house_do(&house, &command);

    contact_done(&contact);
    return result;
}

static void wait_until_ready(void)
{
    for (int i = 0; i < 200 && !store_ready(house.store); i++)
        house_look(&house);
    cr_assert(store_ready(house.store));
}

Test(store_disk, a_failed_sync_is_no_commit_and_heals)
{
    struct store_counts counts;

    cr_assert_eq(submit(), STORE_OK);
    fail_at(1, false, SQLITE_IOERR_FSYNC);
    cr_expect_eq(submit(), STORE_E_UNAVAILABLE);
    cr_expect(atomic_load(&failed));
    cr_expect_eq(house.dispatched, 0);
    wait_until_ready();
    store_counts(house.store, &counts);
    cr_expect_eq(counts.commit_failures, 1);
    cr_assert_eq(submit(), STORE_OK);
    house_check(&house);
}

Test(store_disk, a_second_failure_within_a_minute_gives_up)
{
    struct store_counts counts;

    cr_assert_eq(submit(), STORE_OK);
    fail_at(0, true, SQLITE_IOERR_FSYNC);
    cr_expect_eq(submit(), STORE_E_UNAVAILABLE);
    for (int i = 0; i < 100 && house.dispatched == 0; i++)
        house_look(&house);
    cr_expect_lt(house.dispatched, 0);
    cr_expect(!store_ready(house.store));
    cr_expect_eq(submit(), STORE_E_UNAVAILABLE);
    store_counts(house.store, &counts);
    cr_expect_str_eq(counts.not_ready_reason, "the database cannot be written any more");
    atomic_store(&countdown, -1);
    house_stop(&house);
    house_start(&house);
    cr_expect_geq(house_count(&house, "SELECT count(*) FROM request"), 1);
    house_check(&house);
}

Test(store_disk, a_full_disk_is_waited_out)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", NULL);
    struct store_counts counts;

    fail_at(0, true, SQLITE_FULL);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(submit(), STORE_E_UNAVAILABLE);
    cr_expect(!store_ready(house.store));
    store_knock(house.store, 1);
    while (store_answered(house.store) != 1)
        sched_yield(); /* a full disk is no hang */
    store_counts(house.store, &counts);
    cr_expect_eq(counts.trouble, STORE_TROUBLE_COMMIT_FAILED);
    cr_expect_eq(counts.last_failure, -ENOSPC);
    house_look(&house);
    cr_expect_eq(house.dispatched, 0);
    atomic_store(&countdown, -1);
    wait_until_ready();
    cr_expect_eq(submit(), STORE_OK);
    cr_expect_eq(house_erase(&house, request), STORE_OK);
    house_check(&house);
}

/* Somebody else holds the file. */
Test(store_disk, a_lock_is_waited_out)
{
    sqlite3 *other;

    cr_assert_eq(sqlite3_open(house.path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    cr_expect_eq(submit(), STORE_E_UNAVAILABLE);
    cr_expect(!store_ready(house.store));
    cr_assert_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_db_config(other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(other);
    wait_until_ready();
    cr_expect_eq(submit(), STORE_OK);
    house_check(&house);
}

/* Does some of everything; returns how many more requests there are at least. */
static int work(void)
{
    int acknowledged = 0;
    store_key key;

    for (int i = 0; i < 3; i++)
        acknowledged += submit() == STORE_OK;
    (void)house_receive(&house, 0, "{\"id\": \"x\"}");
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 1, .now = house.now};
    if (house_do(&house, &claim) == STORE_OK)
        for (size_t i = 0; i < claim.n; i++)
            submission_job_free(claim.jobs[i]);
    struct hook_capacity capacity = {.hook = "audit", .free = 1};
    struct store_claim_deliveries deliveries = {
        .base.kind = STORE_CLAIM_DELIVERIES, .hooks = &capacity, .n_hooks = 1, .now = house.now};
    if (house_do(&house, &deliveries) == STORE_OK && deliveries.n > 0) {
        key = deliveries.jobs[0].key;
        (void)house_finish_attempt(&house, key, ATTEMPT_RETRY, house.now);
    }
    key = house_count(&house, "SELECT coalesce(min(id), 0) FROM request");
    /* It may be gone, but still in the WAL, when that fails. */
    if (key != 0 && house_erase(&house, key) != STORE_E_NOT_FOUND)
        acknowledged--;
    return acknowledged;
}

static void torture(bool always, int result)
{
    long n = 0;
    bool any = true;

    for (; any && n < 200; n += n < 40 ? 1 : 7) {
        int64_t before = house_count(&house, "SELECT count(*) FROM request");
        int acknowledged;

        fail_at(n, always, result);
        acknowledged = work();
        any = atomic_load(&failed);
        atomic_store(&countdown, -1);
        house_stop(&house);
        house_start(&house);
        cr_assert_geq(house_count(&house, "SELECT count(*) FROM request"), before + acknowledged,
                      "failure %ld", n);
        house_check(&house);
    }
    cr_expect_gt(n, 20);
}

Test(store_disk, any_failure_once)
{
    torture(false, SQLITE_IOERR_FSYNC);
}

Test(store_disk, any_failure_for_good)
{
    torture(true, SQLITE_IOERR_WRITE);
}

Test(store_disk, any_fullness_once)
{
    torture(false, SQLITE_FULL);
}
