/* What the tests of this room share: a directory of files, and the faults that loading them told.
 */
#pragma once

#include "config/config.h"

#include <criterion/criterion.h>
#include <stddef.h>

/* A fresh private directory, made by box_open() and removed by box_close(). */
extern char box[64];
void box_open(void);
void box_close(void);

/* Path in the box, valid until the next call but three. */
const char *box_path(const char *name);
void box_write(const char *name, const void *data, size_t size, unsigned mode);
void box_text(const char *name, const char *text);

/* "FILE:LINE: message\n" for each fault, with FILE relative to the box. */
extern char faults[16384];
void collect(const char *file, unsigned line, const char *message, void *userdata);

/* Loads "c.conf" of the box. *ret is NULL unless the result is CONFIG_OK. */
int load(struct config **ret);

/* Writes @text as c.conf, loads it and expects these faults; no faults: a valid configuration. */
void expect_faults(const char *text, const char *expected);

/* A configuration that lacks nothing, of two lines. */
#define COMPLETE "[ingress]\npublic_url = https://hooks.example.com/pronto\n"
