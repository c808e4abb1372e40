#include "stage.h"

#include "common/timestamp.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PATIENCE_MS 30000

static size_t unsettled;

static void on_changed(const struct store_changes *changes, void *userdata)
{
    struct stage *stage = userdata;

    if (changes->deliveries)
        deliverer_wake(stage->deliverer);
}

static int on_store(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct stage *stage = userdata;

    (void)source;
    (void)fd;
    (void)revents;
    cr_assert_eq(store_dispatch(stage->store, on_changed, stage), 0);
    return 0;
}

static void on_up(void *userdata)
{
    struct stage *stage = userdata;

    if (stage->deliverer)
        deliverer_link_up(stage->deliverer);
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    deliverer_frame(((struct stage *)userdata)->deliverer, head, payload, size);
}

static void on_down(const char *reason, void *userdata)
{
    (void)reason;
    deliverer_link_down(((struct stage *)userdata)->deliverer);
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static void on_job(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    struct stage *stage = userdata;
    struct json_object *document = NULL;
    struct hook_job wire;
    struct job job = {0};

    cr_assert_eq(hook_job_decode(head, &wire), 0);
    cr_assert_eq(json_parse_strict(payload, size, true, &document), 0);
    job.id = wire.id;
    job.n_env = json_object_array_length(wire.env);
    copy(job.hook, sizeof(job.hook), wire.hook);
    copy(job.event, sizeof(job.event), json_get_string(document, "event"));
    copy(job.request, sizeof(job.request), json_get_string(json_get(document, "request"), "id"));
    json_object_put(document);
    if (stage->n_jobs == stage->room) {
        stage->room = stage->room ? stage->room * 2 : 64;
        stage->jobs = realloc(stage->jobs, stage->room * sizeof(*stage->jobs));
        cr_assert_not_null(stage->jobs);
    }
    stage->jobs[stage->n_jobs++] = job;
}

static void on_runner_down(int error, void *userdata)
{
    (void)error;
    (void)userdata;
}

void stage_ready(struct stage *stage)
{
    struct json_object *head = NULL;

    cr_assert_eq(control_encode("ready", "ok", NULL, &head), 0);
    cr_assert_eq(link_send(stage->runner, head, NULL, 0), 0);
    json_object_put(head);
}

void stage_open(struct stage *stage)
{
    static const struct hook_config hook = {
        .on = 1U << EVENT_FINISHED | 1U << EVENT_FAILED,
        .types = (1U << ENRICHMENT_MAX_) - 1,
        .concurrency = 4,
        .backoff_first_ms = 60000,
        .backoff_longest_ms = 60000,
        .give_up_ms = 3600000,
    };

    *stage = (struct stage){.hooks = {hook, hook}};
    stage->hooks[0].name = (char *)"crm";
    stage->hooks[1].name = (char *)"stream";
    stage->hooks[1].mode = HOOK_STREAM;
    stage->hooks[1].window = 2048;
    stage->config.hooks = stage->hooks;
    stage->config.n_hooks = 2;
    stage->config.delivery.concurrency = 64;
    snprintf(stage->directory, sizeof(stage->directory), "/tmp/delivery-test-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->directory));
    cr_assert_eq(crypto_init(), 0);
    cr_assert_geq(sd_event_new(&stage->loop), 0);
}

static void open_store(struct stage *stage)
{
    static struct store_settings settings;
    char path[128], *reason = NULL;

    settings = (struct store_settings){.max_unmatched = 1000, .n_hooks = stage->config.n_hooks};
    for (size_t i = 0; i < stage->config.n_hooks; i++) {
        copy(settings.hooks[i].name, sizeof(settings.hooks[i].name), stage->config.hooks[i].name);
        settings.hooks[i].on = stage->config.hooks[i].on;
        settings.hooks[i].types = stage->config.hooks[i].types;
    }
    snprintf(path, sizeof(path), "%s/store.db", stage->directory);
    cr_assert_eq(store_open(path, &settings, time_now(), &stage->store, &reason), STORE_OPEN_OK,
                 "%s", reason);
    cr_assert_eq(store_reader_open(stage->store, &stage->reader), 0);
    cr_assert_geq(sd_event_add_io(stage->loop, &stage->store_source, store_fd(stage->store),
                                  EPOLLIN, on_store, stage),
                  0);
}

void stage_start(struct stage *stage, int *runner_fd)
{
    static const struct worker_link_handlers handlers = {
        .on_up = on_up, .on_frame = on_frame, .on_down = on_down};
    static const struct link_handlers runner = {.on_frame = on_job, .on_down = on_runner_down};
    int pair[2];

    open_store(stage);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    cr_assert_eq(worker_link_adopt(stage->loop, pair[0], &handlers, stage, &stage->to_runner), 0);
    cr_assert_eq(deliverer_new(stage->loop, &stage->config, stage->store, stage->reader,
                               stage->to_runner, &stage->deliverer),
                 0);
    if (runner_fd) {
        *runner_fd = pair[1];
        return;
    }
    cr_assert_eq(link_new(stage->loop, pair[1], &runner, stage, &stage->runner), 0);
    stage_ready(stage);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void stage_close(struct stage *stage)
{
    store_stop(stage->store);
    deliverer_free(stage->deliverer);
    worker_link_free(stage->to_runner);
    link_free(stage->runner);
    sd_event_source_unref(stage->store_source);
    store_reader_free(stage->reader);
    store_close(stage->store);
    sd_event_unref(stage->loop);
    nftw(stage->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(stage->jobs);
}

void stage_turn(struct stage *stage)
{
    sd_event_run(stage->loop, 5000);
}

void stage_until(struct stage *stage, bool (*done)(struct stage *stage))
{
    int64_t deadline = time_boot_ms() + PATIENCE_MS;

    while (!done(stage)) {
        cr_assert_lt(time_boot_ms(), deadline, "it does not happen");
        stage_turn(stage);
    }
}

void stage_until_jobs(struct stage *stage, size_t n)
{
    int64_t deadline = time_boot_ms() + PATIENCE_MS;

    while (stage->n_jobs < n) {
        cr_assert_lt(time_boot_ms(), deadline, "%zu of %zu jobs came", stage->n_jobs, n);
        stage_turn(stage);
    }
}

/* A registration with its callback, in one allocation. */
struct finishing {
    struct store_register registration;
    struct store_receive receive;
    struct contact contact;
    char id[40], body[160];
};

static void on_received(struct store_command *command)
{
    struct finishing *finishing = command->userdata;

    cr_assert_eq(command->result, STORE_OK);
    cr_assert_eq(finishing->receive.state, CALLBACK_MATCHED);
    reading_done(&finishing->receive.reading);
    contact_done(&finishing->contact);
    free(finishing);
    unsettled--;
}

static void on_registered(struct store_command *command)
{
    cr_assert_eq(command->result, STORE_OK);
}

static void finish_one(struct stage *stage)
{
    static const char content[] = "{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}";
    static int number;
    struct finishing *finishing = calloc(1, sizeof(*finishing));
    struct json_object *body = NULL;

    cr_assert_not_null(finishing);
    finishing->contact.type = ENRICHMENT_EMAIL;
    cr_assert_eq(json_parse_strict(content, strlen(content), true, &finishing->contact.content), 0);
    cr_assert_eq(custom_digest(NULL, &finishing->contact.custom_digest), 0);
    snprintf(finishing->id, sizeof(finishing->id), "e-%d", ++number);
    snprintf(finishing->body, sizeof(finishing->body),
             "{\"enrichment_id\":\"%s\",\"status\":\"finished\",\"email\":\"ada@example.com\","
             "\"email_status\":\"deliverable\",\"phone\":[\"+12015550123\"]}",
             finishing->id);
    cr_assert_eq(json_parse_strict(finishing->body, strlen(finishing->body), true, &body), 0);
    finishing->registration = (struct store_register){
        .base = {.kind = STORE_REGISTER, .where = STORE_DONE_ON_LOOP, .done = on_registered},
        .contact = &finishing->contact,
        .enrichment_id = finishing->id,
        .now = time_now()};
    finishing->receive = (struct store_receive){.base = {.kind = STORE_RECEIVE,
                                                         .where = STORE_DONE_ON_LOOP,
                                                         .done = on_received,
                                                         .userdata = finishing},
                                                .body = finishing->body,
                                                .body_size = strlen(finishing->body),
                                                .client = "192.0.2.1",
                                                .headers = "{}",
                                                .received_at = time_now()};
    cr_assert_eq(reading_parse(body, &finishing->receive.reading), 0);
    json_object_put(body);
    unsettled++;
    cr_assert_eq(store_post(stage->store, &finishing->registration.base), STORE_OK);
    cr_assert_eq(store_post(stage->store, &finishing->receive.base), STORE_OK);
}

void stage_finish(struct stage *stage, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        finish_one(stage);
        if (unsettled >= 1000)
            stage_settle(stage);
    }
}

static bool all_settled(struct stage *stage)
{
    (void)stage;
    return unsettled == 0;
}

void stage_settle(struct stage *stage)
{
    stage_until(stage, all_settled);
}

int64_t stage_count(struct stage *stage, enum delivery_state state)
{
    struct store_counts counts;

    store_counts(stage->store, &counts);
    return counts.deliveries[state];
}

struct hook_status stage_hook(struct stage *stage, const char *name)
{
    struct hook_status status;

    cr_assert_eq(deliverer_hook(stage->deliverer, name, &status), 0);
    return status;
}

static void answer(struct stage *stage, const struct hook_outcome *outcome)
{
    struct json_object *head = NULL;

    cr_assert_eq(hook_outcome_encode(outcome, &head), 0);
    cr_assert_eq(link_send(stage->runner, head, "out", 3), 0);
    json_object_put(head);
}

void stage_answer(struct stage *stage, const struct job *job, int exit_code)
{
    const struct hook_outcome outcome = {
        .id = job->id, .started_at = time_now(), .duration_ms = 1, .end = {.exit_code = exit_code}};

    answer(stage, &outcome);
}

void stage_refuse(struct stage *stage, const struct job *job)
{
    const struct hook_outcome outcome = {.id = job->id,
                                         .started_at = time_now(),
                                         .end = {.exit_code = -1, .interrupted = true},
                                         .error = "Resource temporarily unavailable"};

    answer(stage, &outcome);
}
