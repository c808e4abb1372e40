/* export: requests with their results, a page at a time. */
#include "ctl/export.h"
#include "ctl/csv_write.h"

#include <errno.h>
#include <string.h>

#define PAGE "500"

enum {
    OPT_OUTPUT = OPTION_SOURCE_OWN,
    OPT_STATE,
    OPT_CUSTOM,
    OPT_SINCE,
    OPT_UNTIL,
};

static const struct export_column columns[] = {
    {"id", "id"},
    {"state", "state"},
    {"enrichment_id", "enrichment_id"},
    {"enrichment_type", "enrichment_type"},
    {"firstname", "firstname"},
    {"lastname", "lastname"},
    {"domain", "domain"},
    {"company_name", "company_name"},
    {"linkedin_url", "linkedin_url"},
    {"custom", "custom"}, /* or a column for each of --custom-columns */
    {"email", "result.email"},
    {"email_status", "result.email_status"},
    {"personal_email", "result.personal_email"},
    {"personal_email_status", "result.personal_email_status"},
    {"phones", "result.phones"},
    {"created_at", "created_at"},
    {"submitted_at", "submitted_at"},
    {"finished_at", "finished_at"},
    {"source", "source"},
    {"error", "error"},
    {NULL, NULL},
};

static struct json_object *lookup(struct json_object *object, const char *path)
{
    const char *dot = strchr(path, '.');
    cleanup_free char *first = dot ? strndup(path, (size_t)(dot - path)) : NULL;

    return dot ? json_get(first ? json_get(object, first) : NULL, dot + 1) : json_get(object, path);
}

/* Text as it is, an array of texts with blanks between, else JSON; nothing for null. An allocation
 * or NULL. */
static char *cell_text(struct json_object *value, size_t *ret_size)
{
    char *text = NULL;
    FILE *stream;

    *ret_size = 0;
    if (json_object_is_type(value, json_type_string)) {
        *ret_size = (size_t)json_object_get_string_len(value);
        text = malloc(*ret_size + 1);
        return text ? memcpy(text, json_object_get_string(value), *ret_size + 1) : NULL;
    }
    if (value && !json_object_is_type(value, json_type_array))
        return json_serialize(value, &text, ret_size) < 0 ? NULL : text;
    stream = value ? open_memstream(&text, ret_size) : NULL;
    if (!stream)
        return NULL;
    for (size_t i = 0; i < json_object_array_length(value); i++)
        fprintf(stream, "%s%s", i ? " " : "",
                json_object_get_string(json_object_array_get_idx(value, i)));
    fclose(stream);
    return text;
}

static void put_cell(FILE *stream, char delimiter, struct json_object *value)
{
    size_t size;
    cleanup_free char *text = cell_text(value, &size);

    if (text)
        csv_write_foreign(stream, delimiter, text, size);
}

void export_cell(FILE *stream, char delimiter, struct json_object *request, const char *path)
{
    put_cell(stream, delimiter, lookup(request, path));
}

static void put_header(char **custom)
{
    for (const struct export_column *column = columns; column->title; column++) {
        const char *separator = column == columns ? "" : ",";

        if (strcmp(column->title, "custom") != 0 || !custom)
            printf("%s%s", separator, column->title);
        else
            for (char **name = custom; *name; name++) {
                putchar(',');
                csv_write(stdout, ',', *name, strlen(*name));
            }
    }
    putchar('\n');
}

static void put_row(struct json_object *request, char **custom)
{
    for (const struct export_column *column = columns; column->title; column++) {
        if (strcmp(column->title, "custom") == 0 && custom) {
            for (char **name = custom; *name; name++) {
                putchar(',');
                put_cell(stdout, ',', json_get(json_get(request, "custom"), *name));
            }
            continue;
        }
        if (column != columns)
            putchar(',');
        export_cell(stdout, ',', request, column->path);
    }
    putchar('\n');
}

int export_item(struct export_items *items, struct json_object *object)
{
    cleanup_free char *text = NULL;
    size_t size;

    if (json_serialize(object, &text, &size) < 0)
        return -ENOMEM;
    if (items->output == EXPORT_JSON)
        fputs(items->any ? ",\n" : "[\n", stdout);
    fwrite(text, 1, size, stdout);
    if (items->output == EXPORT_NDJSON)
        putchar('\n');
    items->any = true;
    return 0;
}

void export_items_end(struct export_items *items)
{
    if (items->output == EXPORT_JSON)
        fputs(items->any ? "\n]\n" : "[]\n", stdout);
}

static int put_page(struct json_object *page, char **custom, struct export_items *items)
{
    struct json_object *array = json_get(page, "items");

    for (size_t i = 0; array && i < json_object_array_length(array); i++) {
        struct json_object *request = json_object_array_get_idx(array, i);

        if (items->output == EXPORT_CSV)
            put_row(request, custom);
        else if (export_item(items, request) < 0)
            return fail(EXIT_ERROR, "out of memory");
    }
    if (ferror(stdout))
        return fail(EXIT_ERROR, "cannot write the answer");
    return EXIT_OK;
}

/* @path without limit and after; consumed. */
static int export_list(struct context *context, struct path *path, char **custom,
                       enum export_output output)
{
    struct export_items items = {.output = output};
    cleanup_free char *next = NULL;
    int status = path_end(path) < 0 ? fail(EXIT_ERROR, "out of memory") : EXIT_OK;
    bool first = true;

    while (status == EXIT_OK && (first || next)) {
        struct answer answer = {0};
        const char *after;
        struct path page;

        path_begin(&page, path->text);
        page.has_query = path->has_query;
        path_add(&page, "limit", PAGE);
        path_add(&page, "after", next);
        status = call_path(context, "GET", &page, NULL, &answer);
        free(next);
        after = json_get_string(answer.json, "next");
        next = after ? strdup(after) : NULL;
        if (first && status == EXIT_OK && output == EXPORT_CSV)
            put_header(custom);
        if (status == EXIT_OK)
            status = after && !next ? fail(EXIT_ERROR, "out of memory")
                                    : put_page(answer.json, custom, &items);
        answer_done(&answer);
        first = false;
    }
    if (status == EXIT_OK)
        export_items_end(&items);
    free(path->text);
    return status;
}

static int parse_output(const struct context *context, const char *text, enum export_output *ret)
{
    static const char *const names[] = {
        [EXPORT_CSV] = "csv", [EXPORT_JSON] = "json", [EXPORT_NDJSON] = "ndjson"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum export_output)i;
            return EXIT_OK;
        }
    return usage_error(context, "--output is csv, json or ndjson, not '%s'", text);
}

struct export
{
    struct source_options source;
    struct path path;
    enum export_output output;
    bool filtered, joined; /* options of the one form and of the other */
};

static int take_filter(const struct context *context, struct export *export, int option,
                       const char *value)
{
    static const char *const keys[] = {[0] = "state", /* of the options from OPT_STATE on */
                                       [OPT_CUSTOM - OPT_STATE] = NULL,
                                       [OPT_SINCE - OPT_STATE] = "since",
                                       [OPT_UNTIL - OPT_STATE] = "until"};

    export->filtered = true;
    if (option == OPT_CUSTOM)
        return path_add_custom(&export->path, value)
                   ? EXIT_OK
                   : usage_error(context, "--custom takes KEY=VALUE, not '%s'", value);
    path_add(&export->path, keys[option - OPT_STATE], value);
    return EXIT_OK;
}

static int take_option(const struct context *context, struct export *export, int option,
                       char **argv)
{
    switch (option) {
    case OPT_OUTPUT:
        return parse_output(context, optarg, &export->output);
    case ':':
    case '?':
        return option_error(context, option, argv);
    case OPT_STATE:
    case OPT_CUSTOM:
    case OPT_SINCE:
    case OPT_UNTIL:
        return take_filter(context, export, option, optarg);
    default:
        export->joined =
            export->joined || (option != OPTION_CUSTOM_COLUMNS && option != OPTION_SOURCE_TYPE);
        return source_option(context, &export->source, option, optarg);
    }
}

static int parse(const struct context *context, struct export *export, int argc, char **argv)
{
    static const struct option options[] = {SOURCE_OPTIONS,
                                            {"output", required_argument, NULL, OPT_OUTPUT},
                                            {"state", required_argument, NULL, OPT_STATE},
                                            {"custom", required_argument, NULL, OPT_CUSTOM},
                                            {"since", required_argument, NULL, OPT_SINCE},
                                            {"until", required_argument, NULL, OPT_UNTIL},
                                            {0}};
    int status = EXIT_OK, option;

    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
        status = take_option(context, export, option, argv);
    if (status != EXIT_OK)
        return status;
    if (optind + 1 < argc)
        return usage_error(context, "unexpected argument '%s'", argv[argc - 1]);
    export->source.path = optind < argc ? argv[optind] : NULL;
    if (export->source.path && export->filtered)
        return usage_error(context, "with a file its rows are exported: --state, --custom, --since "
                                    "and --until are for the list of requests");
    if (!export->source.path && export->joined)
        return usage_error(context, "--map, --label, --phone-country and --delimiter are for a "
                                    "file that was imported; name it");
    return EXIT_OK;
}

static int run_export(struct context *context, int argc, char **argv)
{
    struct export export = {.output = context->format_given && context->format == FORMAT_JSON
                                          ? EXPORT_JSON
                                          : EXPORT_CSV};
    int status;

    path_begin(&export.path, "/v1/requests");
    status = parse(context, &export, argc, argv);
    if (status == EXIT_OK && export.source.path) {
        status = export_file(context, &export.source, export.output);
        free(export.path.text);
    } else if (status == EXIT_OK) {
        path_add(&export.path, "enrichment_type", export.source.type);
        status = export_list(context, &export.path, export.source.custom, export.output);
    } else {
        free(export.path.text);
    }
    source_options_done(&export.source);
    return status;
}

const struct command export_commands[] = {
    {"export", "[OPTIONS] [FILE.csv]",
     "requests with their results; or the rows of an imported file",
     "  --output csv|json|ndjson               default csv\n"
     "  --custom-columns A,B                   a column for each of these members of custom\n"
     "  --state queued|pending|finished|failed|expired\n"
     "  --custom KEY=VALUE                     may be repeated\n"
     "  --since TIME, --until TIME             these three and --type as for list; without a file\n"
     "With a file that was imported: its rows in their order and as they are, with their results "
     "behind.\n"
     "Give the options that it was imported with:\n" SOURCE_HELP,
     run_export},
    {0},
};
