/* Numbers of JSON by their exact decimal value, of any size. For the other files of the JSON tools.
 * Pure, thread-safe. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* How much longer than the text of a number its canonical form can be. */
#define JSON_NUMBER_GROWTH 32

/* Writes the canonical form of the JSON number @text to @ret, which has @size + JSON_NUMBER_GROWTH
 * bytes, without a NUL: an optional '-', digits without a leading or trailing zero, and 'e' with
 * the exponent of ten; up to 18 zeros are written out in place of the exponent. Numbers of equal
 * value have equal forms, and only they. Returns its length. */
size_t json_number_canonical(const char *text, size_t size, char *ret);

/* Whether the whole of @text is a JSON number. */
bool json_number_valid(const char *text, size_t size);

/* The text of a node of type int or double: its own, or written to @buffer. */
#define JSON_NUMBER_TEXT_SIZE 40
const char *json_number_text(struct json_object *number, char buffer[static JSON_NUMBER_TEXT_SIZE]);
