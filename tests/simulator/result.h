/* What the simulator "finds": invented e-mail addresses at example.com, example.org and example.net
 * (RFC 2606), and telephone numbers from ranges that are kept for fiction. The same seed and
 * contact give the same result. */
#pragma once

#include "simulator/behaviour.h"
#include "simulator/job.h"

/* Whether there is data about a contact. */
bool result_found(uint64_t seed, const struct job_contact *contact, double empty_share);

/* What a result should say; @altered: other data than the true result has. */
struct result_form {
    uint64_t seed;
    int64_t spelling; /* bits of enum spelling */
    const char *status;
    const char *id;
    bool with_data;
    bool altered;
};

/* The body of a callback and of GET /contacts/{id}, without custom. Returns 0 or -ENOMEM. */
int result_to_json(const struct job_contact *contact, const struct result_form *form,
                   struct json_object **ret);

/* Adds an enrichment_id in the spelling asked for. Returns 0 or -ENOMEM. */
int result_add_id(struct json_object *object, int64_t spelling, const char *id);
