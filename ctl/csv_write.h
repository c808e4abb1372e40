/* One cell of CSV (RFC 4180). */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Quotes it when it holds @delimiter, a quote, CR or LF, or begins or ends with a blank. */
void csv_write(FILE *stream, char delimiter, const char *text, size_t size);

/* Likewise, for what came from outside: a text that a spreadsheet would take for a formula (it
 * begins with = + - @ tab or CR) gets a ' in front. Phone numbers (+ and digits) stay. */
void csv_write_foreign(FILE *stream, char delimiter, const char *text, size_t size);
