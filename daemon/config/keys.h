/* The table of keys: what each is called, how its text is read, and where its value goes. Of this
 * room only. */
#pragma once

#include "config/config.h"

/* More than the table has, so that the origins of its keys are one array. */
#define KEYS_MAX 64

/* What is wrong with a value, to follow "KEY: ". */
struct why {
    char text[256];
};

enum value_result {
    VALUE_OK = 0,
    VALUE_INVALID = 1, /* *ret_why is filled */
};

/* Reads @text into the field of @key in @object, which is a struct config or, for the section
 * "hook", a struct hook_config, and frees what was there. Nothing changes unless it returns
 * VALUE_OK. Returns VALUE_OK, VALUE_INVALID, or -ENOMEM. */
typedef int (*value_parser)(const struct config_key *key, const char *text, void *object,
                            struct why *ret_why);

struct key_rule {
    value_parser parse;
    size_t offset;            /* of the field in its object */
    int64_t min, max;         /* of a duration in ms, a size in bytes, an integer */
    bool zero;                /* 0 is allowed although it is below min */
    bool may_be_empty;        /* empty is a value of its own; else it means the default */
    const char *const *words; /* NULL-terminated, in the order of the values 0, 1, ... */
};

/* The key, or NULL. */
const struct config_key *key_find(const char *section, const char *name);

/* Some key of that name in any section, or NULL: for a better message. */
const struct config_key *key_find_anywhere(const char *name);

/* Whether any key has that section. */
bool key_section_exists(const char *section);

/* Its place in the table, below KEYS_MAX. */
size_t key_index(const struct config_key *key);

/* Reads @text as the value of @key, as value_parser does; an empty text is the default. */
int key_set(const struct config_key *key, const char *text, void *object, struct why *ret_why);

/* Gives each field of @object its default; @hook: of a hook, else of a struct config. Returns 0 or
 * -ENOMEM. */
int key_set_defaults(void *object, bool hook);
