#include "ctl/pipeline.h"

#include "ctl/transfer.h"

#include "common/timestamp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
#define BUSY_FACTOR      10 /* how much longer one that says 503 is waited for */

#define TELL_AGAIN_MS 60000 /* trouble that comes and goes is told once */

enum slot_state { SLOT_FREE = 0, SLOT_WAITING, SLOT_RUNNING };

struct slot {
    enum slot_state state;
    struct transfer transfer;
    char *path;
    const char *method, *body;
    size_t body_size;
    void *tag;
    unsigned tries;
};

struct pipeline {
    struct pipeline_settings settings;
    CURLM *multi;
    struct slot *slots;
    size_t n_busy;
    int64_t paused_until, backoff_ms, failing_since; /* boot time; 0: nothing is wrong */
    int64_t told_at;
    char detail[1024];
};

int pipeline_new(const struct pipeline_settings *settings, struct pipeline **ret)
{
    cleanup_pipeline struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

    if (!pipeline)
        return -ENOMEM;
    pipeline->settings = *settings;
    pipeline->slots = calloc(settings->slots, sizeof(*pipeline->slots));
    pipeline->multi = curl_multi_init();
    if (!pipeline->slots || !pipeline->multi)
        return -ENOMEM;
    curl_multi_setopt(pipeline->multi, CURLMOPT_MAXCONNECTS, (long)settings->slots);
    for (size_t i = 0; i < settings->slots; i++) {
        pipeline->slots[i].transfer.socket = settings->socket;
        pipeline->slots[i].transfer.curl = curl_easy_init();
        if (!pipeline->slots[i].transfer.curl)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(pipeline);
    return 0;
}

static void stop_slot(struct pipeline *pipeline, struct slot *slot)
{
    if (slot->state == SLOT_RUNNING)
        curl_multi_remove_handle(pipeline->multi, slot->transfer.curl);
    transfer_done(&slot->transfer);
}

static void free_slot(struct pipeline *pipeline, struct slot *slot)
{
    stop_slot(pipeline, slot);
    free(slot->path);
    slot->path = NULL;
    slot->state = SLOT_FREE;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    for (size_t i = 0; pipeline->slots && i < pipeline->settings.slots; i++) {
        free_slot(pipeline, &pipeline->slots[i]);
        curl_easy_cleanup(pipeline->slots[i].transfer.curl);
    }
    curl_multi_cleanup(pipeline->multi);
    free(pipeline->slots);
    free(pipeline);
}

bool pipeline_has_room(const struct pipeline *pipeline)
{
    return pipeline->n_busy < pipeline->settings.slots;
}

size_t pipeline_busy(const struct pipeline *pipeline)
{
    return pipeline->n_busy;
}

const char *pipeline_detail(const struct pipeline *pipeline)
{
    return pipeline->detail;
}

static int run_slot(struct pipeline *pipeline, struct slot *slot)
{
    int r = transfer_prepare(&slot->transfer, slot->method, slot->path, slot->body, slot->body_size,
                             NULL);

    if (r < 0)
        return r;
    curl_easy_setopt(slot->transfer.curl, CURLOPT_PRIVATE, slot);
    if (curl_multi_add_handle(pipeline->multi, slot->transfer.curl) != CURLM_OK)
        return -ENOMEM;
    slot->state = SLOT_RUNNING;
    slot->tries++;
    return 0;
}

int pipeline_start(struct pipeline *pipeline, const char *method, const char *path,
                   const char *body, size_t body_size, void *tag)
{
    struct slot *slot = pipeline->slots;

    assert(pipeline_has_room(pipeline));
    while (slot->state != SLOT_FREE)
        slot++;
    slot->path = strdup(path);
    if (!slot->path)
        return -ENOMEM;
    slot->method = method;
    slot->body = body;
    slot->body_size = body_size;
    slot->tag = tag;
    slot->tries = 0;
    slot->state = SLOT_WAITING;
    pipeline->n_busy++;
    return 0;
}

/* Those that wait for their turn, unless all are held back. */
static int run_waiting(struct pipeline *pipeline)
{
    int r = 0;

    if (time_boot_ms() < pipeline->paused_until)
        return 0;
    for (size_t i = 0; r == 0 && i < pipeline->settings.slots; i++)
        if (pipeline->slots[i].state == SLOT_WAITING)
            r = run_slot(pipeline, &pipeline->slots[i]);
    return r;
}

/* The call is made again later. What prontod says of when (Retry-After) goes first. */
static int put_off(struct pipeline *pipeline, struct slot *slot, bool gone, const char *detail)
{
    int64_t now = time_boot_ms(), patience = pipeline->settings.patience_ms;
    curl_off_t retry_after_s = 0;

    if (!gone)
        curl_easy_getinfo(slot->transfer.curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    stop_slot(pipeline, slot);
    slot->state = SLOT_WAITING;
    snprintf(pipeline->detail, sizeof(pipeline->detail), "%s", detail);
    if (pipeline->failing_since == 0) {
        pipeline->failing_since = now;
        pipeline->backoff_ms = BACKOFF_FIRST_MS;
        if (pipeline->told_at == 0 || now - pipeline->told_at > TELL_AGAIN_MS)
            pipeline->settings.trouble(pipeline->detail, pipeline->settings.userdata);
        pipeline->told_at = now;
    }
    if (now >= pipeline->paused_until) { /* the first of those that were under way */
        int64_t wait = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : pipeline->backoff_ms;

        pipeline->paused_until = now + wait;
        pipeline->backoff_ms =
            pipeline->backoff_ms * 2 < BACKOFF_MAX_MS ? pipeline->backoff_ms * 2 : BACKOFF_MAX_MS;
    }
    if (now - pipeline->failing_since <= (gone ? patience : patience * BUSY_FACTOR))
        return PIPELINE_OK;
    return gone ? PIPELINE_E_UNREACHABLE : PIPELINE_E_UNAVAILABLE;
}

static int finish_slot(struct pipeline *pipeline, struct slot *slot, CURLcode code)
{
    struct answer answer = {0};
    int r = transfer_answer(&slot->transfer, code, &answer);

    if (r == CLIENT_E_UNREACHABLE || (r == CLIENT_OK && answer.status == 503)) {
        r = put_off(pipeline, slot, r == CLIENT_E_UNREACHABLE, answer.detail);
    } else if (r == CLIENT_E_GARBAGE) {
        snprintf(pipeline->detail, sizeof(pipeline->detail), "%s", answer.detail);
        r = PIPELINE_E_GARBAGE;
    } else if (r == CLIENT_OK) {
        void *tag = slot->tag;

        pipeline->failing_since = 0;
        free_slot(pipeline, slot);
        pipeline->n_busy--;
        r = pipeline->settings.done(tag, &answer, slot->tries, pipeline->settings.userdata);
    }
    answer_done(&answer);
    return r;
}

int pipeline_turn(struct pipeline *pipeline, int timeout_ms)
{
    bool ended = false;
    int running, left, r = run_waiting(pipeline);
    int64_t pause;
    CURLMsg *message;

    if (r < 0)
        return r;
    if (curl_multi_perform(pipeline->multi, &running) != CURLM_OK)
        return -ENOMEM;
    while (r == 0 && (message = curl_multi_info_read(pipeline->multi, &left))) {
        struct slot *slot = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        ended = true;
        r = finish_slot(pipeline, slot, code);
    }
    if (r != 0 || ended)
        return r;
    pause = pipeline->paused_until - time_boot_ms();
    if (pause > 0 && pause < timeout_ms)
        timeout_ms = (int)pause;
    if (curl_multi_poll(pipeline->multi, NULL, 0, timeout_ms, NULL) != CURLM_OK)
        return -ENOMEM;
    return 0;
}
