#include "runner/teller.h"

#include "common/timestamp.h"

void teller_refuse(const struct teller *teller, int64_t id, bool interrupted, const char *error)
{
    const struct hook_outcome outcome = {
        .id = id,
        .started_at = time_now(),
        .cpu_ms = -1,
        .memory_bytes = -1,
        .end = {.exit_code = -1, .not_started = !interrupted, .interrupted = interrupted},
        .error = error,
    };

    teller->tell(&outcome, NULL, 0, teller->userdata);
}
