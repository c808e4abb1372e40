/* RFC 9457 problem details, as the query socket answers them and prontoctl reads them. */
#pragma once

#include <stddef.h>

/* The body of an application/problem+json answer with title (the status's reason phrase), status
 * and detail, as an allocation of the caller's. @detail is plain text without personal data of
 * others. Returns 0 or -ENOMEM. */
int problem_body(int status, const char *detail, char **ret, size_t *ret_size);

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* The reason phrase of an HTTP status that prontod uses (RFC 9110, 15), or "Error". */
const char *problem_title(int status);
