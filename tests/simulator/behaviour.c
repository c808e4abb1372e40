#include "simulator/behaviour.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Plain digits are milliseconds, since that is what a number in JSON means; "false" is none and
 * "true" one second. */
static bool parse_span(const char *text, int64_t *ret_ms)
{
    if (strcmp(text, "true") == 0)
        *ret_ms = 1000;
    else if (strcmp(text, "false") == 0)
        *ret_ms = 0;
    else if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
        return parse_integer(text, 0, INT32_MAX, ret_ms) == 0;
    else
        return parse_duration_ms(text, ret_ms) == 0 && *ret_ms <= INT32_MAX;
    return true;
}

static bool parse_range(const char *text, struct range *ret)
{
    const char *dash = strchr(text, '-');
    char first[32];

    if (!dash) {
        if (!parse_span(text, &ret->min_ms))
            return false;
        ret->max_ms = ret->min_ms;
        return true;
    }
    if ((size_t)(dash - text) >= sizeof(first))
        return false;
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    return parse_span(first, &ret->min_ms) && parse_span(dash + 1, &ret->max_ms) &&
           ret->min_ms <= ret->max_ms;
}

static bool parse_bool(const char *text, bool *ret)
{
    *ret = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *ret || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool parse_share(const char *text, double *ret)
{
    bool flag;
    char *end;

    if (parse_bool(text, &flag)) {
        *ret = flag ? 1 : 0;
        return true;
    }
    if (text[strspn(text, "0123456789.eE+-")] != '\0' || *text == '\0')
        return false;
    *ret = strtod(text, &end);
    return *end == '\0' && *ret >= 0 && *ret <= 1;
}

static bool find_word(const char *const *words, const char *text, size_t length, int *ret)
{
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static bool parse_set(const char *const *words, const char *text, int64_t *ret)
{
    int64_t bits = 0;

    for (;;) {
        size_t length = strcspn(text, ",");
        int word;

        if (!find_word(words, text, length, &word))
            return false;
        bits |= (int64_t)1 << word;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    *ret = bits;
    return true;
}

/* Control characters would end up in a header. */
static bool parse_text(const char *text, size_t size, char *ret)
{
    size_t length = strlen(text);

    if (length >= size)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    memcpy(ret, text, length + 1);
    return true;
}

static bool parse_value(const struct behaviour_row *row, const char *text, void *ret)
{
    int64_t number;

    switch (row->kind) {
    case BEHAVIOUR_BOOL:
        return parse_bool(text, ret);
    case BEHAVIOUR_SHARE:
        return parse_share(text, ret);
    case BEHAVIOUR_INTEGER:
        return parse_integer(text, row->min, row->max, ret) == 0;
    case BEHAVIOUR_SIZE:
        return parse_size(text, ret) == 0 && *(int64_t *)ret <= row->max;
    case BEHAVIOUR_DURATION:
        return parse_span(text, ret);
    case BEHAVIOUR_RANGE:
        return parse_range(text, ret);
    case BEHAVIOUR_WORD:
        return find_word(row->words, text, strlen(text), ret);
    case BEHAVIOUR_SET:
        return parse_set(row->words, text, ret);
    case BEHAVIOUR_TEXT:
        return parse_text(text, (size_t)row->max, ret);
    case BEHAVIOUR_STATUS:
        if (parse_integer(text, 0, row->max, &number) < 0 || (number > 0 && number < row->min))
            return false;
        *(int64_t *)ret = number;
        return true;
    }
    return false;
}

static const struct behaviour_row *find_row(const char *key)
{
    for (size_t i = 0; i < n_behaviour_rows; i++)
        if (strcmp(behaviour_rows[i].key, key) == 0)
            return &behaviour_rows[i];
    return NULL;
}

void behaviours_init(struct behaviours *ret)
{
    *ret = (struct behaviours){0};
    for (size_t i = 0; i < n_behaviour_rows; i++) {
        const struct behaviour_row *row = &behaviour_rows[i];
        bool valid = parse_value(row, row->normal, (char *)ret + row->offset);
        assert(valid);
    }
}

int behaviours_set(struct behaviours *behaviours, const char *key, const char *value)
{
    const struct behaviour_row *row = find_row(key);
    struct behaviours copy = *behaviours;

    if (!row)
        return BEHAVIOUR_UNKNOWN_KEY;
    if (!parse_value(row, value, (char *)&copy + row->offset))
        return BEHAVIOUR_BAD_VALUE;
    *behaviours = copy;
    return BEHAVIOUR_OK;
}

/* "a,b" from ["a", "b"]; NULL when it holds something else than strings or memory ran out. */
static char *join_words(struct json_object *array)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    bool valid = file != NULL;

    if (!file)
        return NULL;
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *item = json_object_array_get_idx(array, i);

        valid = valid && json_object_is_type(item, json_type_string);
        fprintf(file, "%s%s", i > 0 ? "," : "", valid ? json_object_get_string(item) : "");
    }
    if (fclose(file) != 0 || !valid) {
        free(text);
        return NULL;
    }
    return text;
}

int behaviours_set_json(struct behaviours *behaviours, const char *key, struct json_object *value)
{
    const struct behaviour_row *row = find_row(key);
    cleanup_free char *joined = NULL;
    const char *text;

    if (!row)
        return BEHAVIOUR_UNKNOWN_KEY;
    if (json_object_is_type(value, json_type_object))
        return BEHAVIOUR_BAD_VALUE;
    if (json_object_is_type(value, json_type_array)) {
        joined = join_words(value);
        text = joined;
        if (!text)
            return BEHAVIOUR_BAD_VALUE;
    } else if (value) {
        text = json_object_get_string(value);
        if (!text)
            return -ENOMEM;
    } else {
        text = row->normal;
    }
    return behaviours_set(behaviours, key, text);
}

static int set_to_json(const char *const *words, int64_t bits, struct json_object **ret)
{
    cleanup_json struct json_object *array = json_object_new_array();
    int r = array ? 0 : -ENOMEM;

    for (int i = 0; r == 0 && words[i]; i++)
        if (bits & ((int64_t)1 << i)) {
            struct json_object *word = json_object_new_string(words[i]);
            r = word ? json_append(array, word) : -ENOMEM;
        }
    if (r == 0)
        *ret = TAKE_PTR(array);
    return r;
}

static int add_value(struct json_object *object, const struct behaviour_row *row, const void *value)
{
    char first[PARSE_FORMAT_SIZE], last[PARSE_FORMAT_SIZE], both[2 * PARSE_FORMAT_SIZE];
    const struct range *range = value;
    struct json_object *set = NULL;

    switch (row->kind) {
    case BEHAVIOUR_BOOL:
        return json_add_bool(object, row->key, *(const bool *)value);
    case BEHAVIOUR_SHARE:
        set = json_object_new_double(*(const double *)value);
        return set ? json_add(object, row->key, set) : -ENOMEM;
    case BEHAVIOUR_INTEGER:
    case BEHAVIOUR_SIZE:
    case BEHAVIOUR_STATUS:
        return json_add_int64(object, row->key, *(const int64_t *)value);
    case BEHAVIOUR_DURATION:
        format_duration(*(const int64_t *)value, first);
        return json_add_string(object, row->key, first);
    case BEHAVIOUR_RANGE:
        format_duration(range->min_ms, first);
        format_duration(range->max_ms, last);
        snprintf(both, sizeof(both), "%s-%s", first, last);
        return json_add_string(object, row->key, range->min_ms == range->max_ms ? first : both);
    case BEHAVIOUR_WORD:
        return json_add_string(object, row->key, row->words[*(const int *)value]);
    case BEHAVIOUR_SET:
        if (set_to_json(row->words, *(const int64_t *)value, &set) < 0)
            return -ENOMEM;
        return json_add(object, row->key, set);
    case BEHAVIOUR_TEXT:
        return json_add_string(object, row->key, value);
    }
    return 0;
}

int behaviours_to_json(const struct behaviours *behaviours, struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < n_behaviour_rows; i++)
        r = add_value(object, &behaviour_rows[i],
                      (const char *)behaviours + behaviour_rows[i].offset);
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}

enum group behaviour_group(const char *key)
{
    const struct behaviour_row *row = find_row(key);
    size_t start = offsetof(struct behaviours, faults);

    if (!row || row->offset < start)
        return GROUP_COUNT;
    return (enum group)((row->offset - start) / sizeof(struct fault_rules));
}
