/* What the two forms of export share. */
#pragma once

#include "ctl/source.h"

enum export_output { EXPORT_CSV = 0, EXPORT_JSON, EXPORT_NDJSON };

/* The value at a path of a request as a cell that came from outside: what a spreadsheet would run
 * is made harmless. */
void export_cell(FILE *stream, char delimiter, struct json_object *request, const char *path);

/* Columns of the result behind those of the file. */
struct export_column {
    const char *title, *path;
};
extern const struct export_column export_result_columns[]; /* a NULL title ends it */

/* Reads the file that was imported, and writes each of its rows with its result. Returns the status
 * to end with. */
int export_file(struct context *context, const struct source_options *options,
                enum export_output output);

/* Writes items of a JSON array, or one a line. */
struct export_items {
    enum export_output output;
    bool any;
};
int export_item(struct export_items *items, struct json_object *object); /* 0 or -ENOMEM */
void export_items_end(struct export_items *items);
