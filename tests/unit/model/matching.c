#include "model/matching.h"

#include "cases.h"

#define CANDIDATES_MAX 4

/* A candidate as a case writes it: r has a result, k its enrichment_id is known, e and equal, c
 * custom is equal, n names are.
 * "-" is one of which nothing is known and nothing equal. */
static struct candidate candidate(const char *facts)
{
    return (struct candidate){
        .has_result = strchr(facts, 'r') != NULL,
        .id_known = strchr(facts, 'k') != NULL,
        .id_equal = strchr(facts, 'e') != NULL,
        .custom_equal = strchr(facts, 'c') != NULL,
        .name_equal = strchr(facts, 'n') != NULL,
    };
}

struct match_case {
    const char *what;
    const char *candidates[CANDIDATES_MAX];
    bool batch, custom_absent;
    enum callback_state state;
    enum callback_reason reason;
    int index;
};

#define MATCHED(i)   CALLBACK_MATCHED, REASON_NONE, (i)
#define DUPLICATE(i) CALLBACK_DUPLICATE, REASON_NONE, (i)
#define NO_REQUEST   CALLBACK_UNMATCHED, REASON_NO_REQUEST, -1
#define NO_SUCH_NAME CALLBACK_UNMATCHED, REASON_NO_SUCH_NAME, -1
#define AMBIGUOUS    CALLBACK_UNMATCHED, REASON_AMBIGUOUS, -1
#define OTHER_ID     CALLBACK_MISMATCHED, REASON_ENRICHMENT_ID, -1
#define OTHER_CUSTOM CALLBACK_MISMATCHED, REASON_CUSTOM, -1
#define SINGLE       false
#define BATCH        true
#define GIVEN        false
#define ABSENT       true

static const struct match_case cases[] = {
    {"nobody asked", {0}, SINGLE, GIVEN, NO_REQUEST},
    {"nobody asked, batch, no custom", {0}, BATCH, ABSENT, NO_REQUEST},

    {"single, id and custom equal", {"kec"}, SINGLE, GIVEN, MATCHED(0)},
    {"single, both without custom", {"kec"}, SINGLE, ABSENT, MATCHED(0)},
    {"single, id not known yet", {"c"}, SINGLE, GIVEN, MATCHED(0)},
    {"single, one id known, another call unanswered", {"ec"}, SINGLE, GIVEN, MATCHED(0)},
    {"single, names do not matter", {"kecn"}, SINGLE, GIVEN, MATCHED(0)},
    {"single, other id", {"kc"}, SINGLE, GIVEN, OTHER_ID},
    {"single, other custom", {"ke"}, SINGLE, GIVEN, OTHER_CUSTOM},
    {"single, custom is missing in the callback", {"ke"}, SINGLE, ABSENT, OTHER_CUSTOM},
    {"single, custom is missing, names do not help", {"ken"}, SINGLE, ABSENT, OTHER_CUSTOM},
    {"single, other custom, names do not help", {"ken"}, SINGLE, GIVEN, OTHER_CUSTOM},
    {"single, other id and other custom: the id counts", {"k"}, SINGLE, GIVEN, OTHER_ID},
    {"single, id not known, other custom", {"-"}, SINGLE, GIVEN, OTHER_CUSTOM},
    {"single, has a result", {"rkec"}, SINGLE, GIVEN, DUPLICATE(0)},
    {"single, has a result, id not known", {"rc"}, SINGLE, GIVEN, DUPLICATE(0)},
    {"single, has a result, other id", {"rkc"}, SINGLE, GIVEN, OTHER_ID},
    {"single, has a result, other custom", {"rke"}, SINGLE, GIVEN, OTHER_CUSTOM},

    {"batch, custom tells", {"ke", "kec", "ke"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, custom tells, ids not known", {"-", "c"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, custom tells against names", {"kec", "ken"}, BATCH, GIVEN, MATCHED(0)},
    {"batch, custom tells of one with a result", {"ke", "rkec"}, BATCH, GIVEN, DUPLICATE(1)},
    {"batch, results of others do not matter", {"rke", "kec"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, no such custom", {"ke", "ke"}, BATCH, GIVEN, OTHER_CUSTOM},
    {"batch, no such custom, names do not help", {"ken", "ke"}, BATCH, GIVEN, OTHER_CUSTOM},
    {"batch, same custom, names tell", {"kec", "kecn", "kec"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, same custom, name of one with another",
     {"kec", "kec", "ken"},
     BATCH,
     GIVEN,
     NO_SUCH_NAME},
    {"batch, same custom, names tell among those only",
     {"kecn", "kec", "ken"},
     BATCH,
     GIVEN,
     MATCHED(0)},
    {"batch, same custom, no such name", {"kec", "kec"}, BATCH, GIVEN, NO_SUCH_NAME},
    {"batch, same custom, same names", {"kecn", "kecn"}, BATCH, GIVEN, AMBIGUOUS},
    {"batch, twins, one has a result", {"rkecn", "kecn"}, BATCH, GIVEN, AMBIGUOUS},
    {"batch, same custom, names tell of a result", {"rkecn", "kec"}, BATCH, GIVEN, DUPLICATE(0)},

    {"batch, no custom, names tell", {"ke", "ken"}, BATCH, ABSENT, MATCHED(1)},
    {"batch, no custom, names tell of a result", {"ke", "rken"}, BATCH, ABSENT, DUPLICATE(1)},
    {"batch, no custom, no such name", {"ke", "ke"}, BATCH, ABSENT, NO_SUCH_NAME},
    {"batch, no custom, same names", {"ken", "ken"}, BATCH, ABSENT, AMBIGUOUS},
    {"batch, no custom, like one that has none either", {"kec", "ken"}, BATCH, ABSENT, MATCHED(1)},
    {"batch, no custom, one has none, no name", {"kec", "ke"}, BATCH, ABSENT, NO_SUCH_NAME},
    {"batch, no custom, the others erased", {"ken"}, BATCH, ABSENT, MATCHED(0)},
    {"batch, no custom, the one meant erased", {"ke"}, BATCH, ABSENT, NO_SUCH_NAME},
    {"batch, custom of the last one", {"kec"}, BATCH, GIVEN, MATCHED(0)},
    {"batch, custom of one that was erased", {"ken"}, BATCH, GIVEN, OTHER_CUSTOM},

    {"batch, other id", {"kc", "kcn"}, BATCH, GIVEN, OTHER_ID},
    {"batch, other id, no custom", {"kc", "kcn"}, BATCH, ABSENT, OTHER_ID},
    {"batch, one with this id, custom", {"kc", "kec"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, one with this id, other custom", {"kc", "ke"}, BATCH, GIVEN, OTHER_CUSTOM},
    {"batch, one with this id, its name", {"kn", "ken"}, BATCH, ABSENT, MATCHED(1)},
    {"batch, one with this id, name of another", {"kn", "ke"}, BATCH, ABSENT, NO_SUCH_NAME},
    {"batch, twins, but one with another id", {"kcn", "kecn"}, BATCH, GIVEN, MATCHED(1)},
    {"batch, twins, one not known yet", {"cn", "kecn"}, BATCH, GIVEN, AMBIGUOUS},

    {"more than one are a batch", {"kec", "ke"}, SINGLE, GIVEN, MATCHED(0)},
    {"more than one are a batch, names", {"ke", "ken"}, SINGLE, ABSENT, MATCHED(1)},
    {"more than one are a batch, neither", {"kec", "kec"}, SINGLE, GIVEN, NO_SUCH_NAME},
};

static size_t read_candidates(const struct match_case *c, struct candidate ret[CANDIDATES_MAX])
{
    size_t n = 0;

    for (; n < CANDIDATES_MAX && c->candidates[n] != NULL; n++)
        ret[n] = candidate(c->candidates[n]);
    return n;
}

Test(matching, each_rule_and_each_pair_that_meets)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct match_case *c = &cases[i];
        struct candidate candidates[CANDIDATES_MAX];
        size_t n = read_candidates(c, candidates);
        struct match_verdict got = match_decide(candidates, n, c->batch, c->custom_absent, true);

        cr_expect_eq(got.state, c->state, "%s: state %s", c->what, callback_state_name(got.state));
        cr_expect_eq(got.reason, c->reason, "%s: reason %d", c->what, (int)got.reason);
        cr_expect_eq(got.index, c->index, "%s: index %d", c->what, got.index);
    }
}

Test(matching, what_is_not_final_is_interim)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct match_case *c = &cases[i];
        struct candidate candidates[CANDIDATES_MAX];
        size_t n = read_candidates(c, candidates);
        struct match_verdict got = match_decide(candidates, n, c->batch, c->custom_absent, false);

        cr_expect_eq(got.state, CALLBACK_INTERIM, "%s", c->what);
        cr_expect_eq(got.reason, REASON_NONE, "%s", c->what);
        cr_expect_eq(got.index, c->index, "%s: index %d", c->what, got.index);
    }
}

static struct candidate nth_candidate(unsigned facts)
{
    return (struct candidate){facts & 1, facts & 2, facts & 4, facts & 8, facts & 16};
}

/* What holds of every verdict, over all facts of one, two and three candidates. */
static void check_verdict(const struct candidate *candidates, size_t n, bool batch, bool absent)
{
    struct match_verdict verdict = match_decide(candidates, n, batch, absent, true);
    const struct candidate *chosen;
    bool belongs = verdict.state == CALLBACK_MATCHED || verdict.state == CALLBACK_DUPLICATE;

    cr_assert_eq(belongs, verdict.index >= 0);
    cr_assert_eq(belongs, verdict.reason == REASON_NONE);
    if (!belongs)
        return;
    cr_assert(verdict.index < (int)n);
    chosen = &candidates[verdict.index];
    cr_assert(chosen->id_equal || !chosen->id_known);
    cr_assert(chosen->custom_equal || (absent && chosen->name_equal));
    cr_assert_eq(verdict.state == CALLBACK_DUPLICATE, chosen->has_result);
    for (int i = 0; i < (int)n; i++) {
        const struct candidate *other = &candidates[i];

        if (i == verdict.index || (other->id_known && !other->id_equal))
            continue;
        cr_assert(!(other->name_equal && (absent || other->custom_equal)), "another fits as well");
    }
}

Test(matching, a_verdict_never_contradicts_the_facts)
{
    for (unsigned facts = 0; facts < 1U << 15; facts++) {
        const struct candidate candidates[] = {
            nth_candidate(facts & 31), nth_candidate(facts >> 5 & 31), nth_candidate(facts >> 10)};

        for (unsigned mode = 0; mode < 4; mode++)
            for (size_t n = 1; n <= ARRAY_SIZE(candidates); n++)
                check_verdict(candidates, n, mode & 1, mode & 2);
    }
}

Test(matching, the_order_of_candidates_does_not_matter)
{
    for (unsigned facts = 0; facts < 1U << 10; facts++) {
        const struct candidate ab[] = {nth_candidate(facts & 31), nth_candidate(facts >> 5)};
        const struct candidate ba[] = {ab[1], ab[0]};

        for (unsigned mode = 0; mode < 4; mode++) {
            struct match_verdict one = match_decide(ab, 2, mode & 1, mode & 2, true);
            struct match_verdict two = match_decide(ba, 2, mode & 1, mode & 2, true);

            cr_assert_eq(one.state, two.state);
            cr_assert_eq(one.reason, two.reason);
            cr_assert_eq(one.index, two.index < 0 ? -1 : 1 - two.index);
        }
    }
}

Test(matching, custom_is_compared_as_json, .init = init_crypto)
{
    static const struct {
        const char *request, *callback;
        int strict, lenient;
    } customs[] = {
        {NULL, NULL, 1, 1},
        {NULL, "{}", 1, 1},
        {"{}", NULL, 1, 1},
        {"{}", "null", 1, 1},
        {"{}", "{}", 1, 1},
        {NULL, "{\"a\":1}", 0, 0},
        {"{\"a\":1}", NULL, 0, 0},
        {"{\"a\":1}", "{}", 0, 0},
        {"{}", "[]", 0, 0},
        {"{}", "\"\"", 0, 0},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1, 1},
        {"{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2,\"b\":1}}", 1, 1},
        {"{\"a\":[1,2]}", "{\"a\":[2,1]}", 0, 0},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", 0, 0},
        {"{\"a\":1}", "{\"a\":2}", 0, 0},
        {"{\"a\":1}", "{\"A\":1}", 0, 0},
        {"{\"a\":1.50}", "{\"a\":15e-1}", 1, 1},
        {"{\"a\":1}", "{\"a\":1.0}", 1, 1},
        {"{\"a\":0}", "{\"a\":-0}", 1, 1},
        {"{\"a\":9007199254740993}", "{\"a\":9007199254740992}", 0, 0},
        {"{\"a\":123456789012345678901234567890}", "{\"a\":123456789012345678901234567891}", 0, 0},
        {"{\"a\":123456789012345678901234567890}", "{\"a\":12345678901234567890123456789e1}", 1, 1},
        {"{\"a\":1}", "{\"a\":\"1\"}", 0, 1},
        {"{\"a\":\"4447901\"}", "{\"a\":4447901}", 0, 1},
        {"{\"a\":[{\"b\":\"1\"}]}", "{\"a\":[{\"b\":1}]}", 0, 1},
        {"{\"a\":\"01\"}", "{\"a\":1}", 0, 0},
        {"{\"a\":\" 1\"}", "{\"a\":1}", 0, 0},
        {"{\"a\":true}", "{\"a\":\"true\"}", 0, 0},
        {"{\"a\":true}", "{\"a\":1}", 0, 0},
        {"{\"a\":null}", "{\"a\":\"\"}", 0, 0},
        {"{\"a\":\"x\\u0000y\"}", "{\"a\":\"x\"}", 0, 0},
        {"{\"a\":\"x\\u0000y\"}", "{\"a\":\"x\\u0000y\"}", 1, 1},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}", 1, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(customs); i++) {
        cleanup_json struct json_object *request = tree(customs[i].request);
        struct reading reading = {.custom = tree(customs[i].callback)};

        cr_expect_eq(match_custom_equal(request, &reading, false), customs[i].strict,
                     "%s, %s: strict", customs[i].request, customs[i].callback);
        cr_expect_eq(match_custom_equal(request, &reading, true), customs[i].lenient,
                     "%s, %s: lenient", customs[i].request, customs[i].callback);
        reading_done(&reading);
    }
}

Test(matching, names_are_equal_exactly)
{
    static const struct {
        const char *content, *first, *last;
        bool equal;
    } names[] = {
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", "Ada", "Lovelace", true},
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", "Ada", "lovelace", false},
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", "Ada ", "Lovelace", false},
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", "Lovelace", "Ada", false},
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", "Ada", NULL, false},
        {"{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}", NULL, "Lovelace", false},
        {"{\"firstname\":\"Ada\"}", "Ada", NULL, false},
        {"{}", NULL, NULL, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_json struct json_object *content = tree(names[i].content);
        struct reading reading = {.first_name = (char *)names[i].first,
                                  .last_name = (char *)names[i].last};

        cr_expect_eq(match_name_equal(content, &reading), names[i].equal, "case %zu", i);
    }
}
