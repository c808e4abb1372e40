/* A contact to enrich as a client submits it: checking it like Pronto does, and its forms. Pure.
 *
 * The content of a request is one JSON object with exactly the members firstname lastname domain
 * company_name linkedin_url phone_country_codes custom (absent ones left out); it is what the store
 * keeps and what the other forms are made from. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"
#include "common/json_number.h"
#include "model/words.h"

#define CONTACT_TEXT_MAX   1024    /* bytes of one text field */
#define CONTACT_CUSTOM_MAX 1048576 /* bytes of custom, serialised */

struct contact {
    enum enrichment_type type;
    struct json_object *content; /* owned */
    struct digest custom_digest; /* of canonical custom; absent, null and {} are the same */
};

void contact_done(struct contact *contact);

enum contact_verdict {
    CONTACT_OK = 0,
    CONTACT_INVALID = 1, /* *ret_detail names every wrong field and why */
};

/* What may stand in the body beside Pronto's own fields. */
enum contact_kind {
    CONTACT_SUBMIT, /* webhook_url and unknown fields are refused by name; required fields depend on
                       the type (pronto-api) */
    CONTACT_REGISTER, /* additionally enrichment_id (required, a non-empty string of at most
                       * ENRICHMENT_ID_MAX bytes); but for enrichment_type, Pronto's own fields are
                       * optional: whoever submitted it gave them to Pronto */
};

/* Null values count as absent; unknown fields are refused even then. @ret shares values with @body:
 * both belong to one thread.
 *
 * Checks one object of POST /v1/requests or /v1/requests/register. Returns CONTACT_OK with *ret
 * (for contact_done()), or CONTACT_INVALID with a sentence for the 422 answer (an allocation; names
 * fields, e.g. "firstname: required; domain or company_name: one of the two is required for
 * email"), or -ENOMEM. @ret_enrichment_id is set for CONTACT_REGISTER only (allocation), may be
 * NULL. */
int contact_check(struct json_object *body, enum contact_kind kind, struct contact *ret,
                  char **ret_enrichment_id, char **ret_detail);

/* Who is asked for, as one text: contacts of one type that differ in custom, in the case of ASCII
 * letters, or in blanks around their values only, have the same. *ret is an allocation. 0 or
 * -ENOMEM. */
int contact_person(const struct contact *contact, char **ret, size_t *ret_size);

/* Digest of a custom value for exact comparing: of its canonical text. NULL, JSON null and {} give
 * the same digest. 0 or -ENOMEM. */
int custom_digest(struct json_object *custom, struct digest *ret);
bool custom_is_absent(struct json_object *custom); /* NULL, null or {} */

/* A string as it is (may hold NUL), a number by its digits as written, "true" or "false". Not to be
 * copied: @text may point into it. */
struct custom_scalar {
    const char *text; /* lives as long as the value and this */
    size_t size;
    char digits[JSON_NUMBER_TEXT_SIZE];
};

/* False for other values: null, objects, arrays. */
bool custom_scalar_read(struct json_object *value, struct custom_scalar *ret);

/* Lookup key of custom.<key>=<value>: strings as they are, numbers by their digits as written,
 * "true" and "false"; other values have none. custom_index() calls @each for every such member of
 * @custom and returns its first value that is not 0, else 0. */
int64_t custom_index_key(const char *key, size_t key_size, const char *value, size_t value_size);
int custom_index(struct json_object *custom, int (*each)(int64_t index_key, void *userdata),
                 void *userdata);
/* True when member @key of @custom has that value in the sense above: settles hash collisions. */
bool custom_has(struct json_object *custom, const char *key, const char *value);
