/* Words of the configuration and of command lines: durations, sizes, numbers, lists. Pure,
 * thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number with one of ms, s, m, h, d ("10s", "90d", "250ms"); a bare "0" too. At most 100 years.
 * Returns 0 with milliseconds, -EINVAL, or -ERANGE. */
int parse_duration_ms(const char *text, int64_t *ret_ms);

/* Bytes, with an optional K, M or G (powers of 1024). Returns 0, -EINVAL, or -ERANGE. */
int parse_size(const char *text, int64_t *ret_bytes);

/* A decimal integer, no sign but '-', no blanks. Returns 0, -EINVAL, or -ERANGE when outside
 * @min..@max. */
int parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret);

/* The shortest exact form that parse_duration_ms()/parse_size() reads back. @ret has at least
 * PARSE_FORMAT_SIZE bytes. */
#define PARSE_FORMAT_SIZE 24
void format_duration(int64_t ms, char ret[static PARSE_FORMAT_SIZE]);
void format_size(int64_t bytes, char ret[static PARSE_FORMAT_SIZE]);

/* Splits at blanks (space, tab); "double quotes" and \ keep blanks in a word. Used for a hook's
 * command: there is no shell and nothing is expanded. *ret is a NULL-terminated vector for
 * strv_free(). Returns 0, -EINVAL (unbalanced quote), -ENOMEM. */
int parse_words(const char *text, char ***ret);

/* Frees a NULL-terminated vector of strings; NULL is fine. */
void strv_free(char **v);
static inline void strv_free_p(char ***v)
{
    strv_free(*v);
}
#define cleanup_strv __attribute__((cleanup(strv_free_p)))
size_t strv_length(char *const *v);
bool strv_equal(char *const *a, char *const *b);
