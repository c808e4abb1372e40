/* One line of text, put together from our words and from those of others, fit for storing and
 * showing: no control character, no broken UTF-8, no secret, and never longer than its limit. No
 * allocation on the way. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TEXT_LINE_MAX 4096 /* bytes of the longest line */

struct text_line {
    char text[TEXT_LINE_MAX + 1]; /* NUL-terminated */
    size_t size;
    size_t limit; /* of this line, at most TEXT_LINE_MAX; 0 is TEXT_LINE_MAX, so that {} is an empty
                     line */
    bool cut;     /* something did not fit; from then on nothing is added */
};

/* Adds our own words, which are known to be clean. */
void text_line_add(struct text_line *line, const char *words);
void text_line_addf(struct text_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds words of others: occurrences of @secrets (NULL-terminated, or NULL; the longest wins) become
 * "***", white space a blank, other control characters (also U+0080..U+009F) and bytes that are not
 * UTF-8 a '?'. At most @max bytes of the result are added, the last character whole. */
void text_line_add_foreign(struct text_line *line, const char *text, size_t size, size_t max,
                           const char *const *secrets);

/* Length of the UTF-8 sequence (RFC 3629) at the start of @text, 1 to 4; 0 when there is none. */
size_t text_utf8_length(const char *text, size_t size);
