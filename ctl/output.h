/* What prontoctl prints: tables for people, JSON and CSV for programs. */
#pragma once

#include "common/json.h"

#include <stdio.h>

enum format { FORMAT_TABLE = 0, FORMAT_JSON, FORMAT_CSV };

struct column {
    const char *title; /* NULL ends the list */
    const char *path;  /* members, e.g. "result.email"; "result.phones.0" */
};

/* One object: "name  value" lines of every member for a table (nested objects indented), one line
 * of JSON, or CSV of @columns. */
void output_object(FILE *stream, enum format format, struct json_object *object,
                   const struct column *columns);

/* A list in the form {"items": [...], "next": ...}: @page is printed as it is for JSON. */
void output_list(FILE *stream, enum format format, struct json_object *page,
                 const struct column *columns);

/* A row of CSV, with @header behind the names of the columns. */
void output_csv(FILE *stream, struct json_object *object, const struct column *columns,
                bool header);

/* The value at a path as text for people: control characters escaped, "-" for null in tables, "" in
 * CSV. */
void output_value(FILE *stream, enum format format, struct json_object *value);
