#include "model/person.h"

#include "model/contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A custom member's key is a JSON text that may hold NUL, but none is named so. */
static const char index_name[] = "\0linkedin_url";

/* ASCII only, whatever the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alnum(char c)
{
    char l = lower(c);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

static bool equal_n(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

struct span {
    const char *text;
    size_t size;
};

static void drop_front(struct span *span, const char *front)
{
    size_t n = strlen(front);

    if (span->size >= n && equal_n(span->text, front, n)) {
        span->text += n;
        span->size -= n;
    }
}

static struct span trimmed(const char *text)
{
    struct span span = {text, strlen(text)};

    while (span.size > 0 && strchr(" \t\r\n", *span.text)) {
        span.text++;
        span.size--;
    }
    while (span.size > 0 && strchr(" \t\r\n", span.text[span.size - 1]))
        span.size--;
    return span;
}

/* What of the text counts. False when it is no such identifier. */
static bool cut_email(struct span *span)
{
    const char *at = memchr(span->text, '@', span->size);

    return at && at > span->text && at + 1 < span->text + span->size &&
           !memchr(span->text, ' ', span->size);
}

static bool cut_url(struct span *span)
{
    const char *slash;

    drop_front(span, "https://");
    drop_front(span, "http://");
    drop_front(span, "www.");
    for (size_t i = 0; i < span->size; i++)
        if (span->text[i] == '?' || span->text[i] == '#')
            span->size = i;
    while (span->size > 0 && span->text[span->size - 1] == '/')
        span->size--;
    slash = memchr(span->text, '/', span->size);
    return slash && slash > span->text;
}

static bool cut(enum person_kind kind, struct span *span)
{
    if (span->size == 0 || span->size > PERSON_TEXT_MAX)
        return false;
    return kind == PERSON_EMAIL ? cut_email(span) : cut_url(span);
}

/* How much of the normal form is compared without case. */
static size_t caseless(enum person_kind kind, const struct span *span)
{
    const char *slash = memchr(span->text, '/', span->size);

    return kind == PERSON_EMAIL || !slash ? span->size : (size_t)(slash - span->text);
}

void person_done(struct person *person)
{
    free(person->text);
    *person = (struct person){0};
}

int person_parse(enum person_kind kind, const char *text, struct person *ret)
{
    struct span span = trimmed(text);
    char *copy;
    size_t n;

    if (!cut(kind, &span))
        return PERSON_INVALID;
    copy = strndup(span.text, span.size);
    if (!copy)
        return -ENOMEM;
    n = caseless(kind, &span);
    for (size_t i = 0; i < n; i++)
        copy[i] = lower(copy[i]);
    *ret = (struct person){.kind = kind, .text = copy, .size = span.size};
    return PERSON_OK;
}

bool person_equal(const struct person *person, const char *text)
{
    struct span span = trimmed(text);
    size_t n;

    if (!cut(person->kind, &span) || span.size != person->size)
        return false;
    n = caseless(person->kind, &span);
    return equal_n(span.text, person->text, n) &&
           memcmp(span.text + n, person->text + n, span.size - n) == 0;
}

bool person_in_result(const struct person *person, struct json_object *result)
{
    static const char *const members[] = {"email", "personal_email"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *email = json_get_string(result, members[i]);

        if (email && person_equal(person, email))
            return true;
    }
    return false;
}

/* Characters that make a word longer, so that ann@example.com is not in joann@example.com. */
static bool extends(enum person_kind kind, char c)
{
    return is_alnum(c) || (c != '\0' && strchr(kind == PERSON_EMAIL ? "_%+-" : "_%-", c) != NULL) ||
           (unsigned char)c >= 0x80;
}

/* A dot before an address is part of it; one behind it only when the name goes on. */
static bool is_word(const struct person *person, const char *text, size_t size, size_t at)
{
    size_t end = at + person->size;

    if (at > 0 && (extends(person->kind, text[at - 1]) ||
                   (person->kind == PERSON_EMAIL && text[at - 1] == '.')))
        return false;
    if (end < size && extends(person->kind, text[end]))
        return false;
    return !(person->kind == PERSON_EMAIL && end + 1 < size && text[end] == '.' &&
             is_alnum(text[end + 1]));
}

bool person_in_text(const struct person *person, const char *text, size_t size)
{
    if (size < person->size)
        return false;
    for (size_t at = 0; at <= size - person->size; at++)
        if (lower(text[at]) == lower(person->text[0]) &&
            equal_n(text + at, person->text, person->size) && is_word(person, text, size, at))
            return true;
    return false;
}

static bool in_object(const struct person *person, struct json_object *object)
{
    json_object_object_foreach(object, key, value)
    {
        if (person_in_text(person, key, strlen(key)) || person_in_json(person, value))
            return true;
    }
    return false;
}

/* As deep as the parser lets a tree be. */
bool person_in_json(const struct person *person, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        return person_in_text(person, json_object_get_string(value),
                              (size_t)json_object_get_string_len(value));
    case json_type_object:
        return in_object(person, value);
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++)
            if (person_in_json(person, json_object_array_get_idx(value, i)))
                return true;
        return false;
    case json_type_null:
    case json_type_boolean:
    case json_type_int:
    case json_type_double:
    default:
        return false;
    }
}

int64_t person_index_key(const struct person *person)
{
    return custom_index_key(index_name, sizeof(index_name) - 1, person->text, person->size);
}

int person_index(struct json_object *content, int (*each)(int64_t index_key, void *userdata),
                 void *userdata)
{
    const char *url = json_get_string(content, "linkedin_url");
    struct person person;
    int r = url ? person_parse(PERSON_LINKEDIN, url, &person) : PERSON_INVALID;

    if (r != PERSON_OK)
        return r < 0 ? r : 0;
    r = each(person_index_key(&person), userdata);
    person_done(&person);
    return r;
}
