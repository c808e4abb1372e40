#include "ctl/source.h"

#include "common/parse.h"

#include <errno.h>
#include <string.h>

struct source {
    const struct source_options *options;
    struct csv_file *file;
    struct columns columns;
    char *header; /* as read */
    size_t header_size;
    char header_end[3];
    char **names; /* of the columns */
};

void source_on_wait(struct source *source, int (*wait)(int fd, void *userdata), void *userdata)
{
    csv_file_on_wait(source->file, wait, userdata);
}

const struct csv_file *source_file(const struct source *source)
{
    return source->file;
}

const char *source_header(const struct source *source, size_t *ret_size, const char **ret_end)
{
    *ret_size = source->header_size;
    *ret_end = source->header_end[0] ? source->header_end : "\n";
    return source->header;
}

size_t source_columns(const struct source *source)
{
    return source->columns.n;
}

static int read_failed(const struct source_options *options, int r)
{
    if (r == -ENOMEM)
        return fail(EXIT_ERROR, "out of memory");
    return fail(EXIT_INPUT, "%s: %s", options->path, strerror(-r));
}

static int copy_names(struct source *source, const struct csv_row *row)
{
    source->names = calloc(row->n + 1, sizeof(*source->names));
    for (size_t i = 0; source->names && i < row->n; i++) {
        source->names[i] = strdup(row->fields[i].text);
        if (!source->names[i])
            return -ENOMEM;
    }
    return source->names ? 0 : -ENOMEM;
}

/* The first row that is not empty. */
static int read_header(struct source *source, const struct source_options *options)
{
    struct csv_row row;
    cleanup_free char *detail = NULL;
    int r;

    do
        r = csv_file_next(source->file, &row);
    while (r == CSV_FILE_OK && row.fault == CSV_OK && row.n == 1 && row.fields[0].size == 0);
    if (r < 0)
        return read_failed(options, r);
    if (r == CSV_FILE_END)
        return fail(EXIT_INPUT, "%s: is empty; its first line names the columns", options->path);
    if (row.fault != CSV_OK)
        return fail(EXIT_INPUT, "%s:%llu: %s", options->path, (unsigned long long)row.line,
                    csv_fault_text(row.fault));
    r = columns_find(&row, &options->wish, &source->columns, &detail);
    if (r == COLUMNS_OK) {
        detail = columns_missing(&source->columns, options->type ? options->type : "email");
        /* with a column of types each row says what it needs */
        if (detail && (options->type || source->columns.index[FIELD_ENRICHMENT_TYPE] < 0))
            r = COLUMNS_INVALID;
    }
    if (r == COLUMNS_INVALID)
        return fail(EXIT_INPUT, "%s:%llu: %s", options->path, (unsigned long long)row.line, detail);
    if (r == 0)
        r = copy_names(source, &row);
    source->header = r < 0 ? NULL : malloc(row.raw_size + 1);
    if (!source->header)
        return fail(EXIT_ERROR, "out of memory");
    memcpy(source->header, row.raw, row.raw_size);
    source->header_size = row.raw_size;
    memcpy(source->header_end, row.end, strlen(row.end) + 1);
    return EXIT_OK;
}

int source_open(const struct source_options *options, struct source **ret)
{
    cleanup_source struct source *source = calloc(1, sizeof(*source));
    int r;

    if (!source)
        return fail(EXIT_ERROR, "out of memory");
    source->options = options;
    r = csv_file_open(options->path, options->delimiter, &source->file);
    if (r == CSV_FILE_E_UTF16)
        return fail(EXIT_INPUT, "%s: is UTF-16; save it as UTF-8", options->path);
    if (r < 0)
        return read_failed(options, r);
    r = read_header(source, options);
    if (r == EXIT_OK)
        *ret = TAKE_PTR(source);
    return r;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    columns_done(&source->columns);
    csv_file_close(source->file);
    strv_free(source->names);
    free(source->header);
    free(source);
}

int source_row_columns(const struct source *source, const struct source_row *row,
                       struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < row->csv.n; i++)
        r = json_add_string_len(object, source->names[i], row->csv.fields[i].text,
                                row->csv.fields[i].size);
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}

void source_row_done(struct source_row *row)
{
    json_object_put(row->body);
    free(row->fault);
    *row = (struct source_row){0};
}

/* A field without the blanks around it. */
static const char *trim(const struct csv_field *field, size_t *ret_size)
{
    const char *text = field->text;
    size_t size = field->size;

    while (size > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r')))
        text++, size--;
    while (size > 0 &&
           (text[size - 1] == ' ' || (text[size - 1] >= '\t' && text[size - 1] <= '\r')))
        size--;
    *ret_size = size;
    return text;
}

/* "FR, US" as an array; those of the option when it is empty. */
static int add_countries(const struct source *source, const struct csv_row *row,
                         struct json_object *body)
{
    int index = source->columns.index[FIELD_PHONE_COUNTRY_CODES];
    cleanup_json struct json_object *array = json_object_new_array();
    const char *p = index < 0 ? "" : row->fields[index].text;
    static const char between[] = " ,;\t\r\n|/";

    for (p += strspn(p, between); *p; p += strspn(p, between)) {
        size_t n = strcspn(p, between);
        struct json_object *code = json_object_new_string_len(p, (int)n);

        if (!code || json_append(array, code) < 0)
            return -ENOMEM;
        p += n;
    }
    if (array && json_object_array_length(array) > 0)
        return json_add(body, "phone_country_codes", TAKE_PTR(array));
    if (source->options->countries)
        return json_add(body, "phone_country_codes", json_object_get(source->options->countries));
    return array ? 0 : -ENOMEM;
}

static int add_fields(const struct source *source, const struct csv_row *row,
                      struct json_object *body)
{
    int r = 0;

    for (int field = 0; r == 0 && field < FIELD_PHONE_COUNTRY_CODES; field++) {
        int index = source->columns.index[field];
        size_t size;
        const char *text = index < 0 ? NULL : trim(&row->fields[index], &size);

        if (text && size > 0)
            r = json_add_string_len(body, import_field_name((enum import_field)field), text, size);
    }
    return r < 0 ? r : add_countries(source, row, body);
}

static int add_custom(const struct source *source, const struct csv_row *row,
                      struct json_object *body)
{
    const struct columns *columns = &source->columns;
    cleanup_json struct json_object *custom = json_object_new_object();
    int r = custom ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < columns->n_custom; i++) {
        const struct csv_field *field = &row->fields[columns->custom[i]];

        r = json_add_string_len(custom, columns->custom_names[i], field->text, field->size);
    }
    if (r < 0 || columns->n_custom == 0)
        return r;
    return json_add(body, "custom", TAKE_PTR(custom));
}

static int add_type(const struct source *source, const struct csv_row *row,
                    struct json_object *body)
{
    int index = source->columns.index[FIELD_ENRICHMENT_TYPE];
    const char *type = source->options->type ? source->options->type : "email";
    size_t size = strlen(type), own_size = 0;
    const char *own = index < 0 ? NULL : trim(&row->fields[index], &own_size);

    if (!source->options->type && own_size > 0) {
        type = own;
        size = own_size;
    }
    return json_add_string_len(body, "enrichment_type", type, size);
}

static int make_key(const struct source *source, const struct contact *contact,
                    char ret[static SOURCE_KEY_SIZE])
{
    const char *type = enrichment_type_name(contact->type), *label = source->options->label;
    cleanup_free char *text = NULL;
    struct digest digest;
    size_t size;
    int r = json_canonical(contact->content, &text, &size);

    if (r < 0)
        return r;
    digest_compute(NULL,
                   (struct digest_part[]){
                       {type, strlen(type)}, {text, size}, {label, label ? strlen(label) : 0}},
                   label ? 3 : 2, &digest);
    ret += sprintf(ret, "import:");
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        ret += sprintf(ret, "%02x", digest.bytes[i]);
    return 0;
}

static int make_contact(const struct source *source, struct source_row *row)
{
    cleanup_json struct json_object *body = json_object_new_object();
    struct contact contact;
    int r = body ? add_fields(source, &row->csv, body) : -ENOMEM;

    if (r == 0)
        r = add_custom(source, &row->csv, body);
    if (r == 0)
        r = add_type(source, &row->csv, body);
    if (r == 0)
        r = contact_check(body, CONTACT_SUBMIT, &contact, NULL, &row->fault);
    if (r != CONTACT_OK)
        return r < 0 ? r : 0;
    row->type = contact.type;
    r = make_key(source, &contact, row->key);
    contact_done(&contact);
    row->body = TAKE_PTR(body);
    return r;
}

static bool is_blank(const struct csv_row *row)
{
    for (size_t i = 0; i < row->n; i++) {
        size_t size;

        trim(&row->fields[i], &size);
        if (size > 0)
            return false;
    }
    return row->fault == CSV_OK;
}

int source_next(struct source *source, struct source_row *ret)
{
    size_t n = source->columns.n;
    int r;

    *ret = (struct source_row){0};
    r = csv_file_next(source->file, &ret->csv);
    if (r != CSV_FILE_OK)
        return r < 0 ? r : SOURCE_END;
    ret->blank = is_blank(&ret->csv);
    if (ret->blank)
        return SOURCE_OK;
    if (ret->csv.fault != CSV_OK)
        ret->fault = strdup(csv_fault_text(ret->csv.fault));
    else if (ret->csv.n == n)
        return make_contact(source, ret);
    else if (asprintf(&ret->fault, "has %zu column%s, the header has %zu", ret->csv.n,
                      ret->csv.n == 1 ? "" : "s", n) < 0)
        ret->fault = NULL;
    return ret->fault ? SOURCE_OK : -ENOMEM;
}
