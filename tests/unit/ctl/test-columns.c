#include "ctl/columns.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct csv *csv;
static struct csv_row header;

static void read_header(const char *text)
{
    cr_assert_eq(csv_new(',', &csv), 0);
    cr_assert_eq(csv_feed(csv, text, strlen(text)), 0);
    csv_finish(csv);
    cr_assert_eq(csv_next(csv, &header), CSV_ROW);
}

static void expect_invalid(const char *text, const struct columns_wish *wish, const char *part,
                           const char *other)
{
    struct columns columns;
    char *detail = NULL;

    read_header(text);
    cr_assert_eq(columns_find(&header, wish, &columns, &detail), COLUMNS_INVALID, "%s", text);
    cr_assert(strstr(detail, part) && strstr(detail, other), "%s", detail);
    free(detail);
    csv_free(csv);
}

static void expect_columns(const char *text, const struct columns_wish *wish,
                           const int expected[IMPORT_FIELD_MAX_])
{
    struct columns columns;
    char *detail = NULL;

    read_header(text);
    cr_assert_eq(columns_find(&header, wish, &columns, &detail), COLUMNS_OK, "%s",
                 detail ? detail : "");
    for (int i = 0; i < IMPORT_FIELD_MAX_; i++)
        cr_expect_eq(columns.index[i], expected[i], "%s: %s is %d", text,
                     import_field_name((enum import_field)i), columns.index[i]);
    columns_done(&columns);
    csv_free(csv);
}

static const struct columns_wish none;

Test(columns, usual_names)
{
    static const struct {
        const char *text;
        int index[IMPORT_FIELD_MAX_];
    } cases[] = {
        {"firstname,lastname,domain", {0, 1, 2, -1, -1, -1, -1}},
        {"first_name,last_name,company", {0, 1, -1, 2, -1, -1, -1}},
        {"First Name,Last Name,Company,LinkedIn", {0, 1, -1, 2, 3, -1, -1}},
        {"LinkedIn URL,LASTNAME,FirstName,Company-Domain", {2, 1, 3, -1, 0, -1, -1}},
        {"linkedin_url,company_name,phone_country_codes,enrichment_type,x",
         {-1, -1, -1, 1, 0, 2, 3}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_columns(cases[i].text, &none, cases[i].index);
}

Test(columns, map_goes_first)
{
    static const struct columns_wish wish = {
        .map = {[FIELD_FIRSTNAME] = "Vorname", [FIELD_DOMAIN] = "domain two"}};

    expect_columns("firstname,VORNAME,domain,Domain_Two", &wish,
                   (const int[]){1, -1, 3, -1, -1, -1, -1});
    expect_columns("vorname,Vorname,domain two", &wish, (const int[]){1, -1, 2, -1, -1, -1, -1});
    expect_invalid("a,b", &wish, "no column 'Vorname'", "a, b");
}

Test(columns, two_for_one_field)
{
    expect_invalid("firstname,First Name,x", &none, "'firstname' and 'First Name'",
                   "--map firstname=COLUMN");
}

Test(columns, custom)
{
    char *names[] = {(char *)"CRM id", (char *)"note", NULL};
    char *twice[] = {(char *)"note", (char *)"Note", NULL};
    const struct columns_wish wish = {.custom = names}, wrong = {.custom = twice};
    struct columns columns;
    char *detail = NULL;

    read_header("Note,firstname,crm_id");
    cr_assert_eq(columns_find(&header, &wish, &columns, &detail), COLUMNS_OK);
    cr_assert_eq(columns.n_custom, 2);
    cr_assert_eq(columns.custom[0], 2);
    cr_assert_str_eq(columns.custom_names[0], "crm_id");
    cr_assert_str_eq(columns.custom_names[1], "Note");
    columns_done(&columns);
    csv_free(csv);
    expect_invalid("firstname", &wish, "no column 'CRM id'", "firstname");
    expect_invalid("note,x", &wrong, "twice", "Note");
}

static void expect_missing(const char *text, const char *type, const char *part)
{
    struct columns columns;
    char *detail = NULL, *missing;

    read_header(text);
    cr_assert_eq(columns_find(&header, &none, &columns, &detail), COLUMNS_OK);
    missing = columns_missing(&columns, type);
    cr_expect_eq(missing != NULL, part != NULL, "%s", text);
    cr_expect(!part || (missing && strstr(missing, part)), "%s", missing ? missing : "nothing");
    free(missing);
    columns_done(&columns);
    csv_free(csv);
}

Test(columns, what_a_type_needs)
{
    expect_missing("firstname,lastname,domain", "email", NULL);
    expect_missing("firstname,lastname,company", "email", NULL);
    expect_missing("firstname,lastname,linkedin", "phone", NULL);
    expect_missing("firstname,domain", "email", "last_name");
    expect_missing("lastname,domain", "email", "first_name");
    expect_missing("firstname,lastname", "email", "company_name");
    expect_missing("firstname,lastname,domain", "personal_email", "linkedin_url");
}
