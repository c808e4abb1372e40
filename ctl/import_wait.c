/* import --wait: the file is read once more, and a few of its rows at a time are followed until they
 * have settled. Nothing is kept of the others. */
#include "ctl/import.h"
#include "ctl/interrupt.h"
#include "ctl/wait.h"

#include "common/timestamp.h"

#include <errno.h>
#include <string.h>

#define FOLLOWED   8 /* prontod lets 128 clients wait, and others wait too */
#define TURN_MS    100
#define STATUS_MS  1000
#define PENDING_MS 30000
#define QUEUED_MS  1000

/* A row that is followed. */
struct followed {
    bool used, queued;
    char key[SOURCE_KEY_SIZE];
    char id[64]; /* of its request; "" before it is known */
};

struct waiter {
    struct import *import;
    struct pipeline *pipeline;
    struct followed followed[FOLLOWED], status;
    size_t n_followed;
    int64_t end; /* boot time */
    int64_t status_at;
    bool asking_status;
};

static int64_t time_left(const struct waiter *waiter)
{
    int64_t left = waiter->end - time_boot_ms();

    return left > 0 ? left : 0;
}

/* First by its key, then by its id until it settles. */
static int ask(struct waiter *waiter, struct followed *followed)
{
    int64_t wait = followed->queued ? QUEUED_MS : PENDING_MS, left = time_left(waiter);
    char seconds[32];
    struct path path;
    int r;

    if (wait > left)
        wait = left;
    snprintf(seconds, sizeof(seconds), "%lld.%03d", (long long)(wait / 1000), (int)(wait % 1000));
    path_begin(&path, "/v1/requests");
    if (followed->id[0]) {
        path_part(&path, followed->id);
        path_add(&path, "wait", seconds);
    } else {
        path_add(&path, "idempotency_key", followed->key);
    }
    r = path_end(&path);
    if (r == 0)
        r = pipeline_start(waiter->pipeline, "GET", path.text, NULL, 0, followed);
    free(path.text);
    return r;
}

static void settle(struct waiter *waiter, struct followed *followed, uint64_t *count)
{
    ++*count;
    followed->used = false;
    waiter->n_followed--;
}

/* Its request, or NULL when there is none (any more). */
static int take_request(struct waiter *waiter, struct followed *followed,
                        struct json_object *request)
{
    struct import *import = waiter->import;
    const char *state = json_get_string(request, "state"), *id = json_get_string(request, "id");

    if (!state || !id) {
        settle(waiter, followed, &import->missing);
    } else if (strcmp(state, "finished") == 0) {
        settle(waiter, followed, &import->finished);
    } else if (strcmp(state, "failed") == 0) {
        settle(waiter, followed, &import->failed);
    } else if (strcmp(state, "expired") == 0) {
        settle(waiter, followed, &import->expired);
    } else {
        snprintf(followed->id, sizeof(followed->id), "%s", id);
        followed->queued = strcmp(state, "queued") == 0;
        return time_left(waiter) > 0 && !interrupted() ? ask(waiter, followed) : 0;
    }
    return 0;
}

/* Nothing settles any more while it cannot be sent. */
static int take_status(struct waiter *waiter, struct json_object *status)
{
    const char *detail = NULL;
    bool queued = false;
    int r = wait_cannot_submit(status, &detail);

    waiter->asking_status = false;
    for (size_t i = 0; i < FOLLOWED; i++)
        queued = queued || (waiter->followed[i].used && waiter->followed[i].queued);
    if (r == EXIT_OK || !queued)
        return 0;
    progress_clear(&waiter->import->progress);
    return fail(r, "the requests stay queued: %s", detail);
}

static struct json_object *first_item(struct json_object *page)
{
    struct json_object *items = json_get(page, "items");

    return items ? json_object_array_get_idx(items, 0) : NULL;
}

static int on_done(void *tag, struct answer *answer, unsigned tries, void *userdata)
{
    struct waiter *waiter = userdata;
    struct followed *followed = tag;

    (void)tries;
    if (answer->status != 404 && answer->status >= 300) {
        progress_clear(&waiter->import->progress);
        return fail(answer->status == 403 ? EXIT_AUTHENTICATION : EXIT_ERROR, "%s", answer->detail);
    }
    if (followed == &waiter->status)
        return take_status(waiter, answer->json);
    return take_request(waiter, followed,
                        followed->id[0] ? answer->json : first_item(answer->json));
}

static void on_trouble(const char *detail, void *userdata)
{
    const struct waiter *waiter = userdata;

    import_trouble(waiter->import, detail);
}

static int turn(struct waiter *waiter)
{
    struct import *import = waiter->import;
    int64_t now = time_boot_ms();
    int r = 0;

    if (!waiter->asking_status && now - waiter->status_at >= STATUS_MS) {
        waiter->status_at = now;
        waiter->asking_status = true;
        r = pipeline_start(waiter->pipeline, "GET", "/v1/status", NULL, 0, &waiter->status);
    }
    if (r == 0)
        r = pipeline_turn(waiter->pipeline, TURN_MS);
    import->facts.finished = import->finished;
    import->facts.failed = import->failed + import->expired;
    import->facts.rows = import->finished + import->failed + import->expired + import->missing;
    progress_show(&import->progress, &import->facts);
    return r;
}

/* After a signal, or when the time is over, what is open stays open. */
static bool is_over(const struct waiter *waiter)
{
    return interrupted() || time_left(waiter) == 0;
}

static int follow(struct waiter *waiter, const char *key)
{
    struct followed *followed = waiter->followed;
    int r = 0;

    while (r == 0 && waiter->n_followed == FOLLOWED && !is_over(waiter))
        r = turn(waiter);
    if (r != 0 || waiter->n_followed == FOLLOWED)
        return r;
    while (followed->used)
        followed++;
    *followed = (struct followed){.used = true};
    memcpy(followed->key, key, sizeof(followed->key));
    waiter->n_followed++;
    return ask(waiter, followed);
}

static int follow_rows(struct waiter *waiter, struct source *source)
{
    int r = 0;

    while (r == 0 && !is_over(waiter)) {
        struct source_row row;

        r = source_next(source, &row);
        if (r == SOURCE_END)
            break;
        if (r == 0 && row.body)
            r = follow(waiter, row.key);
        source_row_done(&row);
    }
    if (r == SOURCE_END)
        r = 0;
    while (r == 0 && waiter->n_followed > 0 && !is_over(waiter))
        r = turn(waiter);
    return r;
}

/* The status to end with, by what became of the rows. */
static int judge(struct import *import)
{
    uint64_t good = import->rows - import->wrong + import->refused;
    uint64_t settled = import->finished + import->failed + import->expired + import->missing;

    if (interrupted())
        return EXIT_OK; /* is said by the summary */
    if (settled < good)
        return fail(EXIT_ERROR, "the time is over: %llu rows are not settled",
                    (unsigned long long)(good - settled));
    if (import->missing > import->refused)
        return fail(EXIT_ERROR, "%llu rows have no request any more",
                    (unsigned long long)(import->missing - import->refused));
    if (import->failed + import->expired > 0)
        return fail(EXIT_ERROR, "%llu rows failed, %llu expired",
                    (unsigned long long)import->failed, (unsigned long long)import->expired);
    return EXIT_OK;
}

int import_wait(struct import *import)
{
    cleanup_source struct source *source = NULL;
    struct waiter waiter = {.import = import, .end = INT64_MAX};
    const struct pipeline_settings settings = {
        .socket = client_socket(import->context->client),
        .slots = FOLLOWED + 1,
        .patience_ms = import->patience_ms,
        .trouble = on_trouble,
        .done = on_done,
        .userdata = &waiter,
    };
    int r = source_open(&import->options, &source);

    if (r != EXIT_OK)
        return r;
    import->waited = true;
    import->facts =
        (struct progress_facts){.verb = "settled", .total = import->rows - import->wrong};
    if (import->wait_ms >= 0)
        waiter.end = time_boot_ms() + import->wait_ms;
    progress_begin(&import->progress);
    r = pipeline_new(&settings, &waiter.pipeline);
    if (r == 0)
        r = follow_rows(&waiter, source);
    import->stopped = interrupted();
    progress_clear(&import->progress);
    r = r != 0 ? import_failed(import, waiter.pipeline, r) : judge(import);
    pipeline_free(waiter.pipeline);
    return r;
}
