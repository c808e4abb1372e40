/* Parameters of a URL (application/x-www-form-urlencoded). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARAMS_MAX 64 /* in one URL */

struct param {
    const char *name, *value;
};
struct params {
    char *text; /* owned; the items point into it */
    size_t n;
    struct param items[PARAMS_MAX];
};

/* Decodes %XX, and with @plus also '+' as a blank, in place. False for a broken escape or one of
 * NUL. */
bool percent_decode(char *text, bool plus);

enum params_result {
    PARAMS_OK = 0,
    PARAMS_E_MALFORMED = 1,
    PARAMS_E_TOO_MANY,
};

/* @query: what stands behind the '?', or NULL. PARAMS_OK with *ret for params_done(), a positive
 * params_result, or -ENOMEM. */
int params_parse(const char *query, struct params *ret);
void params_done(struct params *params);

/* The value, or NULL. */
const char *params_get(const struct params *params, const char *name);

/* The first one that is not among @allowed (NULL-terminated, may be NULL), or that stands there
 * twice; else NULL. A name in @allowed that ends with '.' allows all names that begin with it, any
 * number of times. */
const struct param *params_unwanted(const struct params *params, const char *const *allowed);

/* Seconds with an optional fraction, to milliseconds. False when it is no such number or above
 * @max_s. */
bool param_seconds(const char *text, int64_t max_s, int64_t *ret_ms);
