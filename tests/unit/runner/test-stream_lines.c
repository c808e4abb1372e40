#include "runner/stream_lines.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char got[4096];

/* Notes each line as "[line]", long ones as "[N bytes]", and too long ones as "[-]". */
static void note(const char *line, size_t size, void *userdata)
{
    size_t used = strlen(got);

    (void)userdata;
    if (!line)
        snprintf(got + used, sizeof(got) - used, "[-]");
    else if (size > 64)
        snprintf(got + used, sizeof(got) - used, "[%zu bytes]", size);
    else
        snprintf(got + used, sizeof(got) - used, "[%.*s]", (int)size, line);
}

/* The text in pieces of that size. */
static void expect_lines(const char *text, size_t size, size_t piece, const char *expected)
{
    struct stream_lines *lines = calloc(1, sizeof(*lines));

    got[0] = '\0';
    for (size_t at = 0; at < size; at += piece)
        stream_lines_add(lines, text + at, size - at < piece ? size - at : piece, note, NULL);
    stream_lines_end(lines, note, NULL);
    cr_expect_str_eq(got, expected, "pieces of %zu: %s", piece, got);
    free(lines);
}

Test(stream_lines, pieces_of_all_sizes)
{
    static const char text[] = "one\n\ntwo words\n\nlast";

    for (size_t piece = 1; piece < sizeof(text); piece++)
        expect_lines(text, sizeof(text) - 1, piece, "[one][][two words][][last]");
    expect_lines("one\n", 4, 4, "[one]");
    expect_lines("", 0, 1, "");
}

/* A line of so many bytes between two short ones. */
static void expect_long(size_t length, size_t piece, const char *expected)
{
    size_t size = length + 5;
    cleanup_free char *text = malloc(size);

    memset(text, 'x', size);
    memcpy(text, "a\n", 2);
    memcpy(text + 2 + length, "\nb\n", 3);
    expect_lines(text, size, piece, expected);
}

Test(stream_lines, the_longest_line)
{
    static const size_t pieces[] = {1, 7, 4096, 65536, 65537, 1000000};

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        expect_long(STREAM_LINE_MAX, pieces[i], "[a][65536 bytes][b]");
        expect_long(STREAM_LINE_MAX + 1, pieces[i], "[a][-][b]");
        expect_long(4 * STREAM_LINE_MAX + 3, pieces[i], "[a][-][b]");
    }
}

Test(stream_lines, a_last_line_that_is_too_long)
{
    cleanup_free char *text = calloc(1, 2 * STREAM_LINE_MAX);

    expect_lines(text, 2 * STREAM_LINE_MAX, 1000, "[-]");
}

Test(stream_answer, answers)
{
    static const struct {
        const char *line;
        struct stream_answer answer;
    } cases[] = {
        {"{\"delivery_id\": \"d1\", \"ok\": true}", {.delivery_id = "d1", .ok = true}},
        {" {\"ok\":true,\"more\":[1],\"delivery_id\":\"d\"} \r", {.delivery_id = "d", .ok = true}},
        {"{\"delivery_id\": \"d\", \"ok\": false}", {.delivery_id = "d"}},
        {"{\"delivery_id\": \"d\", \"ok\": false, \"error\": null, \"permanent\": null}",
         {.delivery_id = "d"}},
        {"{\"delivery_id\": \"d\", \"ok\": false, \"error\": \"no\\nway\\u0007\", \"permanent\": "
         "true}",
         {.delivery_id = "d", .permanent = true, .error = "no way?"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stream_answer answer;

        cr_assert_eq(stream_answer_read(cases[i].line, strlen(cases[i].line), &answer), 0, "%s",
                     cases[i].line);
        cr_expect_str_eq(answer.delivery_id, cases[i].answer.delivery_id);
        cr_expect_str_eq(answer.error, cases[i].answer.error);
        cr_expect_eq(answer.ok, cases[i].answer.ok);
        cr_expect_eq(answer.permanent, cases[i].answer.permanent);
    }
}

Test(stream_answer, lines_that_are_none)
{
    static const char *const cases[] = {
        "",
        "ok",
        "[]",
        "{}",
        "{\"ok\": true}",
        "{\"delivery_id\": \"d\"}",
        "{\"delivery_id\": \"\", \"ok\": true}",
        "{\"delivery_id\": 1, \"ok\": true}",
        "{\"delivery_id\": \"d\", \"ok\": 1}",
        "{\"delivery_id\": \"d\", \"ok\": \"true\"}",
        "{\"delivery_id\": \"d\", \"ok\": false, \"error\": 1}",
        "{\"delivery_id\": \"d\", \"ok\": false, \"permanent\": 1}",
        "{\"delivery_id\": \"d\", \"ok\": true} x",
        "{\"delivery_id\": \"d\", \"ok\": true",
        ("{\"delivery_id\": \"12345678901234567890123456789012345678901234567890123456789012345\", "
         "\"ok\": true}"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stream_answer answer;

        cr_expect_eq(stream_answer_read(cases[i], strlen(cases[i]), &answer), 1, "%s", cases[i]);
    }
}

Test(stream_answer, a_long_error_is_cut)
{
    char line[4096] = "{\"delivery_id\": \"d\", \"ok\": false, \"error\": \"";
    struct stream_answer answer;

    memset(line + strlen(line), 'x', 3000);
    strcat(line, "\"}");
    cr_assert_eq(stream_answer_read(line, strlen(line), &answer), 0);
    cr_expect_eq(strlen(answer.error), STREAM_ERROR_MAX);
}
