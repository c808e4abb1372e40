#include "config/values.h"

#include "common/parse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int because(struct why *ret_why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(ret_why->text, sizeof ret_why->text, format, args);
    va_end(args);
    return VALUE_INVALID;
}

int replace_text(char **field, const char *text)
{
    char *copy = NULL;
    if (*text) {
        copy = strdup(text);
        if (!copy)
            return -ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

static bool in_range(const struct key_rule *rule, int64_t value)
{
    return (value >= rule->min && value <= rule->max) || (rule->zero && value == 0);
}

/* Stores what a parser of common/parse.h returned, or says what would have been right. */
static int store_number(const struct config_key *key, int result, int64_t value, void *object,
                        const char *min, const char *max, struct why *ret_why)
{
    const struct key_rule *rule = key->rule;
    if (result < 0 || !in_range(rule, value))
        return because(ret_why, "must be %s%s to %s", rule->zero ? "0, or " : "", min, max);
    *(int64_t *)key_field(key, object) = value;
    return VALUE_OK;
}

VALUE_PARSER(value_duration)
{
    int64_t ms = 0;
    if (!*text) { /* may be empty: another key's value counts */
        *(int64_t *)key_field(key, object) = 0;
        return VALUE_OK;
    }
    int r = parse_duration_ms(text, &ms);
    if (r == -EINVAL)
        return because(ret_why, "not a duration: a number with ms, s, m, h or d");
    char min[PARSE_FORMAT_SIZE], max[PARSE_FORMAT_SIZE];
    format_duration(key->rule->min, min);
    format_duration(key->rule->max, max);
    return store_number(key, r, ms, object, min, max, ret_why);
}

VALUE_PARSER(value_size)
{
    int64_t bytes = 0;
    int r = parse_size(text, &bytes);
    if (r == -EINVAL)
        return because(ret_why, "not a size: a number of bytes, or one with K, M or G");
    char min[PARSE_FORMAT_SIZE], max[PARSE_FORMAT_SIZE];
    format_size(key->rule->min, min);
    format_size(key->rule->max, max);
    return store_number(key, r, bytes, object, min, max, ret_why);
}

VALUE_PARSER(value_integer)
{
    int64_t number = 0;
    int r = parse_integer(text, INT64_MIN, INT64_MAX, &number);
    if (r == -EINVAL)
        return because(ret_why, "not a whole number");
    char min[PARSE_FORMAT_SIZE], max[PARSE_FORMAT_SIZE];
    snprintf(min, sizeof min, "%lld", (long long)key->rule->min);
    snprintf(max, sizeof max, "%lld", (long long)key->rule->max);
    return store_number(key, r, number, object, min, max, ret_why);
}

/* Finds @text among the words of the rule; names them all when it is none. */
static int find_word(const struct key_rule *rule, const char *text, unsigned *ret_index,
                     struct why *ret_why)
{
    struct why all = {""};
    size_t used = 0;
    for (unsigned i = 0; rule->words[i]; i++) {
        if (strcmp(rule->words[i], text) == 0) {
            *ret_index = i;
            return VALUE_OK;
        }
        const char *joint = i == 0 ? "" : rule->words[i + 1] ? ", " : " or ";
        int n = snprintf(all.text + used, sizeof all.text - used, "%s%s", joint, rule->words[i]);
        if (n > 0 && used + (size_t)n < sizeof all.text)
            used += (size_t)n;
    }
    return because(ret_why, "must be %.200s", all.text);
}

VALUE_PARSER(value_flag)
{
    unsigned index = 0;
    int r = find_word(key->rule, text, &index, ret_why);
    if (r == VALUE_OK)
        *(bool *)key_field(key, object) = index == 1;
    return r;
}

VALUE_PARSER(value_enum)
{
    unsigned index = 0;
    int r = find_word(key->rule, text, &index, ret_why);
    if (r == VALUE_OK)
        *(unsigned *)key_field(key, object) = index; /* GCC's enums without negatives */
    return r;
}

VALUE_PARSER(value_path)
{
    size_t length = strlen(text);
    size_t max = key->rule->max ? (size_t)key->rule->max : PATH_MAX - 1;
    if (length > 0 && text[0] != '/')
        return because(ret_why, "must be an absolute path");
    if (length > 0 && text[length - 1] == '/')
        return because(ret_why, "must be a file, not a directory");
    if (length > max)
        return because(ret_why, "must have at most %zu bytes", max);
    return replace_text(key_field(key, object), text);
}

VALUE_PARSER(value_directory)
{
    if (text[0] != '/')
        return because(ret_why, "must be an absolute path");
    if (strlen(text) >= PATH_MAX)
        return because(ret_why, "must have at most %d bytes", PATH_MAX - 1);
    return replace_text(key_field(key, object), text);
}

/* One name of the databases of passwd(5) and group(5). */
static int store_name(const struct config_key *key, const char *text, void *object,
                      const char *what, struct why *ret_why)
{
    if (strlen(text) > 32)
        return because(ret_why, "a %s's name has at most 32 characters", what);
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            return because(ret_why, "must be one %s's name", what);
    return replace_text(key_field(key, object), text);
}

VALUE_PARSER(value_group)
{
    return store_name(key, text, object, "group", ret_why);
}

VALUE_PARSER(value_user)
{
    return store_name(key, text, object, "user", ret_why);
}
