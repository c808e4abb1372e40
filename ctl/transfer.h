/* One HTTP call of the query socket on a handle of libcurl: what the plain client and the pipeline
 * have in common. */
#pragma once

#include "ctl/client.h"

#include <curl/curl.h>

struct transfer {
    CURL *curl;         /* its user's */
    const char *socket; /* borrowed */
    struct curl_slist *headers;
    char *text; /* of the answer */
    size_t size;
};

/* Makes the handle ready. @path with its query encoded; @body is borrowed until transfer_done().
 * 0 or -ENOMEM. */
int transfer_prepare(struct transfer *transfer, const char *method, const char *path,
                     const char *body, size_t body_size, const char *idempotency_key);

/* What came of it: as client_call(). */
int transfer_answer(struct transfer *transfer, CURLcode code, struct answer *ret);

/* Frees what belongs to the call; the handle stays. */
void transfer_done(struct transfer *transfer);
