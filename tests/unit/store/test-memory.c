/* Lets each allocation of the writer thread fail in turn: the command is refused or done, nothing
 * wedges, and what is on disk is sound. */
#include "tests/unit/store/house.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* Of the thread that calls, which is made the writer's below. */
static _Thread_local long countdown = -1; /* allocations until one fails; -1: none does */
static _Thread_local bool for_good;       /* and all after it fail, too */
static atomic_bool failed;                /* one did */

static bool fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!for_good)
        countdown = -1;
    atomic_store(&failed, true);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

static struct house house;
static sem_t done;
static long wanted;
static bool wanted_for_good;

static void setup(void)
{
    sem_init(&done, 0, 0);
    house_open(&house);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_memory, .init = setup, .fini = teardown, .timeout = 120);

static void on_armed(struct store_command *command)
{
    (void)command;
    for_good = wanted_for_good;
    countdown = wanted;
    sem_post(&done);
}

static void on_done(struct store_command *command)
{
    (void)command;
    countdown = -1;
    sem_post(&done);
}

static enum store_result post(void *command, void (*on)(struct store_command *command))
{
    struct store_command *base = command;

    base->where = STORE_DONE_ON_WRITER;
    base->done = on;
    cr_assert_eq(store_post(house.store, base), STORE_OK);
    sem_wait(&done);
    return base->result;
}

/* Makes @command fail at each allocation until it needs no more of them, then it is done. */
static void starve(void *command, size_t size, bool always, void (*undo)(void *command))
{
    void *copy = __libc_malloc(size);
    enum store_result result = STORE_E_UNAVAILABLE;
    long n = 0;

    cr_assert_not_null(copy);
    memcpy(copy, command, size);
    for (bool any = true; any && n < 3000; n++) {
        struct store_retry arm = {.base.kind = STORE_RETRY, .delivery = 999};

        memcpy(command, copy, size);
        wanted = n;
        wanted_for_good = always;
        atomic_store(&failed, false);
        (void)post(&arm, on_armed);
        result = post(command, on_done);
        any = atomic_load(&failed);
        cr_assert(result == STORE_OK || (any && result == STORE_E_UNAVAILABLE), "%d at %ld", result,
                  n);
        if (result == STORE_OK && any && undo)
            undo(command);
        else if (result == STORE_OK && any)
            break;
    }
    cr_expect_eq(result, STORE_OK);
    cr_expect_gt(n, 0);
    free(copy);
}

static void both(void *command, size_t size, void (*undo)(void *command))
{
    starve(command, size, false, undo);
    if (undo)
        undo(command);
    starve(command, size, true, undo);
}

static void undo_submit(void *command)
{
    struct store_submit *submit = command;

    cr_assert_eq(house_erase(&house, submit->keys[0]), STORE_OK);
}

Test(store_memory, submit_and_erase)
{
    struct contact contact = house_contact("Ada", "Lovelace", "{\"row\": 1, \"tag\": \"x\"}");
    struct store_submit submit = {.base.kind = STORE_SUBMIT,
                                  .contacts = &contact,
                                  .n_contacts = 1,
                                  .has_idempotency = true,
                                  .now = house.now};
    struct store_erase erase = {.base.kind = STORE_ERASE, .now = house.now};

    both(&submit, sizeof(submit), undo_submit);
    erase.request = submit.keys[0];
    house_receive(&house, 1, "{\"email\": \"x\"}");
    starve(&erase, sizeof(erase), false, NULL);
    contact_done(&contact);
}

static void undo_claim(void *command)
{
    struct store_claim_submissions *claim = command;

    for (size_t i = 0; i < claim->n; i++) {
        cr_assert_eq(house_finish_call(&house, claim->jobs[i]->call, SUBMISSION_AGAIN, "x"),
                     STORE_OK);
        submission_job_free(claim->jobs[i]);
    }
    house.now += 1000;
    claim->now = house.now;
}

Test(store_memory, claim)
{
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 3, .now = house.now};

    for (int i = 0; i < 3; i++)
        house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    starve(&claim, sizeof(claim), false, NULL);
    undo_claim(&claim);
    starve(&claim, sizeof(claim), true, NULL);
    undo_claim(&claim);
}

Test(store_memory, claim_of_a_group)
{
    static const char *const customs[] = {"{\"row\": 1}", "{\"row\": 2}", NULL, "{\"row\": 2}"};
    struct store_reconfigure configure = {.base.kind = STORE_RECONFIGURE};
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 3, .now = house.now};

    configure.settings = house.settings;
    configure.settings.batch = 3;
    configure.settings.custom_lenient = true;
    configure.settings.credit_prices[ENRICHMENT_EMAIL] = 3;
    cr_assert_eq(house_do(&house, &configure), STORE_OK);
    for (int i = 0; i < 4; i++)
        house_submit(&house, "Ada", "Lovelace", customs[i]);
    starve(&claim, sizeof(claim), false, NULL);
    cr_expect_eq(claim.n, 3);
    cr_expect_eq(claim.jobs[0]->n, 2);
    undo_claim(&claim);
    cr_expect_eq(house_count(&house, "SELECT reserved FROM credit_day"), 0);
}

Test(store_memory, receive)
{
    static const char body[] =
        "{\"id\": \"e-1\", \"email\": \"ada@example.com\", \"custom\": {\"row\": \"1\"}}";
    struct store_reconfigure reconfigure = {.base.kind = STORE_RECONFIGURE,
                                            .settings = house.settings};
    struct store_receive receive = {.base.kind = STORE_RECEIVE,
                                    .body = body,
                                    .body_size = strlen(body),
                                    .headers = "{}",
                                    .received_at = house.now};
    struct json_object *object;

    reconfigure.settings.custom_lenient = true;
    cr_assert_eq(house_do(&house, &reconfigure), STORE_OK);
    cr_assert_eq(json_parse_strict(body, strlen(body), true, &object), 0);
    cr_assert_eq(reading_parse(object, &receive.reading), 0);
    json_object_put(object);
    for (int i = 0; i < 2; i++) {
        house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
        receive.submission = house_accept(&house, "e-1");
        starve(&receive, sizeof(receive), i == 1, NULL);
        cr_expect_eq(receive.state, CALLBACK_MATCHED);
        starve(&receive, sizeof(receive), i == 1, NULL);
        cr_expect_eq(receive.state, CALLBACK_DUPLICATE);
    }
    reading_done(&receive.reading);
}

Test(store_memory, register_and_match_what_waits)
{
    struct contact contact = house_contact("Ada", "Lovelace", "{\"row\": 1}");
    struct store_register command = {
        .base.kind = STORE_REGISTER, .contact = &contact, .enrichment_id = "r-1", .now = house.now};

    house_receive(&house, 0, "{\"id\": \"r-1\", \"custom\": {\"row\": 1}}");
    house_receive(&house, 0, "{\"id\": \"r-1\", \"custom\": {\"row\": 2}}");
    starve(&command, sizeof(command), false, NULL);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    starve(&command, sizeof(command), true, NULL);
    cr_expect(command.existing);
    contact_done(&contact);
}
