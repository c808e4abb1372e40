/* To which request does a callback belong? The rules of the manual, section "Matching", as one pure
 * decision over facts that the store collects. */
#pragma once

#include "common/json.h"
#include "model/result.h"
#include "model/words.h"

/* One request that the token (or, with a shared secret, the enrichment_id) leads to. */
struct candidate {
    bool has_result;
    bool id_known; /* an enrichment_id of its submission is known, and no call of it went unanswered
                    */
    bool id_equal; /* the callback's is among those known (false when the callback has none) */
    bool custom_equal; /* as JSON, strictly or leniently; both absent is equal */
    bool name_equal;   /* first and last name, exactly; false when the callback lacks one */
};

struct match_verdict {
    enum callback_state state;
    enum callback_reason reason;
    int index; /* of the candidate it belongs to (matched, duplicate, and interim when exactly one
                  is meant), else -1 */
};

/* @batch: the submission has (or had) more than one contact, or the enrichment_id leads to more
 * than one request.
 * @custom_absent: the callback has no custom. @final: see enum result_status. */
struct match_verdict match_decide(const struct candidate *candidates, size_t n, bool batch,
                                  bool custom_absent, bool final);

/* Facts for one candidate from the request's stored content and the callback's reading. 0/1, or
 * -ENOMEM. */
int match_custom_equal(struct json_object *request_custom, const struct reading *reading,
                       bool lenient);
bool match_name_equal(struct json_object *content, const struct reading *reading);
