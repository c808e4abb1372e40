/* [pronto] reuse: answers from the store. */
#include "store/writer.h"
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HOUR 3600000

static struct house house;

static void reconfigure(int64_t reuse_ms)
{
    struct store_reconfigure command = {.base.kind = STORE_RECONFIGURE};

    house.settings.reuse_ms = reuse_ms;
    command.settings = house.settings;
    cr_assert_eq(house_do(&house, &command), STORE_OK);
}

static void setup(void)
{
    house_open(&house);
    house.settings.deadline_ms = 24 * HOUR;
    reconfigure(HOUR);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_reuse, .init = setup, .fini = teardown);

/* A finished request for Ada. */
static store_key finished(const char *mail)
{
    store_key key = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    store_key submission = house_accept(&house, "e-1");
    char body[200];

    snprintf(body, sizeof(body), "{\"id\": \"e-1\", \"custom\": {\"row\": 1}, \"email\": \"%s\"}",
             mail);
    cr_assert_eq(house_receive(&house, submission, body).state, CALLBACK_MATCHED);
    return key;
}

/* The writer's functions on the store's file, in a transaction of its own. */
static void reuse(store_key submission)
{
    struct writer writer = {.path = house.path, .settings = house.settings};
    bool wrote;

    house_stop(&house);
    cr_assert_eq(writer_open(&writer), 0);
    cr_assert_eq(writer_begin(&writer), 0);
    cr_assert_eq(submission_reuse(&writer, submission, house.now), 0);
    cr_assert_eq(writer_commit(&writer, &wrote), 0);
    changes_done(&writer.changes);
    writer_close(&writer);
    house_start(&house);
}

static int64_t number(const char *column, store_key request)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT %s FROM request LEFT JOIN result ON request = request.id JOIN submission ON "
             "submission = submission.id WHERE request.id = %lld",
             column, (long long)request);
    return house_count(&house, sql);
}

/* Submits one for @first, and says whether it was answered from the store. */
static bool answered(const char *first, store_key *ret)
{
    store_key key = house_submit(&house, first, "Lovelace", "{\"row\": 2}");

    reuse(number("submission", key));
    if (ret)
        *ret = key;
    return number("class / 3", key) == REQUEST_FINISHED;
}

Test(store_reuse, a_young_result_answers)
{
    int64_t start = house.now;
    store_key key, deliveries[2];
    struct store_reader *reader;
    struct delivery_facts facts;

    finished("ada@example.com");
    house.now += HOUR;
    cr_assert(answered(" ADA ", &key));
    cr_expect_eq(number("source", key), SOURCE_REUSE);
    cr_expect_eq(number("json ->> 'email' = 'ada@example.com'", key), 1);
    cr_expect_eq(number("json -> '$.custom.row'", key), 2, "its own");
    cr_expect_eq(number("received_at", key), start, "as old as the first");
    cr_expect_eq(number("finished_at", key), house.now);
    cr_expect_eq(number("submitted_at ISNULL", key), 1, "Pronto never heard of it");
    cr_expect_eq(number("raw ISNULL", key), 1);
    cr_expect_eq(number("state", key), SUBMISSION_ANSWERED);
    cr_expect_null(house_claim(&house));
    cr_assert_eq(house_claim_deliveries(&house, "crm", 2, deliveries), 2);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    cr_assert_eq(reader_delivery_facts(reader, deliveries[1], &facts), READER_OK);
    cr_expect_eq(facts.request.source, SOURCE_REUSE);
    cr_expect_null(facts.raw);
    cr_expect_eq(facts.received_at, start);
    delivery_facts_done(&facts);
    store_reader_free(reader);
}

Test(store_reuse, nobody_else_is_answered)
{
    store_key key;

    finished("ada@example.com");
    cr_expect(!answered("Bea", &key));
    cr_expect_eq(number("state", key), SUBMISSION_WAITING);
}

Test(store_reuse, a_result_grows_old_through_its_copies)
{
    finished("ada@example.com");
    house.now += HOUR / 2;
    cr_expect(answered("Ada", NULL));
    house.now += HOUR / 2;
    cr_expect(answered("Ada", NULL));
    house.now += 1;
    cr_expect(!answered("Ada", NULL), "only copies are young");
}

Test(store_reuse, of_an_array_the_rest_is_sent)
{
    struct contact contacts[] = {house_contact("Ada", "Lovelace", NULL),
                                 house_contact("Bea", "Lovelace", NULL)};
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = contacts,
                                  .n_contacts = 2,
                                  .array = true,
                                  .now = house.now};
    struct submission_job *job;

    finished("ada@example.com");
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    reuse(number("submission", submit.keys[0]));
    cr_expect_eq(number("class / 3", submit.keys[0]), REQUEST_FINISHED);
    job = house_claim(&house);
    cr_assert_not_null(job);
    cr_expect_eq(job->n, 1);
    cr_expect_eq(job->requests[0], submit.keys[1]);
    submission_job_free(job);
    for (size_t i = 0; i < 2; i++)
        contact_done(&contacts[i]);
}

Test(store_reuse, turned_off_the_table_is_never_touched)
{
    store_key key;

    reconfigure(0);
    finished("ada@example.com");
    cr_expect(!answered("Ada", &key));
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM person"), 0);
    cr_assert_eq(house_erase(&house, key), STORE_OK);
    reconfigure(HOUR);
    finished("ada@example.com");
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM person"), 1);
    reconfigure(0);
    cr_expect(!answered("Ada", NULL));
}

Test(store_reuse, persons_go_with_their_requests)
{
    store_key key = finished("ada@example.com");

    cr_expect_eq(house_count(&house, "SELECT count(*) FROM person WHERE length(digest) = 16"), 1);
    cr_assert_eq(house_erase(&house, key), STORE_OK);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM person"), 0);
    cr_expect(!answered("Ada", NULL));
}
