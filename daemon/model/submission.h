/* The call to Pronto that a submission makes, and what its answer means. Pure. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"
#include "model/words.h"

/* The body of single_enrich (n == 1 and !bulk) or bulk_enrich: contents are those of struct
 * contact, all of one type. The webhook_url is @public_url + "/callback/" + token. For a batch
 * phone_country_codes is that of the first contact. Returns 0 or -ENOMEM. */
int submission_body(enum enrichment_type type, struct json_object *const *contents, size_t n,
                    bool bulk, const char *public_url, const struct token *token,
                    struct json_object **ret);

/* What came back of one call, as egress reports it. */
enum call_fate {
    CALL_ANSWERED = 0,   /* an HTTP status and at most 1 MiB of body */
    CALL_NOT_SENT = 1,   /* Pronto cannot have read the request: no connection, no TLS, no name */
    CALL_MAYBE_SENT = 2, /* the request may have been read: time-out, reset or unreadable answer
                            after it was sent; prontod's crash */
    CALL_NO_KEY = 3,     /* egress has no API key */
};

struct call_answer {
    enum call_fate fate;
    int status;             /* HTTP, when answered */
    int64_t retry_after_ms; /* -1: not said */
    const char *body;       /* when answered; may hold anything */
    size_t body_size;
    const char *error; /* when not answered: what happened, without secrets */
};

enum submission_outcome {
    SUBMISSION_ACCEPTED = 0, /* pending, with an enrichment_id */
    SUBMISSION_REFUSED,      /* for good: failed, with Pronto's words */
    SUBMISSION_AGAIN,        /* later: 429, 5xx, garbage, not sent */
    SUBMISSION_MAYBE, /* Pronto may have it: wait for its callback before sending again, since that
                         spends credits again */
    SUBMISSION_AUTH,  /* 401, 403: the key; pauses the client, costs the request nothing */
    SUBMISSION_CREDITS, /* out of credits or plan limit; likewise */
};

struct submission_verdict {
    enum submission_outcome outcome;
    char *enrichment_id; /* when accepted; owned */
    char *error; /* else: a sentence to store and show, with keys and tokens masked, at most 1 KiB,
                    one line; owned */
    int64_t retry_after_ms; /* -1: not said */
};

void submission_verdict_done(struct submission_verdict *verdict);

/* Judges the answer to a submit call: the table at the head of the source. An identifier is what
 * reading_identifier() finds. @secrets (NULL-terminated, may be NULL) are replaced by "***" in
 * error texts. Returns 0 or -ENOMEM. */
int submission_judge(const struct call_answer *answer, const char *const *secrets,
                     struct submission_verdict *ret);
