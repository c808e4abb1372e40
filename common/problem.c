#include "common/problem.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>

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

int problem_body(int status, const char *detail, char **ret, size_t *ret_size)
{
    cleanup_json struct json_object *body = json_object_new_object();
    if (!body)
        return -ENOMEM;

    int r = json_add_string(body, "title", problem_title(status));
    if (r >= 0)
        r = json_add_int64(body, "status", status);
    if (r >= 0)
        r = json_add_string(body, "detail", detail);
    return r < 0 ? r : json_serialize(body, ret, ret_size);
}
