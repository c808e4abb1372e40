#include "delivery/flow.h"

#include "model/schedule.h"

#define RUN 1000 /* thousandths */

size_t bucket_free(struct bucket *bucket, int64_t rate, int64_t now)
{
    int64_t back, room = rate * RUN;

    if (rate == 0) {
        *bucket = (struct bucket){.at = now};
        return SIZE_MAX;
    }
    /* A run a second is a thousandth of a run a millisecond. */
    back = now - bucket->at < 2 * RUN ? rate * (now - bucket->at) : bucket->spent;
    bucket->spent = bucket->spent > back ? bucket->spent - back : 0;
    if (bucket->spent > room) /* the rate was higher before */
        bucket->spent = room;
    bucket->at = now;
    return (size_t)((room - bucket->spent) / RUN);
}

void bucket_take(struct bucket *bucket)
{
    bucket->spent += RUN;
}

int64_t bucket_wait(const struct bucket *bucket, int64_t rate)
{
    int64_t excess = bucket->spent - (rate - 1) * RUN;

    return rate == 0 || excess <= 0 ? 0 : (excess + rate - 1) / rate;
}

static void wait_for_probe(struct breaker *breaker, const struct breaker_settings *settings,
                           int64_t now, uint32_t random)
{
    breaker->probe_at = now + backoff_equal_jitter(settings->first_ms, BREAKER_LONGEST_MS,
                                                   ++breaker->probes, random);
}

bool breaker_failed(struct breaker *breaker, const struct breaker_settings *settings, bool probe,
                    int64_t now, uint32_t random)
{
    if (settings->trip_after == 0)
        return false;
    if (breaker->tripped) {
        if (probe) {
            breaker->failures++;
            wait_for_probe(breaker, settings, now, random);
        }
        return false;
    }
    if (++breaker->failures < settings->trip_after)
        return false;
    breaker->tripped = true;
    wait_for_probe(breaker, settings, now, random);
    return true;
}

bool breaker_succeeded(struct breaker *breaker)
{
    bool was = breaker->tripped;

    *breaker = (struct breaker){0};
    return was;
}

int64_t breaker_wait(const struct breaker *breaker, int64_t now)
{
    return breaker->tripped && breaker->probe_at > now ? breaker->probe_at - now : 0;
}

void breaker_reconsider(struct breaker *breaker, const struct breaker_settings *settings,
                        int64_t now)
{
    if (settings->trip_after == 0)
        *breaker = (struct breaker){0};
    else if (breaker->tripped && breaker->probe_at > now)
        breaker->probe_at = now;
}
