#include "common/histogram.h"

#define MS INT64_C(1000)
#define S  INT64_C(1000000)

const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS] = {
    500,      1 * MS,    2500,      5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS,
    500 * MS, 1000 * MS, 2500 * MS, 5 * S,  10 * S,  30 * S,  60 * S,  300 * S};

void histogram_add(struct histogram *histogram, int64_t us)
{
    int bucket = 0;

    if (us < 0)
        us = 0;
    while (bucket < HISTOGRAM_BUCKETS && us > histogram_bounds_us[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_us += (uint64_t)us;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t n = 0;

    for (int i = 0; i <= HISTOGRAM_BUCKETS; i++)
        n += histogram->counts[i];
    return n;
}
