/* Values of several words. */
#include "config/values.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <errno.h>
#include <string.h>

#define PRICE_MAX 1000000

/* The words of a list. Quotes are allowed as in a command, though no list needs them. */
static int split(const char *text, char ***ret, struct why *ret_why)
{
    int r = parse_words(text, ret);
    return r == -EINVAL ? because(ret_why, "a quote is not closed") : r;
}

/* "email:3" into its place; a price given twice is a fault. */
static int read_price(char *word, struct credit_prices *prices, unsigned *seen, struct why *ret_why)
{
    char *colon = strchr(word, ':');
    if (!colon)
        return because(ret_why, "must be TYPE:CREDITS, separated by blanks");
    *colon = '\0';
    enum enrichment_type type = enrichment_type_from_name(word);
    if (type == ENRICHMENT_INVALID)
        return because(ret_why, "the types are email, phone and personal_email");
    if (*seen & (1U << type))
        return because(ret_why, "a type is given twice");
    if (parse_integer(colon + 1, 0, PRICE_MAX, &prices->of[type]) < 0)
        return because(ret_why, "a price must be 0 to %d", PRICE_MAX);
    *seen |= 1U << type;
    return VALUE_OK;
}

VALUE_PARSER(value_prices)
{
    cleanup_strv char **words = NULL;
    int r = split(text, &words, ret_why);
    struct credit_prices prices;
    unsigned seen = 0;
    for (size_t i = 0; r == 0 && words[i]; i++)
        r = read_price(words[i], &prices, &seen, ret_why);
    if (r != 0)
        return r;
    /* A type without a price would pass daily_credits for nothing. */
    if (seen != (1U << ENRICHMENT_MAX_) - 1)
        return because(ret_why, "needs a price for each of email, phone and personal_email");
    *(struct credit_prices *)key_field(key, object) = prices;
    return VALUE_OK;
}

VALUE_PARSER(value_command)
{
    (void)key;
    struct hook_config *hook = object;
    cleanup_strv char **words = NULL;
    int r = split(text, &words, ret_why);
    if (r != 0)
        return r;
    if (!words[0] || words[0][0] != '/')
        return because(ret_why,
                       "must begin with the absolute path of a program; there is no shell");
    r = replace_text(&hook->command_text, text);
    if (r < 0)
        return r;
    strv_free(hook->command);
    hook->command = TAKE_PTR(words);
    return VALUE_OK;
}

VALUE_PARSER(value_events)
{
    cleanup_strv char **words = NULL;
    int r = split(text, &words, ret_why);
    if (r != 0)
        return r;
    unsigned events = 0;
    for (size_t i = 0; words[i]; i++) {
        enum hook_event event = hook_event_from_name(words[i]);
        if (event == HOOK_EVENT_INVALID)
            return because(ret_why,
                           "must be some of finished, failed, expired, unmatched and dead");
        events |= 1U << event;
    }
    *(unsigned *)key_field(key, object) = events;
    return VALUE_OK;
}

VALUE_PARSER(value_types)
{
    cleanup_strv char **words = NULL;
    int r = split(text, &words, ret_why);
    if (r != 0)
        return r;
    unsigned types = 0;
    for (size_t i = 0; words[i]; i++) {
        enum enrichment_type type = enrichment_type_from_name(words[i]);
        if (type == ENRICHMENT_INVALID)
            return because(ret_why, "must be some of email, phone and personal_email");
        types |= 1U << type;
    }
    *(unsigned *)key_field(key, object) = types;
    return VALUE_OK;
}

VALUE_PARSER(value_backoff)
{
    struct hook_config *hook = object;
    const struct key_rule *rule = key->rule;
    cleanup_strv char **words = NULL;
    int r = split(text, &words, ret_why);
    if (r != 0)
        return r;
    int64_t first = 0, longest = 0;
    if (strv_length(words) != 2 || parse_duration_ms(words[0], &first) < 0 ||
        parse_duration_ms(words[1], &longest) < 0)
        return because(ret_why, "must be two durations, the first and the longest wait");
    if (first > longest)
        return because(ret_why, "the first wait must not be longer than the longest");
    if (first < rule->min || longest > rule->max) {
        char min[PARSE_FORMAT_SIZE], max[PARSE_FORMAT_SIZE];
        format_duration(rule->min, min);
        format_duration(rule->max, max);
        return because(ret_why, "must be %s to %s", min, max);
    }
    hook->backoff_first_ms = first;
    hook->backoff_longest_ms = longest;
    return VALUE_OK;
}
