/* Senders, a reader, and the loop with its schedulers and an eraser at work at once. A program of
 * its own, without Criterion, which the thread sanitizer cannot run. */
#include "common/json.h"
#include "store/store.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SENDERS  3
#define REQUESTS 150

static void check(bool right, const char *what, int line)
{
    if (right)
        return;
    fprintf(stderr, "line %d: %s\n", line, what);
    abort();
}
#define CHECK(right) check((right), #right, __LINE__)

static struct store *store;
static atomic_int n_matched, n_duplicate, n_gone;
static atomic_bool finished;
static store_key requests[REQUESTS], submissions[REQUESTS];

/* How many of them are there. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int n_requests;

static void publish_request(void)
{
    pthread_mutex_lock(&lock);
    n_requests++;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

static void wait_for_request(int i)
{
    pthread_mutex_lock(&lock);
    while (n_requests <= i)
        pthread_cond_wait(&more, &lock);
    pthread_mutex_unlock(&lock);
}

struct waiting {
    sem_t done;
};

static void on_done(struct store_command *command)
{
    sem_post(&((struct waiting *)command->userdata)->done);
}

static enum store_result wait_for(struct store_command *command)
{
    struct waiting waiting;

    sem_init(&waiting.done, 0, 0);
    command->where = STORE_DONE_ON_WRITER;
    command->done = on_done;
    command->userdata = &waiting;
    CHECK(store_post(store, command) == STORE_OK);
    while (sem_wait(&waiting.done) != 0) {
    }
    sem_destroy(&waiting.done);
    return command->result;
}

static void submit(int i)
{
    struct contact contact = {.type = ENRICHMENT_EMAIL, .content = json_object_new_object()};
    struct store_submit submit = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = 1000 + i};
    struct store_claim_submissions claim = {
        .base.kind = STORE_CLAIM_SUBMISSIONS, .max = 1, .now = 1000 + i};

    CHECK(json_add_string(contact.content, "firstname", "Ada") == 0);
    CHECK(custom_digest(NULL, &contact.custom_digest) == 0);
    CHECK(wait_for(&submit.base) == STORE_OK);
    contact_done(&contact);
    CHECK(wait_for(&claim.base) == STORE_OK);
    CHECK(claim.n == 1);
    requests[i] = submit.keys[0];
    submissions[i] = claim.jobs[0]->submission;
    submission_job_free(claim.jobs[0]);
    publish_request();
}

static void send_one(int i)
{
    static const char body[] = "{\"email\": \"ada@example.com\"}";
    struct store_receive receive = {.base.kind = STORE_RECEIVE,
                                    .submission = submissions[i],
                                    .body = body,
                                    .body_size = sizeof(body) - 1,
                                    .headers = "{}",
                                    .received_at = 5000};
    struct json_object *object;
    enum store_result result;

    CHECK(json_parse_strict(body, sizeof(body) - 1, true, &object) == 0);
    CHECK(reading_parse(object, &receive.reading) == 0);
    json_object_put(object);
    result = wait_for(&receive.base);
    reading_done(&receive.reading);
    if (result == STORE_E_NOT_FOUND)
        atomic_fetch_add(&n_gone, 1);
    else if (receive.state == CALLBACK_MATCHED)
        atomic_fetch_add(&n_matched, 1);
    else
        atomic_fetch_add(&n_duplicate, 1);
    CHECK(result == STORE_OK || result == STORE_E_NOT_FOUND);
}

static void *sender_main(void *userdata)
{
    (void)userdata;
    for (int i = 0; i < REQUESTS; i++) {
        wait_for_request(i);
        send_one(i);
    }
    return NULL;
}

static void *reader_main(void *userdata)
{
    struct store_reader *reader;
    struct store_counts counts;

    (void)userdata;
    CHECK(store_reader_open(store, &reader) == 0);
    while (!atomic_load(&finished)) {
        struct request_filter filter = {.has_state = true, .state = REQUEST_FINISHED};
        struct request_record *items;
        char *next = NULL;
        size_t n;

        CHECK(reader_requests(reader, &filter, NULL, 20, &items, &n, &next) == READER_OK);
        request_records_free(items, n);
        free(next);
        store_counts(store, &counts);
        CHECK(store_ready(store));
    }
    store_reader_free(reader);
    return NULL;
}

static void *submitter_main(void *userdata)
{
    (void)userdata;
    for (int i = 0; i < REQUESTS; i++)
        submit(i);
    return NULL;
}

/* Each third request is erased once its callbacks came. */
static void *eraser_main(void *userdata)
{
    (void)userdata;
    for (int i = 0; i < REQUESTS; i += 3) {
        struct store_erase erase = {.base.kind = STORE_ERASE, .now = 9000};

        wait_for_request(i);
        erase.request = requests[i];
        CHECK(wait_for(&erase.base) == STORE_OK);
    }
    return NULL;
}

static void on_finish(struct store_command *command)
{
    CHECK(command->result == STORE_OK || command->result == STORE_E_NOT_FOUND);
    free(command);
}

struct claim {
    struct store_claim_deliveries command;
    struct hook_capacity hook;
};
static bool claiming;

static void on_claim(struct store_command *command)
{
    struct claim *claim = (struct claim *)(void *)command;

    for (size_t i = 0; i < claim->command.n; i++) {
        struct store_finish_attempt *finish = calloc(1, sizeof(*finish));

        CHECK(finish != NULL);
        *finish = (struct store_finish_attempt){
            .base = {.kind = STORE_FINISH_ATTEMPT, .where = STORE_DONE_ON_LOOP, .done = on_finish},
            .delivery = claim->command.jobs[i].key,
            .outcome = ATTEMPT_SUCCEEDED,
            .now = 8000};
        CHECK(store_post(store, &finish->base) == STORE_OK);
    }
    claiming = false;
    free(claim);
}

static void on_changed(const struct store_changes *changes, void *userdata)
{
    struct claim *claim;

    (void)userdata;
    if (!changes->deliveries || claiming)
        return;
    claim = calloc(1, sizeof(*claim));
    CHECK(claim != NULL);
    claim->hook = (struct hook_capacity){.hook = "crm", .free = 8};
    claim->command = (struct store_claim_deliveries){
        .base = {.kind = STORE_CLAIM_DELIVERIES, .where = STORE_DONE_ON_LOOP, .done = on_claim},
        .hooks = &claim->hook,
        .n_hooks = 1,
        .now = 10000};
    claiming = true;
    CHECK(store_post(store, &claim->command.base) == STORE_OK);
}

static void run_loop(int timeout_ms)
{
    struct pollfd ready = {.fd = store_fd(store), .events = POLLIN};

    if (poll(&ready, 1, timeout_ms) > 0)
        CHECK(store_dispatch(store, on_changed, NULL) == 0);
}

static void run_all(void)
{
    pthread_t senders[SENDERS], reader, submitter, eraser;

    for (int i = 0; i < SENDERS; i++)
        CHECK(pthread_create(&senders[i], NULL, sender_main, NULL) == 0);
    CHECK(pthread_create(&reader, NULL, reader_main, NULL) == 0);
    CHECK(pthread_create(&submitter, NULL, submitter_main, NULL) == 0);
    CHECK(pthread_create(&eraser, NULL, eraser_main, NULL) == 0);
    while (atomic_load(&n_matched) + atomic_load(&n_duplicate) + atomic_load(&n_gone) <
           SENDERS * REQUESTS)
        run_loop(20);
    pthread_join(eraser, NULL);
    pthread_join(submitter, NULL);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    atomic_store(&finished, true);
    pthread_join(reader, NULL);
    for (int i = 0; i < 20; i++)
        run_loop(10);
}

int main(void)
{
    struct store_settings settings = {.max_unmatched = 100, .n_hooks = 1};
    char directory[] = "/tmp/store-stress-XXXXXX", path[64], *reason = NULL;
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    struct store_counts counts;

    settings.hooks[0] = (struct hook_filter){.name = "crm", .on = 1U << EVENT_FINISHED, .types = 7};
    CHECK(crypto_init() == 0);
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/db", directory);
    CHECK(store_open(path, &settings, 1, &store, &reason) == STORE_OPEN_OK);
    run_all();
    store_counts(store, &counts);
    CHECK(counts.requests[REQUEST_FINISHED][ENRICHMENT_EMAIL] == REQUESTS - (REQUESTS + 2) / 3);
    CHECK(counts.deliveries[DELIVERY_RUNNING] == 0);
    CHECK(counts.commit_failures == 0);
    store_close(store);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        snprintf(path, sizeof(path), "%s/db%s", directory, ends[i]);
        unlink(path);
    }
    rmdir(directory);
    printf("%d matched, %d duplicate, %d gone\n", n_matched, n_duplicate, n_gone);
    return 0;
}
