/* How often something took how long, for GET /metrics. Plain memory: who owns one locks it. */
#pragma once

#include <stdint.h>

/* Upper bounds of the buckets, besides the one without: 0.5 ms to 5 min. */
#define HISTOGRAM_BUCKETS 17
extern const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS];

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last one has no bound */
    uint64_t sum_us;
};

/* A negative duration counts as 0. */
void histogram_add(struct histogram *histogram, int64_t us);

/* Of all buckets. */
uint64_t histogram_count(const struct histogram *histogram);
