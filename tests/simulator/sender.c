#include "simulator/sender.h"

#include "common/log.h"
#include "common/timestamp.h"

#include "simulator/dice.h"
#include "simulator/server.h"
#include "simulator/sim.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

/* Nothing waits longer than this for a look around. */
#define LONGEST_WAIT_MS 10000

struct transfer {
    struct callback *callback;
    CURL *easy;
    struct curl_slist *headers;
    size_t sent; /* of a chunked body */
    char answer[LIMIT_RECORD_ANSWER + 1];
    size_t answer_size;
    int64_t started_at; /* wall time */
    struct transfer *next;
};

struct sender {
    struct sim *sim;
    CURLM *multi;
    struct schedule schedule;
    struct transfer *transfers;
    size_t n_transfers;
};

int sender_new(struct sim *sim, struct sender **ret)
{
    struct sender *sender = calloc(1, sizeof(*sender));

    if (!sender)
        return -ENOMEM;
    sender->sim = sim;
    sender->multi = curl_multi_init();
    if (!sender->multi) {
        free(sender);
        return -ENOMEM;
    }
    *ret = sender;
    return 0;
}

static void transfer_free(struct sender *sender, struct transfer *transfer)
{
    if (transfer->easy) {
        curl_multi_remove_handle(sender->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    callback_free(transfer->callback);
    free(transfer);
}

void sender_free(struct sender *sender)
{
    if (!sender)
        return;
    while (sender->transfers) {
        struct transfer *transfer = sender->transfers;
        sender->transfers = transfer->next;
        transfer_free(sender, transfer);
    }
    schedule_release(&sender->schedule);
    curl_multi_cleanup(sender->multi);
    free(sender);
}

int sender_add(struct sender *sender, struct callback *callback)
{
    int r = schedule_add(&sender->schedule, callback);

    if (r == 0)
        sender_wake(sender);
    return r;
}

size_t sender_flush(struct sender *sender)
{
    size_t n = schedule_flush(&sender->schedule, time_boot_ms());

    sender_wake(sender);
    return n;
}

size_t sender_waiting(const struct sender *sender)
{
    return sender->schedule.n;
}

size_t sender_active(const struct sender *sender)
{
    return sender->n_transfers;
}

void sender_wake(struct sender *sender)
{
    curl_multi_wakeup(sender->multi);
}

/* What does not fit is read and dropped: the status counts. */
static size_t on_answer(char *data, size_t size, size_t n, void *userdata)
{
    struct transfer *transfer = userdata;
    size_t room = LIMIT_RECORD_ANSWER - transfer->answer_size;
    size_t taken = size * n < room ? size * n : room;

    memcpy(transfer->answer + transfer->answer_size, data, taken);
    transfer->answer_size += taken;
    return size * n;
}

static size_t on_read(char *buffer, size_t size, size_t n, void *userdata)
{
    struct transfer *transfer = userdata;
    size_t left = transfer->callback->size - transfer->sent;
    size_t taken = left < size * n ? left : size * n;

    if (taken > 0)
        memcpy(buffer, transfer->callback->body + transfer->sent, taken);
    transfer->sent += taken;
    return taken;
}

static bool add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static int set_options(struct transfer *transfer)
{
    const struct callback *callback = transfer->callback;
    CURL *easy = transfer->easy;
    char line[sizeof("Content-Type: ") + WORD_SIZE];
    CURLcode c = CURLE_OK;

    snprintf(line, sizeof(line), "Content-Type:%s%s", *callback->content_type ? " " : "",
             callback->content_type);
    if (!add_header(transfer, line) || !add_header(transfer, "Expect:") ||
        (callback->chunked && !add_header(transfer, "Transfer-Encoding: chunked")))
        return -ENOMEM;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)callback->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (callback->chunked) {
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    } else {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, callback->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)callback->size);
    }
    c = c ? c : curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    c = c ? c : curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    c = c ? c : curl_easy_setopt(easy, CURLOPT_USERAGENT, "pronto-sim/" PRONTOD_VERSION);
    c = c ? c : curl_easy_setopt(easy, CURLOPT_URL, callback->url);
    return c == CURLE_OK ? 0 : -ENOMEM;
}

static void over(struct sender *sender, struct transfer *transfer, long status, const char *error);

/* Main's thread, with the mutex held. */
static void start(struct sender *sender, struct callback *callback)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));

    if (!transfer) {
        log_error("out of memory, a callback is lost");
        callback_free(callback);
        return;
    }
    transfer->callback = callback;
    transfer->started_at = time_now();
    callback->attempt++;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || set_options(transfer) < 0 ||
        curl_multi_add_handle(sender->multi, transfer->easy) != CURLM_OK) {
        over(sender, transfer, 0, "out of memory");
        transfer_free(sender, transfer);
        return;
    }
    transfer->next = sender->transfers;
    sender->transfers = transfer;
    sender->n_transfers++;
}

static void finish_contact(struct sim *sim, struct job_contact *contact)
{
    contact->finished = true;
    contact->job->n_finished++;
    sim->record.counts[COUNT_FINISHED]++;
    if (contact->found)
        sim->spent += sim_price(&sim->behaviours, contact->job->type);
}

static void start_due(struct sender *sender)
{
    struct sim *sim = sender->sim;
    int64_t now = time_boot_ms();

    while (sender->n_transfers < (size_t)sim->behaviours.callback_concurrency) {
        struct callback *callback = schedule_take(&sender->schedule, now);

        if (!callback)
            return;
        if (callback->finishes)
            finish_contact(sim, callback->finishes);
        callback->finishes = NULL;
        if (callback->url) {
            start(sender, callback);
            continue;
        }
        if (callback->lost)
            sim->record.counts[COUNT_LOST]++;
        callback_free(callback);
    }
}

static int note(struct sender *sender, const struct transfer *transfer, long status,
                const char *error)
{
    const struct callback *callback = transfer->callback;
    struct json_object *entry = json_object_new_object();
    int r = entry ? 0 : -ENOMEM;

    r = r ? r : json_add_time(entry, "time", transfer->started_at);
    r = r ? r : json_add_int64(entry, "duration_ms", time_now() - transfer->started_at);
    r = r ? r : json_add_string(entry, "enrichment_id", callback->enrichment_id);
    r = r ? r : json_add_int64(entry, "contact", callback->contact);
    r = r ? r : json_add_string(entry, "kind", callback_kind_word(callback->kind));
    r = r ? r : json_add_int64(entry, "copy", callback->copy);
    r = r ? r : json_add_int64(entry, "attempt", callback->attempt);
    r = r ? r : json_add_string(entry, "url", callback->url);
    r = r ? r : json_add_int64(entry, "status", status);
    r = r ? r : json_add_string(entry, "error", error);
    r = r ? r : json_add_int64(entry, "size", (int64_t)callback->size);
    r = r ? r : record_add_text(entry, "body", callback->body, callback->size, LIMIT_RECORD_BODY);
    r = r ? r
          : record_add_text(entry, "answer", transfer->answer, transfer->answer_size,
                            LIMIT_RECORD_ANSWER);
    if (r < 0) {
        json_object_put(entry);
        return r;
    }
    return record_append(&sender->sim->record, RECORD_CALLBACKS, entry);
}

/* Puts a callback back into the queue. */
static void again(struct sender *sender, struct callback *callback, int64_t wait_ms)
{
    callback->due = time_boot_ms() + wait_ms;
    if (schedule_add(&sender->schedule, callback) < 0) {
        log_error("out of memory, a callback is lost");
        callback_free(callback);
    }
}

/* Notes how it ended; retries it, or goes on with the next one. Main's thread, with the mutex held.
 */
static void over(struct sender *sender, struct transfer *transfer, long status, const char *error)
{
    struct sim *sim = sender->sim;
    struct callback *callback = transfer->callback, *next;
    uint64_t held_call = callback->held_call;

    if (note(sender, transfer, status, error) < 0)
        log_error("out of memory, a callback is not in the log");
    sim->record.counts[COUNT_ATTEMPTS]++;
    sim->record.counts[status > 0 ? COUNT_CALLBACKS : COUNT_FAILED]++;
    callback->held_call = 0;
    if (held_call > 0)
        server_release_call(sim->server, held_call, status, transfer->answer, error);

    if ((status < 200 || status > 299) && callback->retries_left > 0) {
        callback->retries_left--;
        transfer->callback = NULL;
        again(sender, callback,
              callback->flushed
                  ? 0
                  : dice_between(sim->seed, "retry_delay", callback->number + callback->attempt,
                                 callback->retry_delay.min_ms, callback->retry_delay.max_ms));
        return;
    }
    next = TAKE_PTR(callback->next);
    if (next) {
        next->flushed = callback->flushed;
        again(sender, next, callback->flushed ? 0 : callback->next_delay_ms);
    }
}

static void end_finished(struct sender *sender)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left))) {
        CURLcode result = message->data.result;
        struct transfer *transfer = NULL, **link = &sender->transfers;
        char *private = NULL;
        long status = 0;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        transfer = (struct transfer *)(void *)private;
        if (result == CURLE_OK)
            curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        while (*link != transfer)
            link = &(*link)->next;
        *link = transfer->next;
        sender->n_transfers--;
        over(sender, transfer, status, result == CURLE_OK ? NULL : curl_easy_strerror(result));
        transfer_free(sender, transfer);
    }
}

void sender_turn(struct sender *sender)
{
    int running;

    {
        SIM_LOCK(sender->sim);
        start_due(sender);
    }
    curl_multi_perform(sender->multi, &running);
    {
        SIM_LOCK(sender->sim);
        end_finished(sender);
        start_due(sender);
    }
}

int sender_wait(struct sender *sender, int fd, int64_t until)
{
    struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
    int64_t wait;

    {
        SIM_LOCK(sender->sim);
        if (sender->n_transfers < (size_t)sender->sim->behaviours.callback_concurrency &&
            schedule_due(&sender->schedule) < until)
            until = schedule_due(&sender->schedule);
    }
    wait = until == INT64_MAX ? LONGEST_WAIT_MS : until - time_boot_ms();
    wait = wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
    return curl_multi_poll(sender->multi, &extra, 1, (int)wait, NULL) == CURLM_OK ? 0 : -EIO;
}
