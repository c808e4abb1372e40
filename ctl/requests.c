/* submit, register, list, show, wait, poll, forget. */
#include "ctl/command.h"
#include "ctl/contact_options.h"
#include "ctl/wait.h"

#include <string.h>

static const struct column request_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"TYPE", "enrichment_type"},
    {"FIRSTNAME", "firstname"},
    {"LASTNAME", "lastname"},
    {"EMAIL", "result.email"},
    {"PERSONAL EMAIL", "result.personal_email"},
    {"PHONE", "result.phones.0"},
    {"CREATED", "created_at"},
    {"ENRICHMENT ID", "enrichment_id"},
    {"ERROR", "error"},
    {NULL, NULL},
};

/* A file to join to one's own data needs everything. */
static const struct column request_csv_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"TYPE", "enrichment_type"},
    {"ENRICHMENT ID", "enrichment_id"},
    {"FIRSTNAME", "firstname"},
    {"LASTNAME", "lastname"},
    {"DOMAIN", "domain"},
    {"COMPANY", "company_name"},
    {"LINKEDIN", "linkedin_url"},
    {"CUSTOM", "custom"},
    {"EMAIL", "result.email"},
    {"EMAIL STATUS", "result.email_status"},
    {"PERSONAL EMAIL", "result.personal_email"},
    {"PERSONAL EMAIL STATUS", "result.personal_email_status"},
    {"PHONES", "result.phones"},
    {"CREATED", "created_at"},
    {"SUBMITTED", "submitted_at"},
    {"FINISHED", "finished_at"},
    {"SOURCE", "source"},
    {"ERROR", "error"},
    {NULL, NULL},
};

const struct column *request_columns_of(const struct context *context)
{
    return context->format == FORMAT_CSV ? request_csv_columns : request_columns;
}

enum { OPT_IDEMPOTENCY = OPTION_OWN, OPT_WAIT, OPT_DRY_RUN, OPT_ENRICHMENT_ID };

struct submit_options {
    struct contact_options contact;
    const char *idempotency_key;
    bool wait, dry_run;
    int64_t wait_ms;
};

static int submit_option(struct context *context, struct submit_options *options, int option,
                         const char *name, char **argv)
{
    switch (option) {
    case OPT_IDEMPOTENCY:
        if (strpbrk(optarg, "\r\n"))
            return usage_error(context, "an idempotency key is one line");
        options->idempotency_key = optarg;
        return EXIT_OK;
    case OPT_WAIT:
        options->wait = true;
        options->wait_ms = -1;
        return optarg ? wait_parse(context, optarg, &options->wait_ms) : EXIT_OK;
    case OPT_DRY_RUN:
        options->dry_run = true;
        return EXIT_OK;
    case ':':
    case '?':
        return option_error(context, option, argv);
    default:
        return contact_option(context, &options->contact, option, name, optarg);
    }
}

static int parse_submit(struct context *context, int argc, char **argv, struct submit_options *ret)
{
    static const struct option options[] = {
        CONTACT_OPTIONS,
        {"idempotency-key", required_argument, NULL, OPT_IDEMPOTENCY},
        {"wait", optional_argument, NULL, OPT_WAIT},
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {0}};
    int status = contact_begin(&ret->contact), option, index = 0;

    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, &index)) >= 0)
        status = submit_option(context, ret, option, options[index].name, argv);
    if (status == EXIT_OK && optind < argc)
        status = usage_error(context, "unexpected argument '%s'", argv[optind]);
    return status == EXIT_OK ? contact_end(&ret->contact) : status;
}

static int run_submit(struct context *context, int argc, char **argv)
{
    struct submit_options options = {0};
    struct answer answer = {0};
    int status = parse_submit(context, argc, argv, &options);

    if (status == EXIT_OK && options.dry_run) {
        output_object(stdout, context->format == FORMAT_CSV ? FORMAT_JSON : context->format,
                      options.contact.body, NULL);
    } else if (status == EXIT_OK) {
        status = call(context, "POST", "/v1/requests", options.contact.body,
                      options.idempotency_key, &answer);
        if (status == EXIT_OK && options.wait)
            status = wait_for(context, json_get_string(answer.json, "id"), options.wait_ms, true);
        else if (status == EXIT_OK)
            output_object(stdout, context->format, answer.json, request_columns_of(context));
    }
    answer_done(&answer);
    contact_options_done(&options.contact);
    return status;
}

static int parse_register(struct context *context, int argc, char **argv,
                          struct contact_options *ret)
{
    static const struct option options[] = {
        CONTACT_OPTIONS, {"enrichment-id", required_argument, NULL, OPT_ENRICHMENT_ID}, {0}};
    int status = contact_begin(ret), option, index = 0;

    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, &index)) >= 0) {
        if (option == ':' || option == '?')
            status = option_error(context, option, argv);
        else if (option == OPT_ENRICHMENT_ID)
            status = json_add_string(ret->body, "enrichment_id", optarg) < 0
                         ? fail(EXIT_ERROR, "out of memory")
                         : EXIT_OK;
        else
            status = contact_option(context, ret, option, options[index].name, optarg);
    }
    if (status == EXIT_OK && optind < argc)
        status = usage_error(context, "unexpected argument '%s'", argv[optind]);
    return status == EXIT_OK ? contact_end(ret) : status;
}

static int run_register(struct context *context, int argc, char **argv)
{
    struct contact_options options = {0};
    struct answer answer = {0};
    int status = parse_register(context, argc, argv, &options);

    if (status == EXIT_OK)
        status = call(context, "POST", "/v1/requests/register", options.body, NULL, &answer);
    if (status == EXIT_OK)
        output_object(stdout, context->format, answer.json, request_columns_of(context));
    answer_done(&answer);
    contact_options_done(&options);
    return status;
}

static int run_list(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'},
                                            {"type", required_argument, NULL, 't'},
                                            {"custom", required_argument, NULL, 'c'},
                                            {"enrichment-id", required_argument, NULL, 'e'},
                                            {"since", required_argument, NULL, 'f'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"all", no_argument, NULL, 'a'},
                                            {0}};
    static const char *const keys[] = {['s'] = "state",
                                       ['t'] = "enrichment_type",
                                       ['e'] = "enrichment_id",
                                       ['f'] = "since",
                                       ['u'] = "until"};
    const char *limit = NULL;
    struct path path;
    bool all = false, ok = true;
    int option, status = EXIT_OK;

    path_begin(&path, "/v1/requests");
    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == ':' || option == '?')
            status = option_error(context, option, argv);
        else if (option == 'c')
            ok = path_add_custom(&path, optarg);
        else if (option == 'l')
            limit = optarg;
        else if (option == 'a')
            all = true;
        else
            path_add(&path, keys[option], optarg);
        if (!ok)
            status = usage_error(context, "--custom takes KEY=VALUE, not '%s'", optarg);
    }
    if (status == EXIT_OK && optind < argc)
        status = usage_error(context, "unexpected argument '%s'", argv[optind]);
    if (status == EXIT_OK)
        return print_list(context, &path, limit, all, request_columns_of(context));
    free(path.text);
    return status;
}

/* The one argument of a command without options. NULL: *ret_status says what to end with. */
static const char *one_argument(struct context *context, int argc, char **argv, const char *what,
                                int *ret_status)
{
    static const struct option none[] = {{0}};
    int option = getopt_long(argc, argv, ":", none, NULL);

    if (option >= 0)
        *ret_status = option_error(context, option, argv);
    else if (optind + 1 != argc)
        *ret_status = usage_error(context, "give one %s", what);
    else
        return argv[optind];
    return NULL;
}

static int on_request(struct context *context, int argc, char **argv, const char *method,
                      const char *action)
{
    int status = EXIT_OK;
    const char *id = one_argument(context, argc, argv, "request id or enrichment id", &status);
    struct path path;

    if (!id)
        return status;
    path_begin(&path, "/v1/requests");
    path_part(&path, id);
    if (action)
        path_part(&path, action);
    return print_one(context, method, &path, NULL, request_columns_of(context));
}

static int run_show(struct context *context, int argc, char **argv)
{
    return on_request(context, argc, argv, "GET", NULL);
}

static int run_poll(struct context *context, int argc, char **argv)
{
    return on_request(context, argc, argv, "POST", "poll");
}

/* 0 in *ret_n when there was nothing. */
static int forget_by(struct context *context, const char *member, const char *what, int64_t *ret_n)
{
    cleanup_json struct json_object *body = json_object_new_object();
    struct answer answer = {0};
    int status;

    if (!body || json_add_string(body, member, what) < 0)
        return fail(EXIT_ERROR, "out of memory");
    status = call(context, "POST", "/v1/forget", body, NULL, &answer);
    *ret_n = 0;
    if (status == EXIT_OK)
        json_get_int64(answer.json, "erased", ret_n);
    answer_done(&answer);
    return status;
}

static int print_erased(struct context *context, int64_t n)
{
    static const struct column columns[] = {{"ERASED", "erased"}, {NULL, NULL}};
    cleanup_json struct json_object *object = json_object_new_object();

    if (!object || json_add_int64(object, "erased", n) < 0)
        return fail(EXIT_ERROR, "out of memory");
    output_object(stdout, context->format, object, columns);
    return EXIT_OK;
}

/* What it is shows: an address has an @, a URL a slash. Of the rest only prontod knows which are ids
 * of its own. */
static int run_forget(struct context *context, int argc, char **argv)
{
    int status = EXIT_OK;
    const char *what = one_argument(
        context, argc, argv, "request id, enrichment id, LinkedIn URL or e-mail address", &status);
    int64_t n = 0;

    if (!what)
        return status;
    if (strchr(what, '/')) {
        status = forget_by(context, "linkedin_url", what, &n);
    } else if (strchr(what, '@')) {
        status = forget_by(context, "email", what, &n);
    } else {
        status = forget_by(context, "request_id", what, &n);
        if (status == EXIT_OK && n == 0)
            status = forget_by(context, "enrichment_id", what, &n);
    }
    if (status != EXIT_OK)
        return status;
    return n > 0 ? print_erased(context, n)
                 : fail(EXIT_NOT_FOUND, "there is nothing about it in the store");
}

static int run_wait(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    int64_t timeout_ms = -1;
    int option, status = EXIT_OK;

    while (status == EXIT_OK && (option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
        status = option == 't' ? wait_parse(context, optarg, &timeout_ms)
                               : option_error(context, option, argv);
    if (status == EXIT_OK && optind + 1 != argc)
        status = usage_error(context, "give one request id or enrichment id");
    return status == EXIT_OK ? wait_for(context, argv[optind], timeout_ms, false) : status;
}

#define CONTACT_HELP                                                                               \
    "  --firstname NAME --lastname NAME\n"                                                         \
    "  --type email|phone|personal_email\n"                                                        \
    "  --domain DOMAIN, --company-name NAME   one of the two is needed for an e-mail\n"            \
    "  --linkedin-url URL                     needed for a phone number and a personal e-mail\n"   \
    "  --phone-country CC                     restricts phone numbers; may be repeated\n"          \
    "  --custom KEY=VALUE                     comes back with the result; may be repeated\n"       \
    "  --custom-json OBJECT                   likewise, any JSON object\n"

const struct command request_commands[] = {
    {"submit", "[OPTIONS]", "send a contact to Pronto",
     CONTACT_HELP
     "  --idempotency-key KEY                  the same key and contact give the same request\n"
     "  --wait[=S]                             until there is a result, at most S seconds\n"
     "  --dry-run                              show what would be submitted, submit nothing\n",
     run_submit},
    {"register", "--enrichment-id ID --type TYPE [OPTIONS]",
     "expect the callback of a request that other software submitted",
     "  --enrichment-id ID                     as Pronto gave it\n" CONTACT_HELP, run_register},
    {"list", "[OPTIONS]", "requests, newest first",
     "  --state queued|pending|finished|failed|expired\n"
     "  --type email|phone|personal_email\n"
     "  --custom KEY=VALUE                     may be repeated\n"
     "  --enrichment-id ID\n"
     "  --since TIME, --until TIME             of creation, RFC 3339 or a date\n"
     "  --limit N                              default 50, at most 1000\n"
     "  --all                                  every page\n",
     run_list},
    {"show", "ID", "one request with its result, callbacks and deliveries", "", run_show},
    {"wait", "[--timeout S] ID", "until the request has a result",
     "  --timeout S                            give up after S seconds\n", run_wait},
    {"poll", "ID", "ask Pronto for the result now, and show the request", "", run_poll},
    {"forget", "ID | ENRICHMENT_ID | LINKEDIN_URL | EMAIL",
     "erase a request, or everything about a person", "", run_forget},
    {0},
};
