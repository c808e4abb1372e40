/* The decision narrows the candidates down in the order of the manual: enrichment_id, custom,
 * names. Each step either leaves some, or says why none is left. A candidate set is a bit in an
 * array of its own, never a copy. */
#include "model/matching.h"

#include "model/contact.h"

#include <string.h>

/* How far a candidate got. */
enum step {
    STEP_ID = 1,     /* its enrichment_id is the callback's, or may be */
    STEP_CUSTOM = 2, /* and so is its custom */
    STEP_NAME = 4,   /* its names are the callback's */
};

static unsigned steps_of(const struct candidate *candidate)
{
    return (candidate->id_equal || !candidate->id_known ? STEP_ID : 0U) |
           (candidate->custom_equal ? STEP_CUSTOM : 0U) | (candidate->name_equal ? STEP_NAME : 0U);
}

struct survivors {
    size_t n;
    int index; /* of the last one, or -1 */
};

/* Those that took all of @steps. */
static struct survivors count(const struct candidate *candidates, size_t n, unsigned steps)
{
    struct survivors survivors = {.index = -1};

    for (size_t i = 0; i < n; i++) {
        if ((steps_of(&candidates[i]) & steps) != steps)
            continue;
        survivors.n++;
        survivors.index = (int)i;
    }
    return survivors;
}

static struct match_verdict none(enum callback_state state, enum callback_reason reason)
{
    return (struct match_verdict){.state = state, .reason = reason, .index = -1};
}

static struct match_verdict one(const struct candidate *candidates, int index)
{
    return (struct match_verdict){
        .state = candidates[index].has_result ? CALLBACK_DUPLICATE : CALLBACK_MATCHED,
        .reason = REASON_NONE,
        .index = index,
    };
}

static struct match_verdict by_name(const struct candidate *candidates, size_t n, unsigned steps)
{
    struct survivors named = count(candidates, n, steps | STEP_NAME);

    if (named.n == 0)
        return none(CALLBACK_UNMATCHED, REASON_NO_SUCH_NAME);
    if (named.n > 1)
        return none(CALLBACK_UNMATCHED, REASON_AMBIGUOUS);
    return one(candidates, named.index);
}

static struct match_verdict decide(const struct candidate *candidates, size_t n, bool batch,
                                   bool custom_absent)
{
    struct survivors left;

    if (n == 0)
        return none(CALLBACK_UNMATCHED, REASON_NO_REQUEST);
    if (count(candidates, n, STEP_ID).n == 0)
        return none(CALLBACK_MISMATCHED, REASON_ENRICHMENT_ID);
    /* Of a batch whose other contacts were erased one candidate is left: without custom only the
     * names tell whether the callback is about that one or about somebody who is to be forgotten.
     */
    if (batch && custom_absent)
        return by_name(candidates, n, STEP_ID);
    left = count(candidates, n, STEP_ID | STEP_CUSTOM);
    if (left.n == 0)
        return none(CALLBACK_MISMATCHED, REASON_CUSTOM);
    if (left.n > 1)
        return by_name(candidates, n, STEP_ID | STEP_CUSTOM);
    return one(candidates, left.index);
}

struct match_verdict match_decide(const struct candidate *candidates, size_t n, bool batch,
                                  bool custom_absent, bool final)
{
    struct match_verdict verdict = decide(candidates, n, batch || n > 1, custom_absent);

    if (!final) {
        verdict.state = CALLBACK_INTERIM;
        verdict.reason = REASON_NONE;
    }
    return verdict;
}

int match_custom_equal(struct json_object *request_custom, const struct reading *reading,
                       bool lenient)
{
    bool absent = custom_is_absent(request_custom);

    if (absent || custom_is_absent(reading->custom))
        return absent && custom_is_absent(reading->custom);
    return json_equal(request_custom, reading->custom, lenient);
}

static bool text_equal(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool match_name_equal(struct json_object *content, const struct reading *reading)
{
    return text_equal(json_get_string(content, "firstname"), reading->first_name) &&
           text_equal(json_get_string(content, "lastname"), reading->last_name);
}
