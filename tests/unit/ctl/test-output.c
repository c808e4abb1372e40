#include "ctl/output.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct column columns[] = {
    {"ID", "id"}, {"PHONE", "result.phones.0"}, {"NOTE", "note"}, {NULL, NULL}};

static struct json_object *parse(const char *text)
{
    struct json_object *object = NULL;

    cr_assert_eq(json_parse_strict(text, strlen(text), true, &object), 0);
    return object;
}

static void expect_list(enum format format, const char *page, const char *expected)
{
    struct json_object *object = parse(page);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    output_list(stream, format, object, columns);
    fclose(stream);
    cr_expect_str_eq(text, expected, "got:\n%s", text);
    free(text);
    json_object_put(object);
}

static const char page[] = "{\"items\": [{\"id\": \"a\", \"result\": {\"phones\": [\"+1\", "
                           "\"+2\"]}, \"note\": \"x, \\\"y\\\"\\nz\"},"
                           "{\"id\": \"bcd\", \"result\": null, \"note\": null}], \"next\": null}";

Test(output, table)
{
    expect_list(FORMAT_TABLE, page,
                "ID   PHONE  NOTE\n"
                "a    +1     x, \"y\"\\x0az\n"
                "bcd  -      -\n");
}

Test(output, csv)
{
    expect_list(FORMAT_CSV, page,
                "id,result.phones.0,note\n"
                "a,+1,\"x, \"\"y\"\"\nz\"\n"
                "bcd,,\n");
}

Test(output, empty_list)
{
    expect_list(FORMAT_TABLE, "{\"items\": [], \"next\": null}", "ID  PHONE  NOTE\n");
    expect_list(FORMAT_CSV, "{\"items\": [], \"next\": null}", "id,result.phones.0,note\n");
}

/* What a hook printed or a peer sent must not steer the terminal: ESC, DEL, C1. */
Test(output, nothing_steers_the_terminal)
{
    expect_list(FORMAT_TABLE,
                "{\"items\": [{\"id\": \"\\u001b[2J\", \"note\": \"\\u007f\\u009b1m\xc3\xa9\"}]}",
                "ID       PHONE  NOTE\n"
                "\\x1b[2J  -      \\x7f\\x9b1m\xc3\xa9\n");
}

Test(output, long_cells_are_cut_on_a_character)
{
    expect_list(FORMAT_TABLE,
                "{\"items\": [{\"id\": \"1\", \"note\": "
                "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                "01234567890123456789012345678901234567890123456789X\"}]}",
                "ID  PHONE  NOTE\n"
                "1   -      "
                "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                "01234567890123456789012345678901234567890123456...\n");
}
