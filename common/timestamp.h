/* Clocks and the text forms of times. Everything is int64_t milliseconds. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Wall time in milliseconds since the epoch. */
int64_t time_now(void);

/* CLOCK_BOOTTIME in milliseconds: for timers and deadlines; goes on during suspend, never jumps. */
int64_t time_boot_ms(void);
/* The same in microseconds, for what is short. */
int64_t time_boot_us(void);

/* The first midnight in UTC after @at. */
int64_t time_next_midnight_utc(int64_t at);

/* "2026-01-31T23:59:59.123Z" and its terminating NUL. */
#define TIME_RFC3339_SIZE 25

/* Writes RFC 3339 in UTC with milliseconds. Years outside 0000..9999 are clamped. */
void time_format_rfc3339(int64_t at, char ret[static TIME_RFC3339_SIZE]);

/* Reads RFC 3339 (any offset, any number of fraction digits, 't' and 'z' allowed), or a plain date
 * "2026-01-31" (midnight UTC). Returns 0, or -EINVAL. */
int time_parse_rfc3339(const char *text, int64_t *ret_at);

/* Retry-After (RFC 9110, 10.2.3): seconds, or an HTTP date seen from @now. Returns 0 with the wait
 * in milliseconds, never negative, at most @max_ms; or -EINVAL. */
int time_parse_retry_after(const char *text, int64_t now, int64_t max_ms, int64_t *ret_ms);
