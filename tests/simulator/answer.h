/* What a call is answered, and in which manner. */
#pragma once

#include "simulator/behaviour.h"

#include "common/json.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a huge answer. */
#define ANSWER_HUGE_BYTES ((uint64_t)100 * 1000 * 1000)

enum answer_manner {
    ANSWER_WHOLE,
    ANSWER_DRIP,         /* one byte, then a wait */
    ANSWER_HANG,         /* never */
    ANSWER_HANG_BODY,    /* headers, then nothing */
    ANSWER_CLOSE,        /* the connection is closed instead */
    ANSWER_HUGE,         /* ANSWER_HUGE_BYTES with a Content-Length */
    ANSWER_HUGE_CHUNKED, /* the same without one */
};

struct answer {
    enum answer_manner manner;
    unsigned status; /* 0: not made yet */
    char *body;
    size_t size;
    const char *content_type; /* static text */
    const char *allow;        /* static text or NULL */
    char location[REDIRECT_SIZE];
    char retry_after[RETRY_AFTER_SIZE];
    int64_t drip_ms;
};

void answer_release(struct answer *answer);

/* Replaces the status and the body, by a JSON tree, which stays the caller's, or by a copy of a
 * text. Returns 0 or -ENOMEM. */
int answer_json(struct answer *answer, unsigned status, struct json_object *body);
int answer_text(struct answer *answer, unsigned status, const char *content_type, const char *text);

/* {"error": text}. Returns 0 or -ENOMEM. */
int answer_error(struct answer *answer, unsigned status, const char *text);

/* An error with one or more texts in the form that the behaviours ask for, followed by @key unless
 * it is NULL. Returns 0 or -ENOMEM. */
int answer_refusal(struct answer *answer, unsigned status, enum error_form form,
                   struct json_object *texts, const char *key);
int answer_refusal_text(struct answer *answer, unsigned status, enum error_form form,
                        const char *text, const char *key);
