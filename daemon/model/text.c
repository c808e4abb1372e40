#include "model/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t text_utf8_length(const char *text, size_t size)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t length;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;

    if (size == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (size < length)
        return 0;
    /* The second byte keeps out overlong forms, surrogates and what lies beyond U+10FFFF. */
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Adds all of it or nothing. */
static bool add_whole(struct text_line *line, const char *bytes, size_t size, size_t end)
{
    if (line->cut || size > end - line->size) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
    line->text[line->size] = '\0';
    return true;
}

static size_t limit_of(const struct text_line *line)
{
    return line->limit > 0 && line->limit < TEXT_LINE_MAX ? line->limit : TEXT_LINE_MAX;
}

static size_t longest_secret_at(const char *text, size_t size, const char *const *secrets)
{
    size_t longest = 0;

    for (; secrets != NULL && *secrets != NULL; secrets++) {
        size_t length = strlen(*secrets);

        if (length > longest && length <= size && memcmp(text, *secrets, length) == 0)
            longest = length;
    }
    return longest;
}

/* What one character of others is shown as. */
static const char *shown(const char *text, size_t length)
{
    uint8_t c = (uint8_t)text[0];

    if (length == 0)
        return "?";
    if (length == 1 && c >= '\t' && c <= '\r')
        return " ";
    if (length == 1 && (c < 0x20 || c == 0x7f))
        return "?";
    if (length == 2 && c == 0xc2 && (uint8_t)text[1] < 0xa0)
        return "?";
    return NULL;
}

void text_line_add_foreign(struct text_line *line, const char *text, size_t size, size_t max,
                           const char *const *secrets)
{
    size_t limit = limit_of(line);
    size_t end = max < limit - line->size ? line->size + max : limit;
    bool was_cut = line->cut;
    bool whole = true;

    for (size_t at = 0; at < size && whole;) {
        size_t secret = longest_secret_at(text + at, size - at, secrets);
        size_t length = text_utf8_length(text + at, size - at);
        const char *instead = secret > 0 ? "***" : shown(text + at, length);

        if (instead != NULL)
            whole = add_whole(line, instead, strlen(instead), end);
        else
            whole = add_whole(line, text + at, length, end);
        at += secret > 0 ? secret : length > 0 ? length : 1;
    }
    if (end < limit)
        line->cut = was_cut; /* only this piece is cut */
}

void text_line_add(struct text_line *line, const char *words)
{
    size_t length = strlen(words);

    add_whole(line, words, length, limit_of(line));
}

void text_line_addf(struct text_line *line, const char *format, ...)
{
    char words[256];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    text_line_add(line, words);
}
