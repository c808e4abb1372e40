/* One call to Pronto: a curl handle with everything that must be set on it, the bounded answer, and
 * what the end of the transfer means for the request (enum call_fate). */
#pragma once

#include "model/wire.h"

#include <curl/curl.h>

/* An answer is a few kilobytes; a hundred contacts with all they have stay far below. */
#define LIMIT_ANSWER_BYTES  (1024 * 1024)
#define LIMIT_ANSWER_HEADER (256 * 1024)

struct call_settings {
    const char *api_url; /* without a trailing slash */
    int64_t timeout_ms;
    const char *api_key;
};

struct call;

/* Copies what it needs. Returns 0, -EINVAL (the contact cannot be part of a URL), or -ENOMEM. */
int call_new(const struct egress_job *job, const char *payload, size_t size,
             const struct call_settings *settings, struct call **ret);
/* The handle must be in no multi any more. NULL is fine. */
void call_free(struct call *call);

int64_t call_id(const struct call *call);
CURL *call_handle(const struct call *call); /* its CURLINFO_PRIVATE is the call */

/* Judges the end of the transfer. The answer borrows from the call and holds no API key. Returns 0
 * or -ENOMEM. */
int call_finish(struct call *call, CURLcode result, int64_t now, struct call_answer *ret);
