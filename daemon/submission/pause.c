#include "submission/submitter_internal.h"

#include "common/log.h"
#include "common/timestamp.h"

#include <stdio.h>

#define LOOK_AGAIN_MS (60 * 60 * 1000) /* the wall clock may jump: never sleep for longer */

void submitter_set_timer(struct submitter *submitter, int64_t wait_ms)
{
    if (wait_ms < 1)
        wait_ms = 1;
    if (wait_ms > LOOK_AGAIN_MS)
        wait_ms = LOOK_AGAIN_MS;
    sd_event_source_set_time_relative(submitter->timer, (uint64_t)wait_ms * 1000);
    sd_event_source_set_enabled(submitter->timer, SD_EVENT_ONESHOT);
}

void submitter_set_state(struct submitter *submitter, enum submitter_state state,
                         const char *detail)
{
    bool changed = submitter->state != state && submitter->begun;

    submitter->state = state;
    snprintf(submitter->detail, sizeof(submitter->detail), "%s", detail ? detail : "");
    if (!changed)
        return;
    if (state == SUBMITTER_OK)
        log_notice("submitting to Pronto goes on");
    else
        log_fields(
            state == SUBMITTER_SLOWED ? LOG_NOTICE : LOG_WARNING, NULL, NULL, 0,
            "submitting to Pronto waits (%s): %s; requests stay queued%s",
            submitter_state_name(state), submitter->detail,
            state == SUBMITTER_AUTH
                ? ". Put a valid API key in place and reload; it is also tried again by itself"
            : state == SUBMITTER_CREDITS ? "; it is tried again by itself"
                                         : "");
}

void submitter_pause(struct submitter *submitter, enum submitter_state state, int64_t wait_ms,
                     const char *detail)
{
    int64_t until = time_boot_ms() + wait_ms;

    /* Several calls were under way: the longest wait that one of them was told holds. */
    if (until > submitter->resume_boot_ms) {
        submitter->resume_boot_ms = until;
        submitter->resume_at = time_now() + wait_ms;
    }
    submitter_set_state(submitter, state, detail);
    submitter_set_timer(submitter, wait_ms);
}

void submitter_end_pause(struct submitter *submitter)
{
    submitter->resume_boot_ms = 0;
    submitter->resume_at = 0;
    submitter->pauses = 0;
}

bool submitter_is_paused(const struct submitter *submitter)
{
    return submitter->resume_boot_ms > time_boot_ms();
}

size_t submitter_capacity(struct submitter *submitter)
{
    size_t most = (size_t)submitter->config->pronto.concurrency;

    if (submitter->stopped || !submitter->ready || submitter->state == SUBMITTER_NO_KEY)
        return 0;
    if (submitter->resume_boot_ms) {
        int64_t left = submitter->resume_boot_ms - time_boot_ms();

        if (left > 0) {
            submitter_set_timer(submitter, left);
            return 0;
        }
        submitter->resume_boot_ms = 0;
        submitter->resume_at = 0;
        if (submitter->state == SUBMITTER_SLOWED)
            submitter_set_state(submitter, SUBMITTER_OK, NULL);
    }
    if (submitter->state != SUBMITTER_OK)
        most = 1; /* a probe */
    return submitter->n_flights < most ? most - submitter->n_flights : 0;
}
