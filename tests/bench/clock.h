/* Time for measuring. */
#pragma once

#include <stdint.h>
#include <time.h>

/* The clock that all processes of a machine share. */
static inline int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
