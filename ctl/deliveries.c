/* deliveries, retry. */
#include "ctl/command.h"

#include <getopt.h>

static const struct column columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"EVENT", "event"},
    {"HOOK", "hook"},
    {"REQUEST", "request_id"},
    {"CREATED", "created_at"},
    {"NEXT ATTEMPT", "next_attempt_at"},
    {"GIVES UP", "gives_up_at"},
    {NULL, NULL},
};

/* Options that are filters: the letter is their place among the names of the API. */
enum {
    FILTER_STATE,
    FILTER_EVENT,
    FILTER_HOOK,
    FILTER_REQUEST,
    FILTER_SINCE,
    FILTER_UNTIL,
    FILTERS
};
static const char *const filter_names[FILTERS] = {
    [FILTER_STATE] = "state",        [FILTER_EVENT] = "event", [FILTER_HOOK] = "hook",
    [FILTER_REQUEST] = "request_id", [FILTER_SINCE] = "since", [FILTER_UNTIL] = "until",
};

struct filters {
    const char *of[FILTERS];
    bool any;
};

static bool take_filter(struct filters *filters, int option)
{
    if (option < 0 || option >= FILTERS)
        return false;
    filters->of[option] = optarg;
    filters->any = true;
    return true;
}

static int run_deliveries(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, FILTER_STATE},
                                            {"event", required_argument, NULL, FILTER_EVENT},
                                            {"hook", required_argument, NULL, FILTER_HOOK},
                                            {"request", required_argument, NULL, FILTER_REQUEST},
                                            {"since", required_argument, NULL, FILTER_SINCE},
                                            {"until", required_argument, NULL, FILTER_UNTIL},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"all", no_argument, NULL, 'a'},
                                            {0}};
    struct filters filters = {.any = false};
    const char *limit = NULL;
    bool all = false;
    struct path path;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 'l')
            limit = optarg;
        else if (option == 'a')
            all = true;
        else if (!take_filter(&filters, option))
            return option_error(context, option, argv);
    }
    if (optind + 1 < argc || (optind < argc && (filters.any || limit || all)))
        return usage_error(context, "unexpected argument '%s'", argv[argc - 1]);
    path_begin(&path, "/v1/deliveries");
    if (optind < argc) {
        path_part(&path, argv[optind]);
        return print_one(context, "GET", &path, NULL, columns);
    }
    for (int i = 0; i < FILTERS; i++)
        path_add(&path, filter_names[i], filters.of[i]);
    return print_list(context, &path, limit, all, columns);
}

static int retry_dead(struct context *context, const struct filters *filters)
{
    static const struct column retried[] = {{"RETRIED", "retried"}, {NULL, NULL}};
    cleanup_json struct json_object *body = json_object_new_object();
    struct path path;
    int r = body ? json_add_string(body, "state", "dead") : -1;

    for (int i = 0; i < FILTERS && r == 0; i++)
        if (filters->of[i])
            r = json_add_string(body, filter_names[i], filters->of[i]);
    if (r < 0)
        return fail(EXIT_ERROR, "out of memory");
    path_begin(&path, "/v1/deliveries/retry");
    return print_one(context, "POST", &path, body, retried);
}

static int retry_one(struct context *context, const char *delivery, bool again)
{
    cleanup_json struct json_object *body = NULL;
    struct path path;

    if (again) {
        body = json_object_new_object();
        if (!body || json_add_bool(body, "again", true) < 0)
            return fail(EXIT_ERROR, "out of memory");
    }
    path_begin(&path, "/v1/deliveries");
    path_part(&path, delivery);
    path_part(&path, "retry");
    return print_one(context, "POST", &path, body, columns);
}

static int run_retry(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"dead", no_argument, NULL, 'd'},
                                            {"again", no_argument, NULL, 'a'},
                                            {"event", required_argument, NULL, FILTER_EVENT},
                                            {"hook", required_argument, NULL, FILTER_HOOK},
                                            {"request", required_argument, NULL, FILTER_REQUEST},
                                            {"since", required_argument, NULL, FILTER_SINCE},
                                            {"until", required_argument, NULL, FILTER_UNTIL},
                                            {0}};
    struct filters filters = {.any = false};
    bool dead = false, again = false;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 'd')
            dead = true;
        else if (option == 'a')
            again = true;
        else if (!take_filter(&filters, option))
            return option_error(context, option, argv);
    }
    if (dead && !again && optind == argc)
        return retry_dead(context, &filters);
    if (dead || filters.any || optind + 1 != argc)
        return usage_error(context, "give one delivery id [--again], or --dead and filters");
    return retry_one(context, argv[optind], again);
}

const struct command delivery_commands[] = {
    {"deliveries", "[OPTIONS] [ID]", "deliveries, newest first; or one with its attempts",
     "  --state queued|running|retrying|succeeded|dead\n"
     "  --event finished|failed|expired|unmatched|dead\n"
     "  --hook NAME\n"
     "  --request ID\n"
     "  --since TIME                           created at or after (RFC 3339, or a date)\n"
     "  --until TIME                           created before\n"
     "  --limit N                              default 50, at most 1000\n"
     "  --all                                  every page\n",
     run_deliveries},
    {"retry", "DELIVERY [--again] | --dead [FILTERS]", "run a delivery again",
     "  --again                                also when it has succeeded\n"
     "  --dead                                 all dead ones, or of these:\n"
     "  --hook NAME                            those of this hook\n"
     "  --event finished|failed|expired|unmatched|dead\n"
     "  --request ID                           those of this request\n"
     "  --since TIME                           that died at or after (RFC 3339, or a date)\n"
     "  --until TIME                           that died before\n",
     run_retry},
    {0},
};
