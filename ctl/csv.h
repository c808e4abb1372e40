/* A streaming reader of CSV (RFC 4180): bytes in, rows out, in flat memory. Pure.
 *
 * Rows end with LF, CRLF or CR. A field that begins with a quote ends with one, and holds quotes
 * doubled; other fields hold none. What breaks this is a fault of its row, and reading goes on with
 * the next line: after a quote that is never closed that is the line after the one it stands in, so
 * one wrong quote costs one row and not the rest of the file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_FIELD_MAX   ((size_t)1024 * 1024)     /* bytes */
#define CSV_ROW_MAX     ((size_t)4 * 1024 * 1024) /* bytes */
#define CSV_COLUMNS_MAX 1000

struct csv;

/* Returns 0 or -ENOMEM. @delimiter: one byte, neither a quote nor CR nor LF. */
int csv_new(char delimiter, struct csv **ret);
void csv_free(struct csv *csv);
static inline void csv_free_p(struct csv **csv)
{
    csv_free(*csv);
}
#define cleanup_csv __attribute__((cleanup(csv_free_p)))

/* More input; not after csv_finish(). 0 or -ENOMEM. */
int csv_feed(struct csv *csv, const char *data, size_t size);
/* The input is over: what is left is the last row. */
void csv_finish(struct csv *csv);

struct csv_field {
    const char *text; /* without quotes, NUL-terminated; may hold a NUL only in a faulty row */
    size_t size;
};

enum csv_fault {
    CSV_OK = 0,
    /* The row's end is known, but not what it says: fields are as far as they could be read. */
    CSV_NOT_UTF8,
    CSV_NUL,
    CSV_FIELD_TOO_LONG,
    CSV_TOO_MANY_COLUMNS,
    /* The row itself is broken: raw is its first line, and there are no fields. */
    CSV_STRAY_QUOTE, /* in a field that is not quoted */
    CSV_AFTER_QUOTE, /* text between a closing quote and the next delimiter */
    CSV_UNCLOSED,    /* the input ends inside of quotes */
    CSV_ROW_TOO_LONG,
};
/* In words, for people. */
const char *csv_fault_text(enum csv_fault fault);
static inline bool csv_is_broken(enum csv_fault fault)
{
    return fault >= CSV_STRAY_QUOTE;
}

/* Valid until the next call. */
struct csv_row {
    uint64_t line; /* where it begins, from 1 */
    enum csv_fault fault;
    const char *raw; /* as in the input, without what ends the row */
    size_t raw_size;
    const char *end; /* "\n", "\r\n", "\r", or "" at the end of the input */
    const struct csv_field *fields;
    size_t n; /* at least 1; an empty line is one empty field */
};

enum csv_next {
    CSV_ROW = 0,
    CSV_MORE = 1, /* feed more */
    CSV_END,      /* after csv_finish() */
};
/* A csv_next, or -ENOMEM. */
int csv_next(struct csv *csv, struct csv_row *ret);

/* The delimiter of a header line: what stands most often outside of quotes in the first line of
 * @text, of comma, semicolon and tab; a comma when there is none. */
char csv_detect_delimiter(const char *text, size_t size);
