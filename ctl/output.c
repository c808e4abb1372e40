#include "ctl/output.h"

#include "ctl/csv_write.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 60 /* characters of one cell of a table */

static struct json_object *lookup(struct json_object *object, const char *path)
{
    cleanup_free char *copy = strdup(path);
    char *save = NULL;

    for (char *part = copy ? strtok_r(copy, ".", &save) : NULL; part && object;
         part = strtok_r(NULL, ".", &save)) {
        if (json_object_is_type(object, json_type_array))
            object = json_object_array_get_idx(object, strtoul(part, NULL, 10));
        else
            object = json_get(object, part);
    }
    return object;
}

/* The text of a value as an allocation; NULL for null. Strings as they are, arrays of scalars
 * joined by blanks, else JSON. */
static char *value_text(struct json_object *value)
{
    if (!value)
        return NULL;
    if (json_object_is_type(value, json_type_string))
        return strndup(json_object_get_string(value), (size_t)json_object_get_string_len(value));
    return strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Nothing that a hook or a peer wrote may steer the terminal. C0, DEL and the C1 controls in UTF-8
 * are escaped. */
static char *printable(const char *text)
{
    size_t n = strlen(text);
    char *out = malloc(n * 4 + 1), *p = out;

    if (!out)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i], following = (unsigned char)text[i + 1];

        if (c < 0x20 || c == 0x7f)
            p += sprintf(p, "\\x%02x", c);
        else if (c == 0xc2 && following >= 0x80 && following < 0xa0)
            p += sprintf(p, "\\x%02x", following), i++;
        else
            *p++ = (char)c;
    }
    *p = '\0';
    return out;
}

static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Cuts to CELL_MAX characters, on a character. */
static void cut(char *text)
{
    size_t width = 0;
    char *p;

    if (width_of(text) <= CELL_MAX)
        return;
    for (p = text; *p; p++) {
        if (((unsigned char)*p & 0xc0) != 0x80 && ++width == CELL_MAX - 2)
            break;
    }
    memcpy(p, "...", 4);
}

static char *cell(struct json_object *value)
{
    cleanup_free char *text = value_text(value);
    char *shown = text ? printable(text) : strdup("-");

    if (shown)
        cut(shown);
    return shown;
}

static void csv_field(FILE *stream, struct json_object *value)
{
    cleanup_free char *text = value_text(value);

    if (text)
        csv_write(stream, ',', text, strlen(text));
}

static void csv_header(FILE *stream, const struct column *columns)
{
    for (const struct column *column = columns; column->title; column++)
        fprintf(stream, "%s%s", column == columns ? "" : ",", column->path);
    fputc('\n', stream);
}

static void csv_row(FILE *stream, struct json_object *item, const struct column *columns)
{
    for (const struct column *column = columns; column->title; column++) {
        if (column != columns)
            fputc(',', stream);
        csv_field(stream, lookup(item, column->path));
    }
    fputc('\n', stream);
}

void output_value(FILE *stream, enum format format, struct json_object *value)
{
    cleanup_free char *text = value_text(value);
    cleanup_free char *shown = text ? printable(text) : NULL;

    if (format == FORMAT_TABLE)
        fputs(shown ? shown : "-", stream);
    else if (text)
        fputs(text, stream);
}

static void print_json(FILE *stream, struct json_object *object)
{
    fprintf(stream, "%s\n",
            json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
                                                       JSON_C_TO_STRING_SPACED |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void print_members(FILE *stream, struct json_object *object, int indent)
{
    size_t width = 0;

    json_object_object_foreach(object, name, ignored)
    {
        (void)ignored;
        width = strlen(name) > width ? strlen(name) : width;
    }
    json_object_object_foreach(object, key, value)
    {
        bool nested =
            json_object_is_type(value, json_type_object) && json_object_object_length(value) > 0;
        bool list = json_object_is_type(value, json_type_array) &&
                    json_object_array_length(value) > 0 &&
                    json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);

        fprintf(stream, "%*s%-*s  ", indent, "", (int)width, key);
        if (nested || list)
            fputc('\n', stream);
        if (nested) {
            print_members(stream, value, indent + 4);
        } else if (list) {
            for (size_t i = 0; i < json_object_array_length(value); i++) {
                fprintf(stream, "%*s%zu\n", indent + 2, "", i + 1);
                print_members(stream, json_object_array_get_idx(value, i), indent + 4);
            }
        } else {
            output_value(stream, FORMAT_TABLE, value);
            fputc('\n', stream);
        }
    }
}

void output_csv(FILE *stream, struct json_object *object, const struct column *columns, bool header)
{
    if (header)
        csv_header(stream, columns);
    csv_row(stream, object, columns);
}

void output_object(FILE *stream, enum format format, struct json_object *object,
                   const struct column *columns)
{
    switch (format) {
    case FORMAT_JSON:
        print_json(stream, object);
        break;
    case FORMAT_CSV:
        output_csv(stream, object, columns, true);
        break;
    case FORMAT_TABLE:
        print_members(stream, object, 0);
        break;
    }
}

static void print_table(FILE *stream, struct json_object *items, const struct column *columns)
{
    size_t n_columns = 0, n = json_object_array_length(items);
    cleanup_free char **cells = NULL;
    size_t widths[32] = {0};

    while (columns[n_columns].title && n_columns < 32) {
        widths[n_columns] = width_of(columns[n_columns].title);
        n_columns++;
    }
    cells = calloc(n * n_columns + 1, sizeof(*cells));
    for (size_t i = 0; cells && i < n * n_columns; i++) {
        struct json_object *item = json_object_array_get_idx(items, i / n_columns);
        size_t width;

        cells[i] = cell(lookup(item, columns[i % n_columns].path));
        width = cells[i] ? width_of(cells[i]) : 0;
        if (width > widths[i % n_columns])
            widths[i % n_columns] = width;
    }
    for (size_t c = 0; c < n_columns; c++)
        fprintf(stream, "%s%*s", columns[c].title,
                c + 1 < n_columns ? (int)(widths[c] - width_of(columns[c].title) + 2) : 0, "");
    fputc('\n', stream);
    for (size_t i = 0; cells && i < n * n_columns; i++) {
        size_t c = i % n_columns;
        const char *text = cells[i] ? cells[i] : "";

        fprintf(stream, "%s%*s", text,
                c + 1 < n_columns ? (int)(widths[c] - width_of(text) + 2) : 0, "");
        if (c + 1 == n_columns)
            fputc('\n', stream);
        free(cells[i]);
    }
}

void output_list(FILE *stream, enum format format, struct json_object *page,
                 const struct column *columns)
{
    struct json_object *items = json_get(page, "items");
    size_t n = items ? json_object_array_length(items) : 0;

    switch (format) {
    case FORMAT_JSON:
        print_json(stream, page);
        break;
    case FORMAT_CSV:
        csv_header(stream, columns);
        for (size_t i = 0; i < n; i++)
            csv_row(stream, json_object_array_get_idx(items, i), columns);
        break;
    case FORMAT_TABLE:
        if (items)
            print_table(stream, items, columns);
        break;
    }
}
