/* What import sends with one call: a row, or an array of them as text. */
#pragma once

#include "ctl/source.h"

#include <sys/queue.h>

struct unit_row {
    uint64_t line;
    size_t at, size; /* in the body */
    char key[SOURCE_KEY_SIZE];
};

/* One call: a row, or an array of them. */
struct unit {
    LIST_ENTRY(unit) link; /* of all, so that none is lost when an import ends early */
    size_t n, capacity;
    struct unit_row *rows;
    bool array;
    char *body;
    size_t size, body_capacity;
    size_t next;          /* of an array that was refused: the row that is sent alone next */
    struct unit *refused; /* list of those */
};

LIST_HEAD(units, unit);

/* An empty one with room for @capacity rows, in the list. 0 or -ENOMEM. */
int unit_new(struct units *units, size_t capacity, bool array, struct unit **ret);
void unit_free(struct unit *unit);
/* @text: the row as JSON, with its key. 0 or -ENOMEM. */
int unit_add(struct unit *unit, uint64_t line, const char *key, const char *text, size_t size);
/* Nothing more is added: makes the body whole. 0 or -ENOMEM. */
int unit_end(struct unit *unit);
bool unit_has(const struct unit *unit, const char *key);
