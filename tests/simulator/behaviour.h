/* How the simulator behaves: one plain struct that can be copied, and a table of its keys
 * (behaviour_table.c), by which the command line and POST /_sim/behaviour set them. */
#pragma once

#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    int64_t min_ms;
    int64_t max_ms;
};

enum body_form {
    BODY_NORMAL,
    BODY_GARBAGE,
    BODY_ARRAY,
    BODY_TRUNCATED,
    BODY_HUGE,
    BODY_HTML,
    BODY_EMPTY,
    BODY_DEEP,
    BODY_NOT_UTF8,
    BODY_NUL_KEY,
};

enum error_form {
    ERROR_IN_ERROR,
    ERROR_IN_MESSAGE,
    ERROR_IN_ERRORS,
    ERROR_IN_HTML,
};

enum hang_form {
    HANG_NOT,
    HANG_BEFORE_HEADERS,
    HANG_AFTER_HEADERS,
};

enum huge_form {
    HUGE_NOT,
    HUGE_LENGTH,
    HUGE_CHUNKED,
};

/* Other spellings of the same answer, as they were seen (bits; several may be combined). */
enum spelling {
    SPELL_PHONE_ARRAY = 1 << 0, /* the documented one */
    SPELL_PHONES = 1 << 1,
    SPELL_PHONE_STRING = 1 << 2,
    SPELL_PHONE_OBJECTS = 1 << 3,
    SPELL_PHONE_STATUS = 1 << 4,
    SPELL_ID = 1 << 5,
    SPELL_CONTACT_ID = 1 << 6,
    SPELL_NO_ID = 1 << 7,
    SPELL_SUCCESS = 1 << 8,
    SPELL_NO_STATUS = 1 << 9,
    SPELL_LINKEDIN_PROFILE_URL = 1 << 10,
    SPELL_NULLS = 1 << 11,
    SPELL_NO_NAMES = 1 << 12,
};

enum group {
    GROUP_SUBMIT,
    GROUP_POLL,
    GROUP_ACCOUNT, /* GET /credits and GET /account */
    GROUP_COUNT,
};

#define RETRY_AFTER_SIZE 64
#define REDIRECT_SIZE    512
#define WORD_SIZE        128

/* What goes wrong with the answers of one group of endpoints. */
struct fault_rules {
    int64_t status; /* 0: none */
    int64_t status_count;
    double status_share;
    char retry_after[RETRY_AFTER_SIZE];
    bool garbage;
    char redirect[REDIRECT_SIZE];
    int hang; /* enum hang_form */
    int64_t drip_ms;
    bool close;
    int huge; /* enum huge_form */
    int64_t count;
    double share;
    struct range answer_delay;
};

struct behaviours {
    struct range delay;
    int64_t reorder_ms;
    double lose;
    int64_t repeat;
    double repeat_share;
    struct range repeat_delay;
    double early;
    double interim;
    int64_t retry;
    struct range retry_delay;
    int64_t callback_timeout_ms;
    int64_t callback_concurrency;

    double corrupt_custom;
    double corrupt_enrichment_id;
    double corrupt_result;
    bool omit_custom;
    bool custom_as_string;
    int body; /* enum body_form */
    int64_t body_size;
    bool chunked;
    char content_type[WORD_SIZE];
    int64_t spelling; /* bits of enum spelling */
    char final_status[WORD_SIZE];
    double empty_share;

    int64_t success_status;
    int error_form; /* enum error_form */
    bool consent;
    char refuse_name[WORD_SIZE];
    bool out_of_credits;
    bool plan_limit;
    bool echo_key_in_error;
    bool accept_anyway;
    bool wrong_id;
    bool poll_pending;
    int64_t rate_limit;
    int64_t concurrency_limit;
    int64_t credits;
    int64_t price_email;
    int64_t price_phone;
    int64_t price_personal_email;

    struct fault_rules faults[GROUP_COUNT];
};

enum behaviour_kind {
    BEHAVIOUR_BOOL,
    BEHAVIOUR_SHARE,
    BEHAVIOUR_INTEGER,
    BEHAVIOUR_SIZE,
    BEHAVIOUR_DURATION,
    BEHAVIOUR_RANGE,
    BEHAVIOUR_WORD, /* an int: the index into words */
    BEHAVIOUR_SET,  /* an int64_t: a bit for each of the words, separated by commas */
    BEHAVIOUR_TEXT, /* a char array of max bytes */
    BEHAVIOUR_STATUS,
};

struct behaviour_row {
    const char *key;
    enum behaviour_kind kind;
    size_t offset;
    const char *normal; /* the default, as text */
    int64_t min, max;
    const char *const *words; /* NULL-terminated */
};

extern const struct behaviour_row behaviour_rows[];
extern const size_t n_behaviour_rows;

enum behaviour_result {
    BEHAVIOUR_OK = 0,
    BEHAVIOUR_UNKNOWN_KEY,
    BEHAVIOUR_BAD_VALUE,
};

/* Everything as documented, nothing goes wrong. */
void behaviours_init(struct behaviours *ret);

/* Sets one key from text. Returns a value of enum behaviour_result; nothing is changed unless it is
 * BEHAVIOUR_OK. */
int behaviours_set(struct behaviours *behaviours, const char *key, const char *value);

/* Sets a key from a JSON value: a number or boolean is taken as its text, an array of words as a
 * set, null as the default. Returns as behaviours_set(), or -ENOMEM. */
int behaviours_set_json(struct behaviours *behaviours, const char *key, struct json_object *value);

/* All keys with their values, in the forms that behaviours_set_json() takes. Returns 0 or -ENOMEM.
 */
int behaviours_to_json(const struct behaviours *behaviours, struct json_object **ret);

/* The group of endpoints whose faults @key describes, or GROUP_COUNT. */
enum group behaviour_group(const char *key);
