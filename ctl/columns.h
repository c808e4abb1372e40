/* Which column of a CSV file is which field of a contact. Pure. */
#pragma once

#include "ctl/csv.h"

enum import_field {
    FIELD_FIRSTNAME = 0,
    FIELD_LASTNAME,
    FIELD_DOMAIN,
    FIELD_COMPANY_NAME,
    FIELD_LINKEDIN_URL,
    FIELD_PHONE_COUNTRY_CODES,
    FIELD_ENRICHMENT_TYPE,
    IMPORT_FIELD_MAX_,
    IMPORT_FIELD_INVALID = -1,
};
const char *import_field_name(enum import_field field);
enum import_field import_field_from_name(const char *name);

struct columns_wish {
    const char *map[IMPORT_FIELD_MAX_]; /* --map: name of a column, or NULL */
    char **custom;                      /* --custom-columns: NULL-terminated names, or NULL */
};

struct columns {
    size_t n;                            /* of the header */
    int index[IMPORT_FIELD_MAX_];        /* -1: there is none */
    size_t custom[CSV_COLUMNS_MAX];      /* indexes */
    char *custom_names[CSV_COLUMNS_MAX]; /* as the header has them; owned */
    size_t n_custom;
};

enum columns_result {
    COLUMNS_OK = 0,
    COLUMNS_INVALID = 1, /* *ret_detail says what and the remedy; an allocation */
};

/* Names are compared without regard to case, blanks, underscores and hyphens; those of --map and
 * --custom-columns also as they are, which goes first. Returns COLUMNS_OK with *ret for
 * columns_done(), COLUMNS_INVALID, or -ENOMEM. */
int columns_find(const struct csv_row *header, const struct columns_wish *wish, struct columns *ret,
                 char **ret_detail);
void columns_done(struct columns *columns);

/* Are there the columns that contacts of this type need? NULL, or what is missing with the names
 * that would do; an allocation, or "" without memory. @type: email, phone or personal_email. */
char *columns_missing(const struct columns *columns, const char *type);
