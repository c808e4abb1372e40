#include "common/histogram.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(histogram, a_bound_belongs_to_its_bucket)
{
    struct histogram histogram = {0};

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram_add(&histogram, histogram_bounds_us[i]);
        histogram_add(&histogram, histogram_bounds_us[i] + 1);
        if (i > 0)
            cr_expect_gt(histogram_bounds_us[i], histogram_bounds_us[i - 1]);
    }
    cr_expect_eq(histogram.counts[0], 1);
    for (int i = 1; i < HISTOGRAM_BUCKETS; i++)
        cr_expect_eq(histogram.counts[i], 2, "bucket %d", i);
    cr_expect_eq(histogram.counts[HISTOGRAM_BUCKETS], 1);
    cr_expect_eq(histogram_count(&histogram), 2 * HISTOGRAM_BUCKETS);
}

Test(histogram, sums)
{
    struct histogram histogram = {0};

    histogram_add(&histogram, -5);
    histogram_add(&histogram, 0);
    histogram_add(&histogram, 7);
    histogram_add(&histogram, INT64_C(1) << 50);
    cr_expect_eq(histogram.sum_us, 7 + (UINT64_C(1) << 50));
    cr_expect_eq(histogram.counts[0], 3);
    cr_expect_eq(histogram.counts[HISTOGRAM_BUCKETS], 1);
}
