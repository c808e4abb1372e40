#include "ctl/columns.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 8

/* Normalised names; the first is the field's own. */
static const struct {
    const char *name;
    const char *accepted[NAMES_MAX];
} fields[] = {
    [FIELD_FIRSTNAME] = {"firstname", {"firstname", "givenname"}},
    [FIELD_LASTNAME] = {"lastname", {"lastname", "familyname", "surname"}},
    [FIELD_DOMAIN] = {"domain", {"domain", "companydomain"}},
    [FIELD_COMPANY_NAME] = {"company_name", {"companyname", "company"}},
    [FIELD_LINKEDIN_URL] = {"linkedin_url",
                            {"linkedinurl", "linkedin", "linkedinprofile", "linkedinprofileurl"}},
    [FIELD_PHONE_COUNTRY_CODES] = {"phone_country_codes", {"phonecountrycodes"}},
    [FIELD_ENRICHMENT_TYPE] = {"enrichment_type", {"enrichmenttype"}},
};

const char *import_field_name(enum import_field field)
{
    return fields[field].name;
}

static bool ignored(char c)
{
    return c == ' ' || c == '_' || c == '-';
}

/* Equal without regard to case, blanks, underscores and hyphens. */
static bool alike(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (ignored(*a))
            a++;
        while (ignored(*b))
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

enum import_field import_field_from_name(const char *name)
{
    for (int field = 0; field < IMPORT_FIELD_MAX_; field++)
        if (alike(name, fields[field].name))
            return (enum import_field)field;
    return IMPORT_FIELD_INVALID;
}

__attribute__((format(printf, 2, 3))) static int invalid(char **ret_detail, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(ret_detail, format, args);
    va_end(args);
    return n < 0 ? -ENOMEM : COLUMNS_INVALID;
}

static char *list_header(const struct csv_row *header)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    for (size_t i = 0; i < header->n; i++)
        fprintf(stream, "%s%s", i ? ", " : "", header->fields[i].text);
    return fclose(stream) == 0 ? text : NULL;
}

/* A column by a name that the user gave: as it is, else alike. */
static int find_named(const struct csv_row *header, const char *name, const char *option,
                      size_t *ret, char **ret_detail)
{
    for (int exact = 1; exact >= 0; exact--) {
        size_t found = 0;

        for (size_t i = 0; i < header->n; i++) {
            const char *column = header->fields[i].text;

            if (exact ? strcmp(column, name) != 0 : !alike(column, name))
                continue;
            if (found++ > 0)
                return invalid(ret_detail, "%s: two columns are called '%s'; rename one", option,
                               name);
            *ret = i;
        }
        if (found > 0)
            return COLUMNS_OK;
    }
    cleanup_free char *names = list_header(header);
    return invalid(ret_detail, "%s: there is no column '%s'; the file has %s", option, name,
                   names ? names : "others");
}

static bool accepts(enum import_field field, const char *column)
{
    for (size_t i = 0; i < NAMES_MAX && fields[field].accepted[i]; i++)
        if (alike(column, fields[field].accepted[i]))
            return true;
    return false;
}

static int find_field(const struct csv_row *header, enum import_field field, const char *mapped,
                      int *ret, char **ret_detail)
{
    size_t index = 0;

    *ret = -1;
    if (mapped) {
        int r = find_named(header, mapped, "--map", &index, ret_detail);

        *ret = (int)index;
        return r;
    }
    for (size_t i = 0; i < header->n; i++) {
        if (!accepts(field, header->fields[i].text))
            continue;
        if (*ret >= 0)
            return invalid(ret_detail,
                           "both '%s' and '%s' could be %s; say which with --map %s=COLUMN",
                           header->fields[*ret].text, header->fields[i].text, fields[field].name,
                           fields[field].name);
        *ret = (int)i;
    }
    return COLUMNS_OK;
}

static int find_custom(const struct csv_row *header, char **names, struct columns *columns,
                       char **ret_detail)
{
    for (; names && *names; names++) {
        size_t i = columns->n_custom;
        int r;

        if (i == CSV_COLUMNS_MAX)
            return invalid(ret_detail, "--custom-columns: too many");
        r = find_named(header, *names, "--custom-columns", &columns->custom[i], ret_detail);
        if (r != COLUMNS_OK)
            return r;
        for (size_t j = 0; j < i; j++)
            if (columns->custom[j] == columns->custom[i])
                return invalid(ret_detail, "--custom-columns: '%s' stands there twice", *names);
        columns->custom_names[i] = strdup(header->fields[columns->custom[i]].text);
        if (!columns->custom_names[i])
            return -ENOMEM;
        columns->n_custom++;
    }
    return COLUMNS_OK;
}

int columns_find(const struct csv_row *header, const struct columns_wish *wish, struct columns *ret,
                 char **ret_detail)
{
    int r = COLUMNS_OK;

    ret->n = header->n;
    ret->n_custom = 0;
    for (int field = 0; r == COLUMNS_OK && field < IMPORT_FIELD_MAX_; field++)
        r = find_field(header, (enum import_field)field, wish->map[field], &ret->index[field],
                       ret_detail);
    if (r == COLUMNS_OK)
        r = find_custom(header, wish->custom, ret, ret_detail);
    if (r != COLUMNS_OK)
        columns_done(ret);
    return r;
}

void columns_done(struct columns *columns)
{
    for (size_t i = 0; i < columns->n_custom; i++)
        free(columns->custom_names[i]);
    columns->n_custom = 0;
}

char *columns_missing(const struct columns *columns, const char *type)
{
    const char *missing = NULL;
    bool email = strcmp(type, "email") == 0;
    char *text;

    if (columns->index[FIELD_FIRSTNAME] < 0)
        missing = "firstname (or first_name, 'First Name')";
    else if (columns->index[FIELD_LASTNAME] < 0)
        missing = "lastname (or last_name, 'Last Name')";
    else if (email && columns->index[FIELD_DOMAIN] < 0 && columns->index[FIELD_COMPANY_NAME] < 0)
        missing = "domain (or company_domain) or company_name (or company), one of which is needed "
                  "for email";
    else if (!email && columns->index[FIELD_LINKEDIN_URL] < 0)
        missing = "linkedin_url (or LinkedIn), which is needed for phone and personal_email";
    if (!missing)
        return NULL;
    if (asprintf(&text, "there is no column %s; name one with --map FIELD=COLUMN", missing) < 0)
        return strdup("");
    return text;
}
