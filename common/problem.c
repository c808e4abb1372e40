#include "common/problem.h"

#include "common/cleanup.h"
#include "common/json.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},               /* RFC 6585, 4 */
    {431, "Request Header Fields Too Large"}, /* RFC 6585, 5 */
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"}, /* RFC 4918, 11.5 */
};

const char *problem_title(int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

struct json_object *problem_object(int status, const char *detail)
{
    cleanup_json struct json_object *problem = json_object_new_object();

    if (json_add_string(problem, "title", problem_title(status)) < 0 ||
        json_add_int64(problem, "status", status) < 0 ||
        json_add_string(problem, "detail", detail) < 0)
        return NULL;
    return TAKE_PTR(problem);
}
