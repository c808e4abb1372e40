#include "retention.h"

#include "common/log.h"
#include "common/message_ids.h"
#include "common/parse.h"
#include "common/timestamp.h"
#include "model/clock_guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (60 * 60 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

/* A late callback of an erased person is refused for so long, or as long as the retention. */
#define TOMBSTONES_MS (30 * DAY_MS)

struct retention {
    struct store *store;
    struct store_reader *reader;
    int64_t retention_ms;
    sd_event_source *timer;
    struct clock_guard guard;
    int64_t warned_boot_ms; /* of dead deliveries; 0: never */
    bool purging;
    bool reloaded; /* since that began, with the retention of before: look again at its end */
    struct store_purge command;
};

static int64_t interval(const struct retention *retention)
{
    int64_t tenth = retention->retention_ms / 10;

    if (retention->retention_ms == 0 || tenth > HOUR_MS)
        return HOUR_MS;
    return tenth < SECOND_MS ? SECOND_MS : tenth;
}

static void warn_of_dead(struct retention *retention, int64_t now)
{
    int64_t tenth = retention->retention_ms / 10, n = 0;
    int64_t boot = time_boot_ms();
    char soon[PARSE_FORMAT_SIZE], number[24];
    const struct log_field field = {"PRONTO_COUNT", number};
    int r;

    if (retention->warned_boot_ms != 0 && boot - retention->warned_boot_ms < DAY_MS)
        return;
    r = reader_old_dead(retention->reader, now - retention->retention_ms + tenth, &n);
    if (r < 0)
        log_error("cannot look for dead deliveries that will be erased: %s", strerror(-r));
    if (r < 0 || n == 0)
        return;
    retention->warned_boot_ms = boot;
    format_duration(tenth, soon);
    snprintf(number, sizeof(number), "%lld", (long long)n);
    log_fields(LOG_WARNING, MESSAGE_DEAD_ERASED_SOON, &field, 1,
               "%s%lld dead deliver%s will be erased within %s, as retention says: look at "
               "prontoctl deliveries --state dead, run them again with prontoctl retry --dead, or "
               "raise retention",
               n >= OLD_DEAD_MAX ? "at least " : "", (long long)n, n == 1 ? "y" : "ies", soon);
}

static void look(struct retention *retention);

static void on_purged(struct store_command *base)
{
    struct retention *retention = base->userdata;
    const struct store_purge *command = &retention->command;

    retention->purging = false;
    if (base->result != STORE_OK)
        log_warning("what is older than the retention could not be erased; it is tried again");
    if (base->result == STORE_OK && command->requests + command->callbacks > 0)
        log_info("erased %lld requests that ended before the retention, and %lld callbacks that "
                 "belonged to none",
                 (long long)command->requests, (long long)command->callbacks);
    if (!retention->reloaded)
        return;
    retention->reloaded = false;
    look(retention);
}

static void purge(struct retention *retention, int64_t now)
{
    int64_t kept = retention->retention_ms;

    if (retention->purging)
        return;
    retention->command = (struct store_purge){
        .base = {.kind = STORE_PURGE,
                 .where = STORE_DONE_ON_LOOP,
                 .done = on_purged,
                 .userdata = retention},
        .before = kept > 0 ? now - kept : 0,
        .tombstones_before = kept > 0 ? now - (kept > TOMBSTONES_MS ? kept : TOMBSTONES_MS) : 0,
        .now = now,
    };
    retention->purging = store_post(retention->store, &retention->command.base) == STORE_OK;
}

/* Whether the clock is believed; says once that it is not. */
static bool is_believed(struct retention *retention, int64_t now)
{
    char today[TIME_RFC3339_SIZE], newest[TIME_RFC3339_SIZE];
    int64_t known = retention->guard.wall;

    if (retention->retention_ms == 0)
        return true; /* nothing goes for its age */
    switch (clock_guard_look(&retention->guard, retention->retention_ms, now, time_boot_ms())) {
    case CLOCK_BELIEVED:
        return true;
    case CLOCK_HELD:
        return false;
    case CLOCK_DOUBTED:
        break;
    }
    time_format_rfc3339(now, today);
    time_format_rfc3339(known, newest);
    log_message(
        LOG_WARNING, MESSAGE_CLOCK_DOUBTED,
        "the clock says %s, but the newest that is known is of %s: nothing is erased for its "
        "age for an hour; if the clock is wrong, set it right before",
        today, newest);
    return false;
}

static void look(struct retention *retention)
{
    int64_t now = time_now();

    sd_event_source_set_time_relative(retention->timer, (uint64_t)interval(retention) * 1000);
    sd_event_source_set_enabled(retention->timer, SD_EVENT_ONESHOT);
    if (!is_believed(retention, now))
        return;
    if (retention->retention_ms > 0)
        warn_of_dead(retention, now);
    purge(retention, now);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    look(userdata);
    return 0;
}

void retention_reload(struct retention *retention, int64_t retention_ms)
{
    retention->retention_ms = retention_ms;
    retention->reloaded = retention->purging;
    look(retention);
}

int retention_new(sd_event *loop, struct store *store, struct store_reader *reader,
                  int64_t retention_ms, struct retention **ret)
{
    struct retention *retention = calloc(1, sizeof(*retention));
    int r;

    if (!retention)
        return -ENOMEM;
    retention->store = store;
    retention->reader = reader;
    retention->retention_ms = retention_ms;
    retention->guard = clock_guard_begin(store_newest_at(store), time_now(), time_boot_ms());
    r = sd_event_add_time_relative(loop, &retention->timer, CLOCK_BOOTTIME, 0, 0, on_timer,
                                   retention);
    if (r < 0) {
        retention_free(retention);
        return r;
    }
    *ret = retention;
    return 0;
}

void retention_free(struct retention *retention)
{
    if (!retention)
        return;
    sd_event_source_disable_unref(retention->timer);
    free(retention);
}
