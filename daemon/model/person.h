/* A person by an identifier, for whoever is to be forgotten. Pure. */
#pragma once

#include "common/json.h"

#define PERSON_TEXT_MAX 1024 /* bytes of an identifier */

enum person_kind {
    PERSON_EMAIL, /* compared without case */
    PERSON_LINKEDIN, /* compared without scheme, case of the host, "www.", query and trailing slashes */
};

/* In the form that is compared. */
struct person {
    enum person_kind kind;
    char *text; /* owned */
    size_t size;
};
void person_done(struct person *person);

enum person_verdict {
    PERSON_OK = 0,
    PERSON_INVALID = 1, /* no e-mail address, or no URL with a host and a path */
};
/* PERSON_OK with *ret for person_done(), PERSON_INVALID, or -ENOMEM. */
int person_parse(enum person_kind kind, const char *text, struct person *ret);

/* Whether @text is the identifier in one of its spellings. */
bool person_equal(const struct person *person, const char *text);
/* Whether an e-mail of a result in normal form (model/result.h) is the person's. */
bool person_in_result(const struct person *person, struct json_object *result);
/* Whether a text, or any string in a tree, has the identifier as a word of its own, in any case of
 * its letters. */
bool person_in_text(const struct person *person, const char *text, size_t size);
bool person_in_json(const struct person *person, struct json_object *value);

/* Lookup key of a linkedin_url, beside those of custom members (model/contact.h) and never one of
 * them. person_index() calls @each for that of a request's content and returns what it returns; 0
 * when there is none. */
int64_t person_index_key(const struct person *person);
int person_index(struct json_object *content, int (*each)(int64_t index_key, void *userdata),
                 void *userdata);
