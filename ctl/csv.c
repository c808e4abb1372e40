#include "ctl/csv.h"

#include "model/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum state {
    AT_START = 0, /* of a field */
    IN_PLAIN,
    IN_QUOTES,
    AFTER_QUOTE, /* it closes the field, or is the first of two */
};

struct csv {
    char delimiter;
    bool finished;
    char *buffer; /* [start, end) is not consumed; [start, at) has been looked at */
    size_t capacity, start, at, end;
    enum state state;
    uint64_t line; /* of start */
    bool skipping; /* to the end of a line that is too long */
    char *text;    /* of the fields of the row */
    size_t text_capacity;
    struct csv_field fields[CSV_COLUMNS_MAX];
    char row_end[3];
};

int csv_new(char delimiter, struct csv **ret)
{
    struct csv *csv = calloc(1, sizeof(*csv));

    if (!csv)
        return -ENOMEM;
    csv->delimiter = delimiter;
    csv->line = 1;
    *ret = csv;
    return 0;
}

void csv_free(struct csv *csv)
{
    if (!csv)
        return;
    free(csv->buffer);
    free(csv->text);
    free(csv);
}

int csv_feed(struct csv *csv, const char *data, size_t size)
{
    assert(!csv->finished);
    if (csv->start > 0) {
        memmove(csv->buffer, csv->buffer + csv->start, csv->end - csv->start);
        csv->at -= csv->start;
        csv->end -= csv->start;
        csv->start = 0;
    }
    if (csv->capacity - csv->end < size) {
        size_t capacity = (csv->end + size) * 2;
        char *grown = realloc(csv->buffer, capacity);

        if (!grown)
            return -ENOMEM;
        csv->buffer = grown;
        csv->capacity = capacity;
    }
    if (size > 0)
        memcpy(csv->buffer + csv->end, data, size);
    csv->end += size;
    return 0;
}

void csv_finish(struct csv *csv)
{
    csv->finished = true;
}

const char *csv_fault_text(enum csv_fault fault)
{
    switch (fault) {
    case CSV_OK:
        return "nothing is wrong";
    case CSV_NOT_UTF8:
        return "not UTF-8; save the file as UTF-8";
    case CSV_NUL:
        return "has a NUL byte";
    case CSV_FIELD_TOO_LONG:
        return "a field is longer than 1 MiB";
    case CSV_TOO_MANY_COLUMNS:
        return "more than 1000 columns";
    case CSV_STRAY_QUOTE:
        return "a quote in a field that is not quoted; quote the field and double the quote";
    case CSV_AFTER_QUOTE:
        return "text after the quote that closes a field; a quote within a field is doubled";
    case CSV_UNCLOSED:
        return "a quote is opened and never closed";
    case CSV_ROW_TOO_LONG:
        return "longer than 4 MiB; is a quote never closed?";
    }
    return "wrong";
}

/* Bytes of the row's end at @at: 1 or 2, 0: none there, -1: not known before the next byte. */
static int end_at(const struct csv *csv, size_t at)
{
    if (csv->buffer[at] == '\n')
        return 1;
    if (csv->buffer[at] != '\r')
        return 0;
    if (at + 1 < csv->end)
        return csv->buffer[at + 1] == '\n' ? 2 : 1;
    return csv->finished ? 1 : -1;
}

static void set_end(struct csv *csv, size_t at, size_t n, struct csv_row *row)
{
    memcpy(csv->row_end, csv->buffer + at, n);
    csv->row_end[n] = '\0';
    row->end = csv->row_end;
}

/* Begins anew behind the row, which ends at @at with @n bytes. */
static void consume(struct csv *csv, size_t at, size_t n)
{
    for (size_t i = csv->start; i < at + n; i++) {
        char c = csv->buffer[i];

        csv->line += c == '\n' || (c == '\r' && !(i + 1 < csv->end && csv->buffer[i + 1] == '\n'));
    }
    csv->start = csv->at = at + n;
    csv->state = AT_START;
}

/* A broken row is its first line. */
static int broken(struct csv *csv, enum csv_fault fault, struct csv_row *row)
{
    size_t at = csv->start;
    int n = 0;

    while (at < csv->end && (n = end_at(csv, at)) == 0)
        at++;
    if (n < 0)
        return CSV_MORE;
    if (at == csv->end && !csv->finished && at - csv->start < CSV_ROW_MAX)
        return CSV_MORE; /* it is found again then */
    if (at == csv->end)
        n = 0;
    row->fault = fault;
    row->raw = csv->buffer + csv->start;
    row->raw_size = at - csv->start;
    row->line = csv->line;
    set_end(csv, at, (size_t)n, row);
    csv->skipping = n == 0 && !csv->finished;
    consume(csv, at, (size_t)n);
    return CSV_ROW;
}

/* The rest of a line whose beginning was a row already. False: more is needed. */
static bool skip(struct csv *csv)
{
    size_t at = csv->start;
    int n = 0;

    while (at < csv->end && (n = end_at(csv, at)) == 0)
        at++;
    if (at < csv->end && n > 0) {
        csv->skipping = false;
        consume(csv, at, (size_t)n);
        return true;
    }
    csv->start = csv->at = at;
    return csv->finished;
}

static bool is_utf8(const char *text, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        n = (unsigned char)text[i] < 0x80 ? 1 : text_utf8_length(text + i, size - i);
        if (n == 0)
            return false;
    }
    return true;
}

/* One field from @p on into @out; returns what follows it. The quotes are known to be right. */
static const char *copy_field(const struct csv *csv, const char *p, const char *end, char **out)
{
    if (p < end && *p == '"') {
        for (p++; *p != '"' || (p + 1 < end && p[1] == '"'); p++) {
            p += *p == '"';
            *(*out)++ = *p;
        }
        return p + 1;
    }
    while (p < end && *p != csv->delimiter)
        *(*out)++ = *p++;
    return p;
}

/* The row [start, at) as fields. 0 or -ENOMEM. */
static int split(struct csv *csv, size_t at, struct csv_row *row)
{
    const char *p = csv->buffer + csv->start, *end = csv->buffer + at;
    size_t size = (size_t)(end - p);
    char *out;

    if (csv->text_capacity < size + CSV_COLUMNS_MAX + 1) {
        char *grown = realloc(csv->text, size * 2 + CSV_COLUMNS_MAX + 1);

        if (!grown)
            return -ENOMEM;
        csv->text = grown;
        csv->text_capacity = size * 2 + CSV_COLUMNS_MAX + 1;
    }
    row->fault = memchr(p, '\0', size) != NULL ? CSV_NUL
                 : !is_utf8(p, size)           ? CSV_NOT_UTF8
                                               : CSV_OK;
    out = csv->text;
    for (;; p++) {
        struct csv_field *field = &csv->fields[row->n];

        if (row->n == CSV_COLUMNS_MAX) {
            row->fault = CSV_TOO_MANY_COLUMNS;
            break;
        }
        field->text = out;
        p = copy_field(csv, p, end, &out);
        field->size = (size_t)(out - field->text);
        *out++ = '\0';
        row->n++;
        if (field->size > CSV_FIELD_MAX)
            row->fault = CSV_FIELD_TOO_LONG;
        if (p >= end)
            break;
    }
    row->fields = csv->fields;
    return 0;
}

static int whole(struct csv *csv, size_t n, struct csv_row *row)
{
    size_t at = csv->at;
    int r;

    row->line = csv->line;
    row->raw = csv->buffer + csv->start;
    row->raw_size = at - csv->start;
    set_end(csv, at, n, row);
    r = split(csv, at, row);
    consume(csv, at, n);
    return r < 0 ? r : CSV_ROW;
}

/* What byte @c does to a row, other than ending it. */
static enum csv_fault step(struct csv *csv, char c)
{
    switch (csv->state) {
    case AT_START:
        csv->state = c == '"' ? IN_QUOTES : c == csv->delimiter ? AT_START : IN_PLAIN;
        return CSV_OK;
    case IN_PLAIN:
        if (c == '"')
            return CSV_STRAY_QUOTE;
        csv->state = c == csv->delimiter ? AT_START : IN_PLAIN;
        return CSV_OK;
    case IN_QUOTES:
        csv->state = c == '"' ? AFTER_QUOTE : IN_QUOTES;
        return CSV_OK;
    case AFTER_QUOTE:
        if (c != '"' && c != csv->delimiter)
            return CSV_AFTER_QUOTE;
        csv->state = c == '"' ? IN_QUOTES : AT_START;
        return CSV_OK;
    }
    return CSV_OK;
}

static int at_end(struct csv *csv, struct csv_row *row)
{
    if (csv->start == csv->end)
        return CSV_END;
    if (csv->state == IN_QUOTES)
        return broken(csv, CSV_UNCLOSED, row);
    return whole(csv, 0, row);
}

int csv_next(struct csv *csv, struct csv_row *ret)
{
    *ret = (struct csv_row){.end = ""};
    if (csv->skipping && !skip(csv))
        return CSV_MORE;
    for (; csv->at < csv->end; csv->at++) {
        int n = csv->state == IN_QUOTES ? 0 : end_at(csv, csv->at);
        enum csv_fault fault;

        if (n < 0)
            return CSV_MORE;
        if (n > 0)
            return whole(csv, (size_t)n, ret);
        fault = csv->at - csv->start >= CSV_ROW_MAX ? CSV_ROW_TOO_LONG
                                                    : step(csv, csv->buffer[csv->at]);
        if (fault != CSV_OK)
            return broken(csv, fault, ret);
    }
    return csv->finished ? at_end(csv, ret) : CSV_MORE;
}

char csv_detect_delimiter(const char *text, size_t size)
{
    static const char delimiters[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < size && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
        const char *found = text[i] ? strchr(delimiters, text[i]) : NULL;

        quoted ^= text[i] == '"';
        if (found && !quoted)
            counts[found - delimiters]++;
    }
    for (size_t i = 1; i < 3; i++)
        if (counts[i] > counts[best])
            best = i;
    return delimiters[best];
}
