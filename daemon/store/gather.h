/* The writer's WAL: a commit's frames reach the file with one write(2) instead of two for each frame.
 * Part of the file layer of scrub.c. */
#pragma once

#include <sqlite3.h>

/* Follows the default layer's own part of an open file. */
struct gathered {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *base;
    char *buffer; /* NULL: none yet, or no memory for it */
    sqlite3_int64 offset;
    int used;
    int failure; /* of a write that somebody was told was done: the next sync says so */
};

/* @file was opened by the default layer, @gathered follows it. */
void gather_attach(sqlite3_file *file, struct gathered *gathered,
                   struct gathered *(*of)(sqlite3_file *));
