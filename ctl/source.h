/* The contacts in a CSV file: what import sends, waits for, and export joins to its results. */
#pragma once

#include "ctl/columns.h"
#include "ctl/command.h"
#include "ctl/csv_file.h"

#include "model/contact.h"

#include <getopt.h>

struct source_options {
    const char *path; /* "-": standard input */
    char delimiter;   /* 0: found in the file */
    struct columns_wish wish;
    char **custom;                 /* owned; wish.custom */
    const char *type;              /* NULL: email, or what the column enrichment_type says */
    struct json_object *countries; /* for rows without their own; owned */
    const char *label;             /* or NULL */
};

enum source_option {
    OPTION_MAP = 512,
    OPTION_CUSTOM_COLUMNS,
    OPTION_SOURCE_TYPE,
    OPTION_SOURCE_COUNTRY,
    OPTION_LABEL,
    OPTION_DELIMITER,
    OPTION_SOURCE_OWN
};

#define SOURCE_OPTIONS                                                                             \
    {"map", required_argument, NULL, OPTION_MAP},                                                  \
        {"custom-columns", required_argument, NULL, OPTION_CUSTOM_COLUMNS},                        \
        {"type", required_argument, NULL, OPTION_SOURCE_TYPE},                                     \
        {"phone-country", required_argument, NULL, OPTION_SOURCE_COUNTRY},                         \
        {"label", required_argument, NULL, OPTION_LABEL},                                          \
    {                                                                                              \
        "delimiter", required_argument, NULL, OPTION_DELIMITER                                     \
    }

#define SOURCE_HELP                                                                                \
    "  --type email|phone|personal_email      of all rows; default: the column enrichment_type, "  \
    "or "                                                                                          \
    "email\n"                                                                                      \
    "  --map FIELD=COLUMN                     which column is firstname, lastname, domain, "       \
    "company_name,\n"                                                                              \
    "                                         linkedin_url, phone_country_codes; may be "          \
    "repeated\n"                                                                                   \
    "  --custom-columns A,B                   columns for custom, which come back with the "       \
    "result\n"                                                                                     \
    "  --phone-country CC                     of rows without their own; may be repeated\n"        \
    "  --label TEXT                           begins a new series: rows are submitted again\n"     \
    "  --delimiter CHARACTER                  default: comma, semicolon or tab, as in the first "  \
    "line\n"

/* Takes one option of SOURCE_OPTIONS. Returns EXIT_OK or the status to end with. */
int source_option(const struct context *context, struct source_options *options, int option,
                  char *value);
void source_options_done(struct source_options *options);

struct source;

/* Opens the file and reads its header. Returns EXIT_OK or the status to end with, which was said. */
int source_open(const struct source_options *options, struct source **ret);
void source_close(struct source *source);
static inline void source_close_p(struct source **source)
{
    source_close(*source);
}
#define cleanup_source __attribute__((cleanup(source_close_p)))

void source_on_wait(struct source *source, int (*wait)(int fd, void *userdata), void *userdata);
const struct csv_file *source_file(const struct source *source);
/* As read, without a byte order mark; and how many columns it has. */
const char *source_header(const struct source *source, size_t *ret_size, const char **ret_end);
size_t source_columns(const struct source *source);

/* "import:" and the digest of label, type and contact in hexadecimal digits. */
#define SOURCE_KEY_SIZE (sizeof("import:") + 2 * DIGEST_BYTES)

struct source_row {
    struct csv_row csv;       /* valid until the next row */
    bool blank;               /* an empty line, or only empty fields */
    char *fault;              /* why it is no contact, or NULL */
    struct json_object *body; /* of POST /v1/requests, without a key; NULL with a fault */
    enum enrichment_type type;
    char key[SOURCE_KEY_SIZE];
};
/* The cells of a row without a fault of its form, by the names of the columns. 0 or -ENOMEM. */
int source_row_columns(const struct source *source, const struct source_row *row,
                       struct json_object **ret);
void source_row_done(struct source_row *row);

enum source_result {
    SOURCE_OK = 0,
    SOURCE_END = 1,
};
/* SOURCE_OK, SOURCE_END, or a negative errno. The same row gives the same key, wherever it stands. */
int source_next(struct source *source, struct source_row *ret);
