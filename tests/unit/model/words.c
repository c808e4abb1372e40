#include "model/words.h"

#include "cases.h"

#define EXPECT_NAMES(prefix, ...)                                                                  \
    do {                                                                                           \
        const char *const names_[] = {__VA_ARGS__};                                                \
        for (size_t i_ = 0; i_ < ARRAY_SIZE(names_); i_++) {                                       \
            expect_text(prefix##_name((int)i_), names_[i_], #prefix);                              \
            cr_expect_eq((int)prefix##_from_name(names_[i_]), (int)i_);                            \
        }                                                                                          \
        cr_expect_null(prefix##_name((int)ARRAY_SIZE(names_)));                                    \
        cr_expect_null(prefix##_name(-1));                                                         \
        cr_expect_eq((int)prefix##_from_name("no such"), -1);                                      \
        cr_expect_eq((int)prefix##_from_name(""), -1);                                             \
        cr_expect_eq((int)prefix##_from_name(NULL), -1);                                           \
    } while (0)

/* The numbers are stored: the order here is that of the database for ever. */
Test(words, have_their_names_and_numbers)
{
    EXPECT_NAMES(enrichment_type, "email", "phone", "personal_email");
    EXPECT_NAMES(request_state, "queued", "pending", "finished", "failed", "expired");
    EXPECT_NAMES(callback_state, "matched", "duplicate", "unmatched", "mismatched", "interim",
                 "rejected");
    EXPECT_NAMES(delivery_state, "queued", "running", "retrying", "succeeded", "dead");
    EXPECT_NAMES(hook_event, "finished", "failed", "expired", "unmatched", "dead");
}

Test(words, without_a_way_back)
{
    static const char *const reasons[REASON_MAX_] = {
        NULL,        "not_json",     "not_object",    "too_deep", "not_utf8", "no_request",
        "ambiguous", "no_such_name", "enrichment_id", "custom",   "by_hand",
    };
    static const char *const sources[SOURCE_MAX_] = {NULL, "callback", "poll", "fetch", "reuse"};

    for (int i = 0; i < REASON_MAX_; i++)
        expect_text(callback_reason_name((enum callback_reason)i), reasons[i], "reason");
    for (int i = 0; i < SOURCE_MAX_; i++)
        expect_text(result_source_name((enum result_source)i), sources[i], "source");
}
