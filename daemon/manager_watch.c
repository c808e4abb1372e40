/* What goes on in other threads, looked at once a second: troubles of the database and of the callback
 * listener are said when they begin and when they are over, the service manager gets its words, and its
 * watchdog is told that all is well only while the threads work. */
#include "manager_internal.h"

#include "common/message_ids.h"
#include "common/timestamp.h"
#include "notify.h"
#include "watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS       1000
#define TALLY_MS      60000 /* what a peer can cause is said at most so often */
#define START_MORE_MS 30000 /* asked for again with each tick, while the disk is full */
#define STATUS_SIZE   512
#define NUMBER_SIZE   24

/* Something that is counted elsewhere and said now and then. */
struct tally {
    int64_t said;
    int64_t next_boot_ms;
};

struct watch {
    struct manager *manager;
    sd_event_source *timer;
    int64_t limit_ms; /* of the service manager's watchdog; 0: none */
    int64_t look_boot_ms;
    struct watchdog watchdog;
    bool disk_low, store_failed;
    int64_t failures;
    struct tally refused, shed;
    char status[STATUS_SIZE]; /* as it was told */
};

static const char *number(int64_t value, char ret[static NUMBER_SIZE])
{
    snprintf(ret, NUMBER_SIZE, "%" PRId64, value);
    return ret;
}

static void say_disk(struct watch *watch, const struct store_counts *counts)
{
    bool low = counts->trouble == STORE_TROUBLE_DISK_LOW ||
               (watch->disk_low && counts->trouble != STORE_TROUBLE_NONE);
    int64_t least = watch->manager->config->store.min_free;
    char free_bytes[NUMBER_SIZE], min_free[NUMBER_SIZE];
    const struct log_field fields[] = {
        {"PRONTO_FREE_BYTES", number(counts->free_bytes, free_bytes)},
        {"PRONTO_MIN_FREE", number(least, min_free)}};

    if (low && !watch->disk_low)
        log_fields(LOG_ERR, MESSAGE_DISK_LOW, fields, ARRAY_SIZE(fields),
                   "the disk is nearly full: %" PRId64 " MiB are free, min_free is %" PRId64
                   " MiB; callbacks are refused with 503 until there is more",
                   counts->free_bytes >> 20, least >> 20);
    else if (!low && watch->disk_low)
        log_fields(LOG_NOTICE, MESSAGE_DISK_RECOVERED, fields, ARRAY_SIZE(fields),
                   "the disk has room again, callbacks are taken");
    watch->disk_low = low;
}

/* A failure that was over before this look is said, too. */
static void say_commits(struct watch *watch, const struct store_counts *counts)
{
    bool failing =
        counts->trouble == STORE_TROUBLE_COMMIT_FAILED || counts->trouble == STORE_TROUBLE_GAVE_UP;
    const char *error = strerror(-counts->last_failure);
    const struct log_field field = {"PRONTO_ERROR", error};

    if (counts->commit_failures > watch->failures && !watch->store_failed) {
        log_fields(LOG_ERR, MESSAGE_STORE_FAILED, &field, 1,
                   "the database cannot be written: %s; callbacks are refused with 503, it is "
                   "tried again",
                   error);
        watch->store_failed = true;
    }
    if (!failing && watch->store_failed) {
        log_message(LOG_NOTICE, MESSAGE_STORE_RECOVERED, "the database can be written again");
        watch->store_failed = false;
    }
    watch->failures = counts->commit_failures;
}

/* How many to tell of; 0: none, or too soon after the last time. */
static int64_t take_tally(struct tally *tally, int64_t count)
{
    int64_t now = time_boot_ms(), more = count - tally->said;

    if (more == 0 || now < tally->next_boot_ms)
        return 0;
    tally->said = count;
    tally->next_boot_ms = now + TALLY_MS;
    return more;
}

static void say_listener(struct watch *watch, const struct store_counts *counts)
{
    const char *reason = counts->not_ready_reason
                             ? counts->not_ready_reason
                             : "more came than could be stored in time, or max_unmatched wait";
    char refused[NUMBER_SIZE], shed[NUMBER_SIZE];
    struct ingress_counts listener;
    int64_t n;

    ingress_counts(watch->manager->ingress, &listener);
    n = take_tally(&watch->refused, listener.unavailable);
    if (n > 0) {
        const struct log_field fields[] = {{"PRONTO_COUNT", number(n, refused)},
                                           {"PRONTO_REASON", reason}};

        log_fields(LOG_WARNING, MESSAGE_CALLBACKS_REFUSED, fields, ARRAY_SIZE(fields),
                   "refused %" PRId64 " callbacks with 503: %s; Pronto is expected to repeat them",
                   n, reason);
    }
    n = take_tally(&watch->shed, listener.shed);
    if (n > 0) {
        const struct log_field field = {"PRONTO_COUNT", number(n, shed)};

        log_fields(LOG_WARNING, MESSAGE_CONNECTIONS_SHED, &field, 1,
                   "closed %" PRId64 " idle connections to make room for new ones: "
                   "max_connections is reached",
                   n);
    }
}

static void say_thread(enum watchdog_thread thread, enum watchdog_news news, int64_t limit_ms)
{
    const char *name = watchdog_thread_name(thread);
    const struct log_field field = {"PRONTO_THREAD", name};

    if (news == WATCHDOG_STUCK)
        log_fields(LOG_CRIT, MESSAGE_THREAD_STUCK, &field, 1, "the thread %s does not answer%s",
                   name,
                   limit_ms > 0 ? ": the watchdog is not told any more that all is well" : "");
    else if (news == WATCHDOG_MOVES)
        log_fields(LOG_NOTICE, MESSAGE_THREAD_MOVES, &field, 1, "the thread %s works again", name);
}

static void look_at_threads(struct watch *watch)
{
    struct manager *manager = watch->manager;
    int64_t now = time_boot_ms();
    uint64_t answered[WATCHDOG_THREADS_];
    enum watchdog_news news[WATCHDOG_THREADS_];

    if (now < watch->look_boot_ms)
        return;
    watch->look_boot_ms = now + watchdog_period_ms(watch->limit_ms);
    answered[WATCHDOG_STORE] = store_answered(manager->store);
    answered[WATCHDOG_HTTP] = ingress_answered(manager->ingress);
    if (watchdog_look(&watch->watchdog, answered, news) && watch->limit_ms > 0)
        notify_watchdog();
    for (int i = 0; i < WATCHDOG_THREADS_; i++)
        say_thread((enum watchdog_thread)i, news[i], watch->limit_ms);
    store_knock(manager->store, watch->watchdog.knock);
    ingress_knock(manager->ingress, watch->watchdog.knock);
}

/* The status line of the service. */

static int64_t sum(const int64_t of_types[ENRICHMENT_MAX_])
{
    int64_t n = 0;

    for (int i = 0; i < ENRICHMENT_MAX_; i++)
        n += of_types[i];
    return n;
}

static int64_t count_hooks_held(const struct manager *manager)
{
    int64_t n = 0;

    for (size_t i = 0; i < manager->config->n_hooks; i++) {
        struct hook_status hook;

        if (deliverer_hook(manager->deliverer, manager->config->hooks[i].name, &hook) == 0 &&
            strcmp(hook.state, "ok") != 0)
            n++;
    }
    return n;
}

static void append(char text[static STATUS_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append(char text[static STATUS_SIZE], const char *format, ...)
{
    size_t size = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + size, STATUS_SIZE - size, format, arguments);
    va_end(arguments);
}

static void write_status(const struct watch *watch, const struct store_counts *counts,
                         char ret[static STATUS_SIZE])
{
    const struct manager *manager = watch->manager;
    const int64_t *deliveries = counts->deliveries;
    struct submission_status calls;
    int64_t held = count_hooks_held(manager);

    ret[0] = '\0';
    append(ret, "%s",
           manager->stopping ? "Finishing what was accepted"
           : counts->trouble ? "Refusing callbacks"
                             : "Serving");
    if (counts->trouble)
        append(ret, ": %s", counts->not_ready_reason);
    append(ret, "; requests: %" PRId64 " queued, %" PRId64 " pending",
           sum(counts->requests[REQUEST_QUEUED]), sum(counts->requests[REQUEST_PENDING]));
    append(ret, "; deliveries: %" PRId64 " waiting, %" PRId64 " running, %" PRId64 " dead",
           deliveries[DELIVERY_QUEUED] + deliveries[DELIVERY_RETRYING],
           deliveries[DELIVERY_RUNNING], deliveries[DELIVERY_DEAD]);
    submission_status(manager->submission, &calls);
    if (calls.state != SUBMISSION_STATE_OK)
        append(ret, "; calls to Pronto: %s", submission_state_name(calls.state));
    if (held > 0)
        append(ret, "; hooks broken or tripped: %" PRId64, held);
    if (manager->runner.lost)
        append(ret, "; no prontod-runner");
    if (manager->reload_failed)
        append(ret, "; reload failed, the configuration is that from before");
}

void manager_tell_status(struct manager *manager)
{
    struct watch *watch = manager->watch;
    char text[STATUS_SIZE];
    struct store_counts counts;

    store_counts(manager->store, &counts);
    write_status(watch, &counts, text);
    if (strcmp(text, watch->status) == 0)
        return;
    memcpy(watch->status, text, sizeof(text));
    notify_status("%s", text);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct watch *watch = userdata;
    struct manager *manager = watch->manager;
    int64_t period = watchdog_period_ms(watch->limit_ms);
    struct store_counts counts;

    (void)usec;
    store_counts(manager->store, &counts);
    say_disk(watch, &counts);
    say_commits(watch, &counts);
    say_listener(watch, &counts);
    look_at_threads(watch);
    manager_look_at_rates(manager);
    manager_reload_look(manager);
    manager_tell_status(manager);
    if (!manager->ready_told && !manager->stopping)
        notify_extend_timeout(START_MORE_MS);
    sd_event_source_set_time_relative(source,
                                      (uint64_t)(period < TICK_MS ? period : TICK_MS) * 1000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void manager_look_at_rates(struct manager *manager)
{
    struct submission_status submitting;
    struct ingress_counts listener;
    int64_t totals[RATE_MAX_];

    submission_status(manager->submission, &submitting);
    ingress_counts(manager->ingress, &listener);
    totals[RATE_CALLBACKS] = (int64_t)histogram_count(&listener.answer_times);
    totals[RATE_CALLS] = submitting.submits + submitting.polls;
    totals[RATE_HOOK_RUNS] = deliverer_runs(manager->deliverer);
    rates_look(&manager->rates, time_boot_ms(), totals);
}

int manager_watch_new(struct manager *manager)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return -ENOMEM;
    manager->watch = watch;
    watch->manager = manager;
    watch->limit_ms = notify_watchdog_limit_ms();
    return sd_event_add_time_relative(manager->loop, &watch->timer, CLOCK_BOOTTIME, 0, 1000,
                                      on_timer, watch);
}

void manager_watch_free(struct manager *manager)
{
    if (!manager->watch)
        return;
    sd_event_source_disable_unref(manager->watch->timer);
    free(manager->watch);
    manager->watch = NULL;
}
