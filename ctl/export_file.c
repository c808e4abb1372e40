/* export FILE: the rows of a file that was imported, each as it is, with its result behind it. A few
 * rows are asked for at a time and written in the order of the file. */
#include "ctl/csv_write.h"
#include "ctl/export.h"
#include "ctl/pipeline.h"

#include "model/text.h"

#include <errno.h>
#include <string.h>

#define WINDOW      16
#define TURN_MS     100
#define PATIENCE_MS 60000

const struct export_column export_result_columns[] = {
    {"request_id", "id"},
    {"state", "state"},
    {"email", "result.email"},
    {"email_status", "result.email_status"},
    {"personal_email", "result.personal_email"},
    {"personal_email_status", "result.personal_email_status"},
    {"phones", "result.phones"},
    {"error", "error"},
    {NULL, NULL},
};

struct pending {
    char *raw; /* the row as it is in the file */
    size_t raw_size;
    char end[3];
    bool fits; /* has the columns of the header */
    bool answered;
    char *fault;
    struct json_object *columns, *request; /* as in the file (not for CSV); what became of it */
};

struct exporter {
    struct source *source;
    struct pipeline *pipeline;
    struct export_items items;
    char delimiter;
    struct pending window[WINDOW]; /* a ring */
    size_t first, n;
};

static void pending_done(struct pending *pending)
{
    free(pending->raw);
    free(pending->fault);
    json_object_put(pending->columns);
    json_object_put(pending->request);
    *pending = (struct pending){0};
}

static void put_header(struct exporter *exporter)
{
    const char *end, *header;
    size_t size;

    header = source_header(exporter->source, &size, &end);
    if (csv_file_has_bom(source_file(exporter->source)))
        fputs("\xef\xbb\xbf", stdout);
    fwrite(header, 1, size, stdout);
    for (const struct export_column *column = export_result_columns; column->title; column++)
        printf("%c%s", exporter->delimiter, column->title);
    fputs(end, stdout);
}

/* A row that does not have the columns of the header goes into the first of them as a whole, so that
 * the results stand in theirs. */
static void put_original(const struct exporter *exporter, const struct pending *pending)
{
    if (pending->fits) {
        fwrite(pending->raw, 1, pending->raw_size, stdout);
        return;
    }
    csv_write(stdout, exporter->delimiter, pending->raw, pending->raw_size);
    for (size_t i = 1; i < source_columns(exporter->source); i++)
        putchar(exporter->delimiter);
}

static void put_row(const struct exporter *exporter, const struct pending *pending)
{
    const char *end;
    size_t size;

    put_original(exporter, pending);
    for (const struct export_column *column = export_result_columns; column->title; column++) {
        putchar(exporter->delimiter);
        if (strcmp(column->title, "error") == 0 && pending->fault)
            csv_write_foreign(stdout, exporter->delimiter, pending->fault, strlen(pending->fault));
        else
            export_cell(stdout, exporter->delimiter, pending->request, column->path);
    }
    source_header(exporter->source, &size, &end);
    fputs(pending->end[0] ? pending->end : end, stdout);
}

/* Bytes that are no UTF-8 become '?'. */
static int add_raw(struct json_object *object, struct pending *pending)
{
    for (size_t i = 0, n; i < pending->raw_size; i += n) {
        n = text_utf8_length(pending->raw + i, pending->raw_size - i);
        if (n == 0) {
            pending->raw[i] = '?';
            n = 1;
        }
    }
    return json_add_string_len(object, "row", pending->raw, pending->raw_size);
}

/* The columns of the file, and the request, null when there is none. A row that could not be read
 * is there as text. */
static int put_json(struct exporter *exporter, struct pending *pending)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;

    if (r == 0 && pending->columns)
        r = json_add(object, "columns", json_object_get(pending->columns));
    else if (r == 0)
        r = add_raw(object, pending);
    if (r == 0)
        r = json_add(object, "request", json_object_get(pending->request));
    if (r == 0)
        r = json_add_string(object, "error",
                            pending->fault ? pending->fault
                                           : json_get_string(pending->request, "error"));
    return r < 0 ? r : export_item(&exporter->items, object);
}

/* Writes what is answered, from the first on. */
static int put_answered(struct exporter *exporter)
{
    int r = 0;

    while (r == 0 && exporter->n > 0 && exporter->window[exporter->first].answered) {
        struct pending *pending = &exporter->window[exporter->first];

        if (exporter->items.output == EXPORT_CSV)
            put_row(exporter, pending);
        else
            r = put_json(exporter, pending);
        pending_done(pending);
        exporter->first = (exporter->first + 1) % WINDOW;
        exporter->n--;
    }
    if (r == 0 && ferror(stdout))
        return fail(EXIT_ERROR, "cannot write the answer");
    return r;
}

static int on_done(void *tag, struct answer *answer, unsigned tries, void *userdata)
{
    struct pending *pending = tag;
    struct json_object *items = json_get(answer->json, "items");

    (void)tries;
    (void)userdata;
    if (answer->status >= 300)
        return fail(answer->status == 403 ? EXIT_AUTHENTICATION : EXIT_ERROR, "%s", answer->detail);
    pending->answered = true;
    pending->request = items && json_object_array_length(items) > 0
                           ? json_object_get(json_object_array_get_idx(items, 0))
                           : NULL;
    if (pending->request)
        return 0;
    pending->fault = strdup("was not submitted");
    return pending->fault ? 0 : -ENOMEM;
}

static void on_trouble(const char *detail, void *userdata)
{
    (void)userdata;
    fail(EXIT_ERROR, "%s; trying again", detail);
}

static int ask(struct exporter *exporter, struct pending *pending, const char *key)
{
    struct path path;
    int r;

    path_begin(&path, "/v1/requests");
    path_add(&path, "idempotency_key", key);
    r = path_end(&path);
    if (r == 0)
        r = pipeline_start(exporter->pipeline, "GET", path.text, NULL, 0, pending);
    free(path.text);
    return r;
}

static int add_row(struct exporter *exporter, struct source_row *row)
{
    struct pending *pending;
    int r = 0;

    while (r == 0 && exporter->n == WINDOW) {
        r = pipeline_turn(exporter->pipeline, TURN_MS);
        if (r == 0)
            r = put_answered(exporter);
    }
    if (r != 0)
        return r;
    pending = &exporter->window[(exporter->first + exporter->n++) % WINDOW];
    pending->raw = malloc(row->csv.raw_size + 1);
    if (!pending->raw)
        return -ENOMEM;
    memcpy(pending->raw, row->csv.raw, row->csv.raw_size);
    pending->raw_size = row->csv.raw_size;
    memcpy(pending->end, row->csv.end, strlen(row->csv.end) + 1);
    pending->fits =
        !csv_is_broken(row->csv.fault) && row->csv.n == source_columns(exporter->source);
    pending->fault = TAKE_PTR(row->fault);
    pending->answered = row->blank || pending->fault;
    if (exporter->items.output != EXPORT_CSV && pending->fits && row->csv.fault == CSV_OK)
        r = source_row_columns(exporter->source, row, &pending->columns);
    if (r < 0)
        return r;
    return pending->answered ? put_answered(exporter) : ask(exporter, pending, row->key);
}

static int export_rows(struct exporter *exporter, const char *path)
{
    int r = 0;

    while (r == 0) {
        struct source_row row;

        r = source_next(exporter->source, &row);
        if (r == SOURCE_END)
            break;
        if (r < 0 && r != -ENOMEM)
            return fail(EXIT_ERROR, "%s: %s", path, strerror(-r));
        /* an empty line has no columns to stand behind */
        if (r == 0 && !(row.blank && row.csv.n < source_columns(exporter->source)))
            r = add_row(exporter, &row);
        source_row_done(&row);
    }
    if (r == SOURCE_END)
        r = 0;
    while (r == 0 && exporter->n > 0) {
        r = put_answered(exporter);
        if (r == 0 && exporter->n > 0)
            r = pipeline_turn(exporter->pipeline, TURN_MS);
    }
    return r;
}

static int say_failed(const struct pipeline *pipeline, int result)
{
    if (result < 0)
        return fail(EXIT_ERROR, "out of memory");
    if (result < PIPELINE_E_UNREACHABLE)
        return result; /* was said */
    return fail(result == PIPELINE_E_UNREACHABLE ? EXIT_UNREACHABLE : EXIT_ERROR, "%s",
                pipeline_detail(pipeline));
}

/* One that is away from the start is not waited for. */
static int look_first(struct context *context)
{
    struct answer answer = {0};
    int status = call(context, "GET", "/v1/status", NULL, NULL, &answer);

    answer_done(&answer);
    return status;
}

int export_file(struct context *context, const struct source_options *options,
                enum export_output output)
{
    cleanup_source struct source *source = NULL;
    struct exporter exporter = {.items = {.output = output}};
    const struct pipeline_settings settings = {
        .socket = client_socket(context->client),
        .slots = WINDOW,
        .patience_ms = PATIENCE_MS,
        .trouble = on_trouble,
        .done = on_done,
    };
    int r = source_open(options, &source);

    if (r == EXIT_OK)
        r = look_first(context);
    if (r != EXIT_OK)
        return r;
    exporter.source = source;
    exporter.delimiter = csv_file_delimiter(source_file(source));
    r = pipeline_new(&settings, &exporter.pipeline);
    if (r == 0 && output == EXPORT_CSV)
        put_header(&exporter);
    if (r == 0)
        r = export_rows(&exporter, options->path);
    if (r == 0)
        export_items_end(&exporter.items);
    else
        r = say_failed(exporter.pipeline, r);
    pipeline_free(exporter.pipeline);
    for (size_t i = 0; i < WINDOW; i++)
        pending_done(&exporter.window[i]);
    return r;
}
