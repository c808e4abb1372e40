/* Pronto's results in all their spellings, and one normal form. Pure. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"
#include "model/words.h"

enum result_status {
    RESULT_FINAL,   /* finished, success, or no status at all */
    RESULT_INTERIM, /* pending, or a word that is not known */
};

/* Everything is looked for in the body, then in its member "contact". A member of the wrong type,
 * an empty string and, where a C string is made of it, one with NUL count as absent.
 *
 * What a callback (or the answer of GET /contacts/{id}) says. */
struct reading {
    enum result_status status;
    char *enrichment_id; /* enrichment_id, else id, else contact.enrichment_id, contact.id; NULL
                            when none or longer than ENRICHMENT_ID_MAX; owned */
    char *first_name,
        *last_name; /* NULL when absent; also firstname, lastname, and those of contact; owned */
    struct json_object *custom;  /* NULL when absent, null or {}; owned reference */
    struct digest custom_digest; /* see model/contact.h */
    struct json_object
        *result; /* normal form, owned: {"status": "finished", "email", "email_status",
                    "personal_email", "personal_email_status", "phones": [...], "custom"}; absent
                    values are null, phones []. "success" and an absent status become "finished";
                    phone/phones, bare string, array of strings or of objects with
                    number/phone/phone_number become an array of strings; unknown statuses pass
                    through */
    bool found;  /* any e-mail, personal e-mail or phone in it */
};

void reading_done(struct reading *reading);

/* Of the canonical form: tells whether two results differ. 0 or -ENOMEM. */
int result_digest(struct json_object *result, struct digest *ret);

/* Reads a callback body. Never refuses an object: what it cannot read is absent. @ret shares values
 * with @body: both belong to one thread. Returns 0 or -ENOMEM. */
int reading_parse(struct json_object *body, struct reading *ret);

/* The normal form of the result in the text of a body that was strict JSON when it came; an owned
 * reference. 0, -ENOMEM, or -EBADMSG when it is none any more. */
int result_read(const char *text, size_t size, struct json_object **ret);

/* Whether a result in normal form has any e-mail, personal e-mail or phone. */
bool result_is_found(struct json_object *result);

/* The identifier alone; also that of the answer to a submission. Borrowed from @body, or NULL. */
const char *reading_identifier(struct json_object *body);
