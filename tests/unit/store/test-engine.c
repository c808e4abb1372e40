/* Groups of commands, where their done runs, the bounds of the queue, and several threads. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

TestSuite(store_engine, .init = setup, .fini = teardown);

static sem_t entered, leave;

static void hold(struct store_command *command)
{
    (void)command;
    sem_post(&entered);
    sem_wait(&leave);
}

/* The writer thread waits in a done until release(): what is posted meanwhile is one group. */
static struct store_retry holding;

static void hold_writer(void)
{
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    holding = (struct store_retry){
        .base = {.kind = STORE_RETRY, .where = STORE_DONE_ON_WRITER, .done = hold},
        .delivery = 999};
    cr_assert_eq(store_post(house.store, &holding.base), STORE_OK);
    sem_wait(&entered);
}

static void release_writer(void)
{
    sem_post(&leave);
}

static void count_done(struct store_command *command)
{
    sem_post(command->userdata);
}

Test(store_engine, one_bad_command_fails_alone)
{
    struct store_finish_attempt bad = {0};
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit submits[9];
    struct store_counts counts;
    store_key key;
    sem_t done;

    sem_init(&done, 0, 0);
    house_receive(&house, 0, "{\"id\": \"x\"}");
    cr_assert_eq(house_claim_deliveries(&house, "audit", 1, &key), 1);
    hold_writer();
    for (int i = 0; i < 9; i++) {
        submits[i] = (struct store_submit){
            .base = {.kind = STORE_SUBMIT, .done = count_done, .userdata = &done},
            .contacts = &contact,
            .n_contacts = 1,
            .now = house.now};
        cr_assert_eq(store_post(house.store, &submits[i].base), STORE_OK);
        if (i != 4)
            continue;
        /* An outcome that does not exist, found after an attempt was written. */
        bad = (struct store_finish_attempt){
            .base = {.kind = STORE_FINISH_ATTEMPT, .done = count_done, .userdata = &done},
            .delivery = key,
            .outcome = (enum attempt_outcome)99,
            .now = house.now};
        cr_assert_eq(store_post(house.store, &bad.base), STORE_OK);
    }
    release_writer();
    for (int i = 0; i < 10; i++)
        sem_wait(&done);
    for (int i = 0; i < 9; i++)
        cr_expect_eq(submits[i].base.result, STORE_OK);
    cr_expect_eq(bad.base.result, STORE_E_UNAVAILABLE);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM attempt"), 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 9);
    store_counts(house.store, &counts);
    cr_expect_eq(counts.commit_failures, 0);
    cr_expect(counts.ready);
    contact_done(&contact);
}

Test(store_engine, a_group_is_one_commit)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit submits[50];
    struct store_counts before, after;
    sem_t done;

    sem_init(&done, 0, 0);
    hold_writer();
    store_counts(house.store, &before);
    for (int i = 0; i < 50; i++) {
        submits[i] = (struct store_submit){
            .base = {.kind = STORE_SUBMIT, .done = count_done, .userdata = &done},
            .contacts = &contact,
            .n_contacts = 1,
            .now = house.now};
        cr_assert_eq(store_post(house.store, &submits[i].base), STORE_OK);
    }
    store_counts(house.store, &after);
    cr_expect_eq(after.queue_length, 50);
    cr_expect_gt(after.queue_bytes, 0);
    release_writer();
    for (int i = 0; i < 50; i++)
        sem_wait(&done);
    store_counts(house.store, &after);
    cr_expect_eq(after.commits, before.commits + 1);
    cr_expect_eq(after.commands, before.commands + 50);
    cr_expect_eq(after.queue_length, 0);
    cr_expect_gt(after.wal_bytes, 0);
    cr_expect_gt(after.database_bytes, 0);
    contact_done(&contact);
}

Test(store_engine, what_changes_nothing_is_no_commit)
{
    struct store_counts before, after;

    house_submit(&house, "Ada", "Lovelace", NULL);
    store_counts(house.store, &before);
    cr_expect_eq(house_finish_call(&house, 99, SUBMISSION_AGAIN, "x"), STORE_E_NOT_FOUND);
    store_counts(house.store, &after);
    cr_expect_eq(after.commits, before.commits);
    cr_expect_eq(after.commands, before.commands + 1);
}

Test(store_engine, a_full_queue_takes_only_our_own)
{
    struct store_receive *commands = calloc(STORE_QUEUE_MAX + 1, sizeof(*commands));
    struct store_claim_submissions claim = {
        .base = {.kind = STORE_CLAIM_SUBMISSIONS, .done = count_done}, .max = 1};
    struct store_receive large = {.base.kind = STORE_RECEIVE, .body_size = STORE_QUEUE_BYTES};
    sem_t done;

    cr_assert_not_null(commands);
    sem_init(&done, 0, 0);
    claim.base.userdata = &done;
    hold_writer();
    cr_expect_eq(store_post(house.store, &large.base), STORE_E_FULL);
    for (int i = 0; i <= STORE_QUEUE_MAX; i++) {
        commands[i].base =
            (struct store_command){.kind = STORE_RECEIVE, .done = count_done, .userdata = &done};
        commands[i].submission = 99;
        cr_assert_eq(store_post(house.store, &commands[i].base),
                     i < STORE_QUEUE_MAX ? STORE_OK : STORE_E_FULL);
    }
    cr_expect_eq(store_post(house.store, &claim.base), STORE_OK);
    release_writer();
    for (int i = 0; i <= STORE_QUEUE_MAX; i++)
        sem_wait(&done);
    cr_expect_eq(commands[0].base.result, STORE_E_NOT_FOUND);
    free(commands);
}

/* What is queued when the store closes is done, and its done is called. */
static void free_done(struct store_command *command)
{
    ++*(int *)command->userdata;
    cr_expect_eq(command->result, STORE_OK);
}

Test(store_engine, closing_does_what_is_queued)
{
    struct contact contact = house_contact("Ada", "Lovelace", NULL);
    struct store_submit submits[20];
    int n = 0;

    hold_writer();
    for (int i = 0; i < 20; i++) {
        submits[i] = (struct store_submit){
            .base = {.kind = STORE_SUBMIT,
                     .where = i % 2 ? STORE_DONE_ON_LOOP : STORE_DONE_ON_WRITER,
                     .done = free_done,
                     .userdata = &n},
            .contacts = &contact,
            .n_contacts = 1,
            .now = house.now};
        cr_assert_eq(store_post(house.store, &submits[i].base), STORE_OK);
    }
    release_writer();
    house_stop(&house);
    cr_expect_eq(n, 20);
    house_start(&house);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM request"), 20);
    contact_done(&contact);
}

static void wait_until_answered(uint64_t number)
{
    while (store_answered(house.store) != number)
        sched_yield();
}

Test(store_engine, a_knock_is_answered_by_a_turn)
{
    for (uint64_t i = 1; i <= 3; i++) {
        store_knock(house.store, i);
        wait_until_answered(i);
    }
}

Test(store_engine, a_writer_that_hangs_answers_no_knock)
{
    store_knock(house.store, 1);
    wait_until_answered(1);
    hold_writer();
    store_knock(house.store, 2);
    cr_expect_eq(store_answered(house.store), 1);
    release_writer();
    wait_until_answered(2);
}

enum { THREADS = 4, REQUESTS = 60 };
static store_key submissions[REQUESTS];
static atomic_int n_matched, n_duplicate, n_odd;

static void receive_on_writer(struct store_command *command)
{
    struct store_receive *receive = (struct store_receive *)command;

    if (command->result == STORE_OK && receive->state == CALLBACK_MATCHED)
        n_matched++;
    else if (command->result == STORE_OK && receive->state == CALLBACK_DUPLICATE)
        n_duplicate++;
    else
        n_odd++;
    sem_post(command->userdata);
}

static void *send_all(void *userdata)
{
    (void)userdata;
    for (int i = 0; i < REQUESTS; i++) {
        struct store_receive receive = {.base = {.kind = STORE_RECEIVE, .done = receive_on_writer},
                                        .submission = submissions[i],
                                        .headers = "{}",
                                        .received_at = 1};
        struct json_object *body = json_object_new_object();
        struct store_counts counts;
        sem_t done;

        sem_init(&done, 0, 0);
        receive.base.userdata = &done;
        receive.body = "{}";
        receive.body_size = 2;
        if (json_add_string(body, "email", "a@b.c") < 0 ||
            reading_parse(body, &receive.reading) < 0 ||
            store_post(house.store, &receive.base) != STORE_OK)
            abort();
        sem_wait(&done);
        store_counts(house.store, &counts);
        (void)store_ready(house.store);
        reading_done(&receive.reading);
        json_object_put(body);
        sem_destroy(&done);
    }
    return NULL;
}

Test(store_engine, of_racing_callbacks_exactly_one_is_the_result)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < REQUESTS; i++) {
        struct submission_job *job;

        house_submit(&house, "Ada", "Lovelace", NULL);
        job = house_claim(&house);
        submissions[i] = job->submission;
        submission_job_free(job);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, send_all, NULL), 0);
    for (int i = 0; i < 10; i++)
        house_look(&house);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(n_matched, REQUESTS);
    cr_expect_eq(n_duplicate, REQUESTS * (THREADS - 1));
    cr_expect_eq(n_odd, 0);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery"), REQUESTS);
}

/* The WAL is moved to the database as it grows. */
Test(store_engine, the_wal_stays_small)
{
    char *body = malloc(200001);
    struct stat file;
    char path[120];

    cr_assert_not_null(body);
    memset(body, 'x', 200000);
    body[200000] = '\0';
    for (int i = 0; i < 150; i++)
        cr_assert_eq(house_receive(&house, 0, body).result, STORE_OK);
    snprintf(path, sizeof(path), "%s-wal", house.path);
    cr_assert_eq(stat(path, &file), 0);
    cr_expect_lt(file.st_size, 20 * 1024 * 1024);
    cr_assert_eq(stat(house.path, &file), 0);
    cr_expect_gt(file.st_size, 8 * 1024 * 1024);
    free(body);
}

/* Long before that, so that no callback waits for all of it: some hundred pages are less than what is due. */
Test(store_engine, the_wal_is_moved_in_slices)
{
    static char body[50001];
    struct stat file;

    memset(body, 'x', sizeof(body) - 1);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(house_receive(&house, 0, body).result, STORE_OK);
    cr_assert_eq(stat(house.path, &file), 0);
    cr_expect_gt(file.st_size, 256 * 4096);
    house_stop(&house);
    house_start(&house);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback"), 50);
}
