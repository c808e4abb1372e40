/* What a hook is given: the JSON document and the environment (the manual, "Hooks"). Pure. */
#pragma once

#include "common/json.h"
#include "model/words.h"

#include <stdint.h>

#define HOOK_ENV_NAME_MAX  256    /* bytes of one name: execve(2) bounds name and value together */
#define HOOK_ENV_VALUE_MAX 32768  /* bytes of one value */
#define HOOK_ENV_TOTAL_MAX 262144 /* bytes of all names and values */

struct document_facts {
    enum hook_event event;
    const char *hook;
    const char *delivery_id;
    int64_t attempt;             /* number of this attempt, from 1 */
    struct json_object *request; /* as the document shows it, or NULL (event unmatched); borrowed */
    struct json_object *result;  /* normal form, or NULL; borrowed */
    enum result_source source;
    int64_t received_at;      /* 0: none */
    struct json_object *raw;  /* the callback's body as parsed, or NULL; borrowed */
    struct json_object *dead; /* event dead: {"hook", "delivery_id", "event", "attempts", "error"},
                                 else NULL; borrowed */
};

/* The "request" member of the document from the stored content, whose values it shares. custom is
 * as it was submitted: {} when it was {}, null when there was none. 0 or -ENOMEM. */
int document_request(const char *id, const char *enrichment_id, enum enrichment_type type,
                     struct json_object *content, int64_t created_at, struct json_object **ret);

/* The document; one object, members in the manual's order, absent values null; "dead" only for
 * event dead; a member "error" in "request" only for event failed (Pronto's words, given in the
 * request object). 0 or -ENOMEM. */
int document_build(const struct document_facts *facts, struct json_object **ret);

/* Without a request the enrichment_id is that of @raw, and custom that of @result. Names of more
 * than HOOK_ENV_NAME_MAX bytes are left out like values that are too long. PRONTO_OMITTED is always
 * there, at most HOOK_ENV_VALUE_MAX bytes on top of the total.
 *
 * PRONTO_* variables as a JSON array of strings "NAME=value". Values over HOOK_ENV_VALUE_MAX, past
 * HOOK_ENV_TOTAL_MAX in all, or with a NUL are left out and named in PRONTO_OMITTED
 * (blank-separated). Absent values are empty strings. Scalars of custom: strings as they are,
 * numbers by their digits, true/false; null is no scalar. Keys upper-cased, other characters than
 * A-Z 0-9 become '_'; of two keys with one name the first counts. 0 or -ENOMEM. */
int document_environment(const struct document_facts *facts, struct json_object **ret);
