#include "rates.h"

#include <string.h>

void rates_look(struct rates *rates, int64_t now_boot_ms, const int64_t totals[RATE_MAX_])
{
    int next = rates->n == 0 ? 0 : (rates->newest + 1) % RATES_SAMPLES;

    if (rates->n > 0 && now_boot_ms - rates->samples[rates->newest].boot_ms < RATES_STEP_MS)
        return;
    rates->samples[next].boot_ms = now_boot_ms;
    memcpy(rates->samples[next].totals, totals, sizeof(rates->samples[next].totals));
    rates->newest = next;
    if (rates->n < RATES_SAMPLES)
        rates->n++;
}

int64_t rates_last_minute(const struct rates *rates, enum rate which)
{
    int oldest = rates->n < RATES_SAMPLES ? 0 : (rates->newest + 1) % RATES_SAMPLES;

    return rates->samples[rates->newest].totals[which] - rates->samples[oldest].totals[which];
}
