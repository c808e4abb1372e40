/* A contact to enrich as a client submits it: checking it like Pronto does, and its forms. Pure.
 *
 * The content of a request is one JSON object with exactly the members firstname lastname domain company_name linkedin_url
 * phone_country_codes custom (absent ones left out); it is what the store keeps and what the other forms are made from. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"
#include "model/words.h"

#define CONTACT_TEXT_MAX   1024        /* bytes of one text field */
#define CONTACT_CUSTOM_MAX (256 * 1024) /* bytes of custom, serialised */

struct contact {
    enum enrichment_type type;
    struct json_object *content;  /* owned */
    struct digest custom_digest;  /* of canonical custom; absent, null and {} are the same */
};

void contact_done(struct contact *contact);

enum contact_verdict {
    CONTACT_OK = 0,
    CONTACT_INVALID = 1, /* *ret_detail names every wrong field and why */
};

/* What may stand in the body beside Pronto's own fields. */
enum contact_kind {
    CONTACT_SUBMIT,   /* webhook_url and unknown fields are refused by name; required fields depend on the type (pronto-api) */
    CONTACT_REGISTER, /* additionally enrichment_id (required, a non-empty string of at most 128 bytes); names are optional */
};

/* Checks one object of POST /v1/requests or /v1/requests/register. Returns CONTACT_OK with *ret (for contact_done()), or
 * CONTACT_INVALID with a sentence for the 422 answer (an allocation; names fields, e.g. "firstname: required; domain or company_name:
 * one of the two is required for email"), or -ENOMEM. @ret_enrichment_id is set for CONTACT_REGISTER only (allocation), may be NULL. */
int contact_check(struct json_object *body, enum contact_kind kind, struct contact *ret, char **ret_enrichment_id,
                  char **ret_detail);

/* Digest of a custom value for exact comparing: of its canonical text. NULL, JSON null and {} give the same digest. 0 or -ENOMEM. */
int custom_digest(struct json_object *custom, struct digest *ret);
bool custom_is_absent(struct json_object *custom); /* NULL, null or {} */

/* Lookup key of custom.<key>=<value>: strings as they are, numbers by their digits as written, "true" and "false"; other values have
 * none. custom_index() calls @each for every such member of @custom. */
int64_t custom_index_key(const char *key, size_t key_size, const char *value, size_t value_size);
int custom_index(struct json_object *custom, int (*each)(int64_t index_key, void *userdata), void *userdata);
/* True when member @key of @custom has that value in the sense above: settles hash collisions. */
bool custom_has(struct json_object *custom, const char *key, const char *value);
