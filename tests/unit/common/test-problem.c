#include "common/problem.h"

#include "common/json.h"

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

Test(problem, object)
{
    cleanup_json struct json_object *problem = problem_object(422, "field \"a\": no");
    cleanup_json struct json_object *bare = problem_object(404, NULL);
    cleanup_free char *text = NULL, *bare_text = NULL;
    size_t size = 0;

    cr_assert_eq(json_serialize(problem, &text, &size), 0);
    cr_expect_str_eq(text, "{\"title\":\"Unprocessable Content\",\"status\":422,"
                           "\"detail\":\"field \\\"a\\\": no\"}");
    cr_assert_eq(json_serialize(bare, &bare_text, &size), 0);
    cr_expect_str_eq(bare_text, "{\"title\":\"Not Found\",\"status\":404,\"detail\":null}");
}
