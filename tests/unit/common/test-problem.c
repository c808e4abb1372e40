#include "common/problem.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <string.h>

Test(problem, titles)
{
    static const struct {
        int status;
        const char *title;
    } cases[] = {
        {400, "Bad Request"},
        {404, "Not Found"},
        {413, "Content Too Large"},
        {409, "Conflict"},
        {422, "Unprocessable Content"},
        {503, "Service Unavailable"},
        {0, "Error"},
        {299, "Error"},
        {-1, "Error"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_str_eq(problem_title(cases[i].status), cases[i].title);
}

Test(problem, body)
{
    cleanup_free char *body = NULL, *bare = NULL;
    size_t size = 0;

    cr_expect_eq(problem_body(422, "field \"a\": no", &body, &size), 0);
    cr_expect_str_eq(body, "{\"title\":\"Unprocessable Content\",\"status\":422,"
                           "\"detail\":\"field \\\"a\\\": no\"}");
    cr_expect_eq(size, strlen(body));
    cr_expect_eq(problem_body(404, NULL, &bare, &size), 0);
    cr_expect_str_eq(bare, "{\"title\":\"Not Found\",\"status\":404,\"detail\":null}");
}
