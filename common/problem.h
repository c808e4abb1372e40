/* RFC 9457 problem details, as the query socket answers them and prontoctl reads them. */
#pragma once

struct json_object;

/* The object of an application/problem+json answer with title (the status's reason phrase), status
 * and detail, to which other members may be added (RFC 9457, 3.2); NULL: out of memory. @detail is
 * plain text without personal data of others. */
struct json_object *problem_object(int status, const char *detail);

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* The reason phrase of an HTTP status that prontod uses (RFC 9110, 15), or "Error". */
const char *problem_title(int status);
