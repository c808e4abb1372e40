/* import: options, and what is said at the end. */
#include "ctl/import.h"
#include "ctl/interrupt.h"
#include "ctl/wait.h"

#include "common/limits.h"
#include "common/parse.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

#define PATIENCE_MS      60000
#define EXIT_INTERRUPTED (128 + SIGINT)

enum { OPT_BATCH = OPTION_SOURCE_OWN, OPT_WAIT, OPT_DRY_RUN, OPT_PATIENCE };

void import_say(struct import *import, const char *format, ...)
{
    va_list args;

    progress_clear(&import->progress);
    fputs("prontoctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void import_wrong(struct import *import, uint64_t line, const char *reason)
{
    progress_clear(&import->progress);
    fprintf(stderr, "%s:%llu: %s\n", import->options.path, (unsigned long long)line, reason);
    import->wrong++;
}

void import_trouble(struct import *import, const char *detail)
{
    import_say(import, "%s; trying again", detail);
}

int import_failed(struct import *import, const struct pipeline *pipeline, int result)
{
    if (result < 0)
        return fail(EXIT_ERROR, "out of memory");
    switch (result) {
    case PIPELINE_E_UNREACHABLE:
        fail(EXIT_ERROR, "%s", pipeline_detail(pipeline));
        return fail(EXIT_UNREACHABLE,
                    "gave up at line %llu of %s; run it again when prontod is there: no row is "
                    "submitted twice",
                    (unsigned long long)import->last_line, import->options.path);
    case PIPELINE_E_UNAVAILABLE:
        return fail(EXIT_ERROR,
                    "gave up at line %llu of %s: %s. Run it again later: no row is submitted twice",
                    (unsigned long long)import->last_line, import->options.path,
                    pipeline_detail(pipeline));
    case PIPELINE_E_GARBAGE:
        return fail(EXIT_ERROR, "%s", pipeline_detail(pipeline));
    default:
        return result; /* was said */
    }
}

static int parse_batch(const struct context *context, const char *text, size_t *ret)
{
    int64_t n = LIMIT_BATCH;

    if (text && parse_integer(text, 2, LIMIT_BATCH, &n) < 0)
        return usage_error(context, "--batch takes 2 to %d, not '%s'", LIMIT_BATCH, text);
    *ret = (size_t)n;
    return EXIT_OK;
}

static int import_option(struct import *import, int option, char **argv)
{
    const struct context *context = import->context;

    switch (option) {
    case OPT_BATCH:
        return parse_batch(context, optarg, &import->batch);
    case OPT_WAIT:
        import->wait = true;
        import->wait_ms = -1;
        return optarg ? wait_parse(context, optarg, &import->wait_ms) : EXIT_OK;
    case OPT_DRY_RUN:
        import->dry_run = true;
        return EXIT_OK;
    case OPT_PATIENCE:
        return wait_parse(context, optarg, &import->patience_ms);
    case ':':
    case '?':
        return option_error(context, option, argv);
    default:
        return source_option(context, &import->options, option, optarg);
    }
}

static int parse(struct import *import, int argc, char **argv)
{
    static const struct option options[] = {SOURCE_OPTIONS,
                                            {"batch", optional_argument, NULL, OPT_BATCH},
                                            {"wait", optional_argument, NULL, OPT_WAIT},
                                            {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                            {"patience", required_argument, NULL, OPT_PATIENCE},
                                            {0}};
    int status = EXIT_OK, option;

    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
        status = import_option(import, option, argv);
    if (status != EXIT_OK)
        return status;
    if (optind + 1 != argc)
        return usage_error(import->context, "give one file, or - for standard input");
    import->options.path = argv[optind];
    if (import->wait && strcmp(import->options.path, "-") == 0)
        return usage_error(import->context,
                           "--wait reads the file a second time: save it and give its name");
    if (import->wait && import->dry_run)
        return usage_error(import->context, "--wait and --dry-run exclude each other");
    return EXIT_OK;
}

/* How prontod is before the first row: one that is away or has no key ends the import at once. */
static int look_first(struct import *import)
{
    struct answer answer = {0};
    const char *detail, *state;
    int status = call(import->context, "GET", "/v1/status", NULL, NULL, &answer);

    if (status != EXIT_OK)
        return status;
    state = json_get_string(json_get(answer.json, "submitting"), "state");
    if (state && strcmp(state, "no_key") == 0) {
        wait_cannot_submit(answer.json, &detail);
        status = fail(EXIT_AUTHENTICATION, "prontod takes no requests: %s", detail);
    }
    import->baseline = TAKE_PTR(answer.json);
    answer_done(&answer);
    return status;
}

/* Requests that stay queued for a reason that does not pass by itself soon. */
static void look_last(struct import *import)
{
    struct answer answer = {0};
    const char *detail;

    if (client_call(import->context->client, "GET", "/v1/status", NULL, NULL, &answer) ==
            CLIENT_OK &&
        wait_cannot_submit(answer.json, &detail) != EXIT_OK)
        import_say(import, "the requests stay queued: %s", detail);
    answer_done(&answer);
}

/* The most that the good rows may cost; false: unknown. */
static bool find_cost(struct import *import, int64_t *ret)
{
    struct answer answer = {0};
    bool known = client_call(import->context->client, "GET", "/v1/status", NULL, NULL, &answer) ==
                     CLIENT_OK &&
                 answer.status == 200;
    struct json_object *prices = json_get(json_get(answer.json, "credits"), "prices");

    *ret = 0;
    for (int type = 0; type < ENRICHMENT_MAX_; type++) {
        int64_t price = 0;

        if (import->by_type[type] == 0)
            continue;
        known = known &&
                json_get_int64(prices, enrichment_type_name((enum enrichment_type)type), &price);
        *ret += price * (int64_t)import->by_type[type];
    }
    answer_done(&answer);
    return known;
}

static int add_count(struct json_object *object, const char *name, uint64_t count)
{
    return json_add_int64(object, name, (int64_t)count);
}

static struct json_object *make_summary(struct import *import, const int64_t *cost)
{
    struct json_object *object = json_object_new_object();
    int r = json_add_string(object, "file", import->options.path);

    if (r == 0)
        r = add_count(object, "rows", import->rows);
    if (r == 0)
        r = add_count(object, "wrong", import->wrong);
    if (r == 0 && import->dry_run) {
        r = add_count(object, "good", import->rows - import->wrong);
        if (r == 0)
            r = cost ? json_add_int64(object, "credits", *cost) : json_add(object, "credits", NULL);
    } else if (r == 0) {
        r = add_count(object, "new", import->made);
        if (r == 0)
            r = add_count(object, "known", import->known);
        if (r == 0)
            r = add_count(object, "repeated", import->repeated);
    }
    if (r == 0 && import->waited) {
        r = add_count(object, "finished", import->finished);
        if (r == 0)
            r = add_count(object, "failed", import->failed);
        if (r == 0)
            r = add_count(object, "expired", import->expired);
    }
    if (r == 0)
        r = json_add_bool(object, "interrupted", import->stopped);
    if (r == 0)
        return object;
    json_object_put(object);
    return NULL;
}

static void print_text(struct import *import, const int64_t *cost)
{
    unsigned long long sent = import->made + import->known + import->repeated;

    if (import->dry_run) {
        printf("%llu rows: %llu good, %llu wrong; they may cost ", (unsigned long long)import->rows,
               (unsigned long long)(import->rows - import->wrong),
               (unsigned long long)import->wrong);
        if (cost)
            printf("%lld credits at most\n", (long long)*cost);
        else
            puts("an unknown number of credits");
        return;
    }
    printf("imported %llu rows: %llu new, %llu known, %llu wrong", sent,
           (unsigned long long)import->made, (unsigned long long)import->known,
           (unsigned long long)import->wrong);
    if (import->repeated > 0)
        printf(", %llu repeated", (unsigned long long)import->repeated);
    if (import->waited)
        printf("; %llu finished, %llu failed, %llu expired", (unsigned long long)import->finished,
               (unsigned long long)import->failed, (unsigned long long)import->expired);
    putchar('\n');
}

static const struct column summary_columns[] = {
    {"ROWS", "rows"},
    {"GOOD", "good"},
    {"NEW", "new"},
    {"KNOWN", "known"},
    {"REPEATED", "repeated"},
    {"WRONG", "wrong"},
    {"FINISHED", "finished"},
    {"FAILED", "failed"},
    {"EXPIRED", "expired"},
    {"CREDITS", "credits"},
    {NULL, NULL},
};

static void summarize(struct import *import)
{
    cleanup_json struct json_object *summary = NULL;
    int64_t cost;
    bool known = import->dry_run && find_cost(import, &cost);

    if (import->context->format == FORMAT_TABLE) {
        print_text(import, known ? &cost : NULL);
    } else {
        summary = make_summary(import, known ? &cost : NULL);
        if (summary)
            output_object(stdout, import->context->format, summary, summary_columns);
    }
    if (import->stopped)
        import_say(import,
                   "interrupted after line %llu of %s; run it again to go on: no row is submitted "
                   "twice",
                   (unsigned long long)import->last_line, import->options.path);
}

static int import(struct import *import)
{
    int status = import->dry_run ? EXIT_OK : look_first(import);
    bool begun;

    if (status != EXIT_OK)
        return status;
    interrupt_catch();
    status = import_send(import);
    begun = import->rows > 0 || status == EXIT_OK;
    if (status == EXIT_OK && import->wait && !import->stopped)
        status = import_wait(import);
    else if (status == EXIT_OK && !import->dry_run)
        look_last(import);
    if (begun)
        summarize(import);
    if (import->stopped)
        return EXIT_INTERRUPTED;
    if (import->wrong > 0 && (status == EXIT_OK || (status == EXIT_ERROR && import->waited)))
        return EXIT_INPUT;
    return status;
}

static int run_import(struct context *context, int argc, char **argv)
{
    struct import one = {.context = context, .batch = 1, .patience_ms = PATIENCE_MS};
    int status = parse(&one, argc, argv);

    if (status == EXIT_OK)
        status = import(&one);
    json_object_put(one.baseline);
    source_options_done(&one.options);
    return status;
}

const struct command import_commands[] = {
    {"import", "[OPTIONS] FILE.csv", "submit the rows of a CSV file, each of them once",
     SOURCE_HELP
     "  --batch[=N]                            N rows (2 to 100, default 100) in one call to "
     "Pronto\n"
     "  --dry-run                              say what is wrong and what it may cost, send "
     "nothing\n"
     "  --wait[=S]                             until every row has a result, at most S seconds\n"
     "  --patience S                           how long a prontod that is gone is tried again; "
     "default 60\n"
     "FILE - is standard input. The first line names the columns: firstname, lastname, domain,\n"
     "company_name, linkedin_url, in the spellings that are usual. Run again, it goes on where it "
     "stopped.\n",
     run_import},
    {0},
};
