#include "model/clock_guard.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct clock_guard clock_guard_begin(int64_t newest, int64_t wall, int64_t boot)
{
    return (struct clock_guard){.wall = newest > 0 ? newest : wall, .boot = boot, .held_since = -1};
}

static enum clock_verdict believe(struct clock_guard *guard, int64_t wall, int64_t boot)
{
    *guard = (struct clock_guard){.wall = wall, .boot = boot, .held_since = -1};
    return CLOCK_BELIEVED;
}

enum clock_verdict clock_guard_look(struct clock_guard *guard, int64_t retention_ms, int64_t wall,
                                    int64_t boot)
{
    int64_t ahead = (wall - guard->wall) - (boot - guard->boot);
    int64_t allowed = retention_ms / 10 > DAY_MS ? retention_ms / 10 : DAY_MS;

    if (ahead <= allowed)
        return believe(guard, wall, boot);
    if (guard->held_since < 0) {
        guard->held_since = boot;
        return CLOCK_DOUBTED;
    }
    if (boot - guard->held_since < CLOCK_GUARD_HOLD_MS)
        return CLOCK_HELD;
    return believe(guard, wall, boot);
}
