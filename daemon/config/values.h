/* Parsers of values, one for each type; see value_parser in keys.h. Pure. */
#pragma once

#include "config/keys.h"

/* Fills @ret_why; for "return because(...)". Returns VALUE_INVALID. */
int because(struct why *ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a copy of @text, or NULL for an empty one, in the place of *field. Returns 0 or -ENOMEM. */
int replace_text(char **field, const char *text);

/* The field of @key in @object. */
static inline void *key_field(const struct config_key *key, void *object)
{
    return (char *)object + key->rule->offset;
}

#define VALUE_PARSER(name)                                                                         \
    int name(const struct config_key *key, const char *text, void *object, struct why *ret_why)

/* values.c: numbers and words, within the limits of the rule. */
VALUE_PARSER(value_duration);
VALUE_PARSER(value_size);
VALUE_PARSER(value_integer);
VALUE_PARSER(value_flag);      /* words[0] is false, words[1] true */
VALUE_PARSER(value_enum);      /* words in the order of the enum */
VALUE_PARSER(value_path);      /* absolute; at most rule->max bytes when that is not 0 */
VALUE_PARSER(value_directory); /* absolute */
VALUE_PARSER(value_group);
VALUE_PARSER(value_user);

/* program.c: how a hook's program is run; those of hooks take a struct hook_config. */
VALUE_PARSER(value_environment);
VALUE_PARSER(value_environment_file);

/* addresses.c */
VALUE_PARSER(value_listen);
VALUE_PARSER(value_proxies);
VALUE_PARSER(value_public_url);
VALUE_PARSER(value_api_url);
VALUE_PARSER(value_store_url);

/* lists.c; those of hooks take a struct hook_config. */
VALUE_PARSER(value_prices);
VALUE_PARSER(value_command);
VALUE_PARSER(value_events);
VALUE_PARSER(value_types);
VALUE_PARSER(value_backoff);
