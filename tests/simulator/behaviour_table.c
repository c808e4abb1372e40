#include "simulator/behaviour.h"

static const char *const body_words[] = {"normal",   "garbage", "array", "truncated",
                                         "huge",     "html",    "empty", "deep",
                                         "not_utf8", "nul_key", NULL};
static const char *const error_words[] = {"error", "message", "errors", "html", NULL};
static const char *const hang_words[] = {"false", "true", "headers", NULL};
static const char *const huge_words[] = {"false", "true", "chunked", NULL};
static const char *const spelling_words[] = {
    "phone_array", "phones", "phone_string", "phone_objects", "phone_status",         "id",
    "contact_id",  "no_id",  "success",      "no_status",     "linkedin_profile_url", "nulls",
    "no_names",    NULL};

#define FIELD(name) offsetof(struct behaviours, name)

#define BOOL(key, field, normal)                                                                   \
    {                                                                                              \
        key, BEHAVIOUR_BOOL, FIELD(field), normal, 0, 1, NULL                                      \
    }
#define SHARE(key, field, normal)                                                                  \
    {                                                                                              \
        key, BEHAVIOUR_SHARE, FIELD(field), normal, 0, 1, NULL                                     \
    }
#define DURATION(key, field, normal)                                                               \
    {                                                                                              \
        key, BEHAVIOUR_DURATION, FIELD(field), normal, 0, 0, NULL                                  \
    }
#define RANGE(key, field, normal)                                                                  \
    {                                                                                              \
        key, BEHAVIOUR_RANGE, FIELD(field), normal, 0, 0, NULL                                     \
    }
#define STATUS(key, field, normal)                                                                 \
    {                                                                                              \
        key, BEHAVIOUR_STATUS, FIELD(field), normal, 200, 599, NULL                                \
    }
#define INTEGER(key, field, normal, min, max)                                                      \
    {                                                                                              \
        key, BEHAVIOUR_INTEGER, FIELD(field), normal, min, max, NULL                               \
    }
#define SIZE(key, field, normal, max)                                                              \
    {                                                                                              \
        key, BEHAVIOUR_SIZE, FIELD(field), normal, 0, max, NULL                                    \
    }
#define WORD(key, field, normal, words)                                                            \
    {                                                                                              \
        key, BEHAVIOUR_WORD, FIELD(field), normal, 0, 0, words                                     \
    }
#define SET(key, field, normal, words)                                                             \
    {                                                                                              \
        key, BEHAVIOUR_SET, FIELD(field), normal, 0, 0, words                                      \
    }
#define TEXT(key, field, normal, size)                                                             \
    {                                                                                              \
        key, BEHAVIOUR_TEXT, FIELD(field), normal, 0, size, NULL                                   \
    }

/* The status has a prefix in each group; the other keys have none for submitting. */
#define FAULTS(status_prefix, prefix, group)                                                       \
    STATUS(status_prefix "status", faults[group].status, "0"),                                     \
        INTEGER(status_prefix "status_count", faults[group].status_count, "0", 0, INT32_MAX),      \
        SHARE(status_prefix "status_share", faults[group].status_share, "1"),                      \
        TEXT(prefix "retry_after", faults[group].retry_after, "", RETRY_AFTER_SIZE),               \
        BOOL(prefix "garbage_answer", faults[group].garbage, "false"),                             \
        TEXT(prefix "redirect", faults[group].redirect, "", REDIRECT_SIZE),                        \
        WORD(prefix "hang", faults[group].hang, "false", hang_words),                              \
        DURATION(prefix "drip", faults[group].drip_ms, "0"),                                       \
        BOOL(prefix "close", faults[group].close, "false"),                                        \
        WORD(prefix "huge_answer", faults[group].huge, "false", huge_words),                       \
        INTEGER(prefix "fault_count", faults[group].count, "0", 0, INT32_MAX),                     \
        SHARE(prefix "fault_share", faults[group].share, "1"),                                     \
        RANGE(prefix "answer_delay", faults[group].answer_delay, "0")

const struct behaviour_row behaviour_rows[] = {
    /* when and how often it calls back */
    RANGE("delay", delay, "1s"),
    DURATION("reorder", reorder_ms, "0"),
    SHARE("lose", lose, "0"),
    INTEGER("repeat", repeat, "0", 0, 100),
    SHARE("repeat_share", repeat_share, "1"),
    RANGE("repeat_delay", repeat_delay, "0"),
    SHARE("early", early, "0"),
    SHARE("interim", interim, "0"),
    INTEGER("retry", retry, "0", 0, 1000),
    RANGE("retry_delay", retry_delay, "1s"),
    DURATION("callback_timeout", callback_timeout_ms, "10s"),
    INTEGER("callback_concurrency", callback_concurrency, "16", 1, 256),

    /* what a callback says */
    SHARE("corrupt_custom", corrupt_custom, "0"),
    SHARE("corrupt_enrichment_id", corrupt_enrichment_id, "0"),
    SHARE("corrupt_result", corrupt_result, "0"),
    BOOL("omit_custom", omit_custom, "false"),
    BOOL("custom_as_string", custom_as_string, "false"),
    WORD("body", body, "normal", body_words),
    SIZE("body_size", body_size, "0", (int64_t)64 * 1024 * 1024),
    BOOL("chunked", chunked, "false"),
    TEXT("content_type", content_type, "application/json", WORD_SIZE),

    /* what callbacks and polls say */
    SET("spelling", spelling, "phone_array", spelling_words),
    TEXT("final_status", final_status, "finished", WORD_SIZE),
    SHARE("empty_share", empty_share, "0"),
    BOOL("wrong_id", wrong_id, "false"),
    BOOL("poll_pending", poll_pending, "false"),

    /* the account and its limits */
    INTEGER("success_status", success_status, "202", 200, 299),
    WORD("error_form", error_form, "error", error_words),
    BOOL("echo_key_in_error", echo_key_in_error, "false"),
    BOOL("consent", consent, "true"),
    TEXT("refuse_name", refuse_name, "", WORD_SIZE),
    BOOL("out_of_credits", out_of_credits, "false"),
    BOOL("plan_limit", plan_limit, "false"),
    INTEGER("rate_limit", rate_limit, "0", 0, 10000),
    INTEGER("concurrency_limit", concurrency_limit, "0", 0, 10000),
    INTEGER("credits", credits, "100000000", 0, INT32_MAX),
    INTEGER("price_email", price_email, "3", 0, 10000),
    INTEGER("price_phone", price_phone, "30", 0, 10000),
    INTEGER("price_personal_email", price_personal_email, "3", 0, 10000),

    /* what goes wrong with its answers */
    BOOL("accept_anyway", accept_anyway, "false"),
    FAULTS("submit_", "", GROUP_SUBMIT),
    FAULTS("poll_", "poll_", GROUP_POLL),
    FAULTS("account_", "account_", GROUP_ACCOUNT),
};

const size_t n_behaviour_rows = ARRAY_SIZE(behaviour_rows);
