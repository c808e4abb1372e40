#include "watchdog.h"

#define LONGEST_MS 10000

const char *watchdog_thread_name(enum watchdog_thread thread)
{
    static const char *const names[] = {[WATCHDOG_STORE] = "store", [WATCHDOG_HTTP] = "http"};

    return names[thread];
}

int64_t watchdog_period_ms(int64_t limit_ms)
{
    int64_t period = limit_ms / WATCHDOG_LOOKS;

    if (limit_ms == 0 || period > LONGEST_MS)
        return LONGEST_MS;
    return period > 0 ? period : 1;
}

static enum watchdog_news look(struct watchdog *watchdog, int i, uint64_t answered)
{
    bool was_stuck = watchdog->missed[i] >= WATCHDOG_MISSES;

    if (answered != watchdog->seen[i] || watchdog->knock == 0) {
        watchdog->seen[i] = answered;
        watchdog->missed[i] = 0;
        return was_stuck ? WATCHDOG_MOVES : WATCHDOG_SAME;
    }
    if (!was_stuck)
        watchdog->missed[i]++;
    return !was_stuck && watchdog->missed[i] >= WATCHDOG_MISSES ? WATCHDOG_STUCK : WATCHDOG_SAME;
}

bool watchdog_look(struct watchdog *watchdog, const uint64_t answered[WATCHDOG_THREADS_],
                   enum watchdog_news news[WATCHDOG_THREADS_])
{
    bool well = true;

    for (int i = 0; i < WATCHDOG_THREADS_; i++) {
        news[i] = look(watchdog, i, answered[i]);
        well = well && watchdog->missed[i] == 0;
    }
    watchdog->knock++;
    return well;
}
