/* Rows as contacts, and their keys. */
#include "ctl/source.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* command.c has more than is needed here. */
int fail(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

static struct source_row row;

/* The @n-th row (from 0) of a file. */
static void read_row(const char *text, struct source_options *options, size_t n)
{
    cleanup_source struct source *source = NULL;
    char path[] = "/tmp/source-XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    options->path = path;
    cr_assert_eq(source_open(options, &source), EXIT_OK);
    unlink(path);
    source_row_done(&row);
    cr_assert_eq(source_next(source, &row), SOURCE_OK);
    while (n-- > 0) {
        source_row_done(&row);
        cr_assert_eq(source_next(source, &row), SOURCE_OK);
    }
}

static void get_key(const char *text, struct source_options *options, char ret[SOURCE_KEY_SIZE])
{
    read_row(text, options, 0);
    cr_assert(row.body, "%s", row.fault ? row.fault : "blank");
    cr_assert_eq(strlen(row.key), SOURCE_KEY_SIZE - 1);
    memcpy(ret, row.key, SOURCE_KEY_SIZE);
}

Test(source, a_row_is_a_contact)
{
    char *names[] = {(char *)"crm", NULL};
    struct source_options options = {.wish = {.custom = names}};

    read_row("crm,First Name,Last Name,company,domain\n 7 , Ada ,Lovelace,,example.com\n", &options,
             0);
    cr_assert_null(row.fault);
    cr_assert_str_eq(json_object_to_json_string_ext(row.body, JSON_C_TO_STRING_PLAIN),
                     "{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\",\"domain\":\"example.com\","
                     "\"custom\":{\"crm\":\" 7 \"},\"enrichment_type\":\"email\"}");
    source_row_done(&row);
}

/* Where it stands, how it is quoted and which other columns there are makes no difference. */
Test(source, the_key_is_of_the_contact)
{
    struct source_options plain = {0}, label = {.label = "again"}, phone = {.type = "phone"};
    char *names[] = {(char *)"x", NULL};
    struct source_options custom = {.wish = {.custom = names}};
    static const char text[] = "firstname,lastname,domain,linkedin,x\nA,B,c.d,http://l.x/,1\n";
    char key[SOURCE_KEY_SIZE], other[SOURCE_KEY_SIZE];

    get_key(text, &plain, key);
    /* another version must find the same: or rows would be submitted twice */
    cr_assert_str_eq(key, "import:073b64377a19b77cbb5daf0ec9208913");
    get_key("x;LinkedIn;\"domain\";Last Name;First Name\n9;http://l.x/;\"c.d\";B; A\n", &plain,
            other);
    cr_assert_str_eq(key, other);
    get_key(text, &label, other);
    cr_assert_str_neq(key, other);
    get_key(text, &phone, other);
    cr_assert_str_neq(key, other);
    get_key(text, &custom, other);
    cr_assert_str_neq(key, other);
    get_key("firstname,lastname,domain,linkedin\nA,B,c.e,http://l.x/\n", &plain, other);
    cr_assert_str_neq(key, other);
    source_row_done(&row);
}

Test(source, types_of_rows)
{
    static const char text[] = "firstname,lastname,domain,linkedin,enrichment_type\n"
                               "A,B,c.d,http://l.x/,phone\nA,B,c.d,,\nA,B,c.d,,fax\n";
    struct source_options options = {0}, explicit = {.type = "personal_email"};

    read_row(text, &options, 0);
    cr_assert_eq(row.type, ENRICHMENT_PHONE);
    read_row(text, &options, 1);
    cr_assert_eq(row.type, ENRICHMENT_EMAIL);
    read_row(text, &options, 2);
    cr_assert(row.fault && strstr(row.fault, "enrichment_type"));
    read_row(text, &explicit, 0);
    cr_assert_eq(row.type, ENRICHMENT_PERSONAL_EMAIL);
    source_row_done(&row);
}

Test(source, wrong_and_blank_rows)
{
    static const char text[] = "firstname,lastname,domain\nA,B\n\n , ,\nA,,c\nA,B,c,d\n";
    struct source_options options = {0};

    read_row(text, &options, 0);
    cr_assert_str_eq(row.fault, "has 2 columns, the header has 3");
    cr_assert_eq(row.csv.line, 2);
    read_row(text, &options, 1);
    cr_assert(row.blank && !row.fault && !row.body);
    read_row(text, &options, 2);
    cr_assert(row.blank && !row.fault && !row.body);
    read_row(text, &options, 3);
    cr_assert(row.fault && strstr(row.fault, "lastname"));
    read_row(text, &options, 4);
    cr_assert_str_eq(row.fault, "has 4 columns, the header has 3");
    source_row_done(&row);
}

Test(source, country_codes)
{
    struct source_options options = {.countries = json_object_new_array()};
    static const char text[] = "firstname,lastname,domain,phone_country_codes\n"
                               "A,B,c,\"FR, US\"\nA,B,c,\n";

    json_append(options.countries, json_object_new_string("GB"));
    read_row(text, &options, 0);
    cr_assert_str_eq(json_object_get_string(json_get(row.body, "phone_country_codes")),
                     "[ \"FR\", \"US\" ]");
    read_row(text, &options, 1);
    cr_assert_str_eq(json_object_get_string(json_get(row.body, "phone_country_codes")),
                     "[ \"GB\" ]");
    source_row_done(&row);
    json_object_put(options.countries);
}
