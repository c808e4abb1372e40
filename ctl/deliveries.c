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

static int run_deliveries(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'},   {"hook", required_argument, NULL, 'k'},
        {"request", required_argument, NULL, 'r'}, {"limit", required_argument, NULL, 'l'},
        {"all", no_argument, NULL, 'a'},           {0}};
    const char *state = NULL, *hook = NULL, *request = NULL, *limit = NULL;
    bool all = false;
    struct path path;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 's')
            state = optarg;
        else if (option == 'k')
            hook = optarg;
        else if (option == 'r')
            request = optarg;
        else if (option == 'l')
            limit = optarg;
        else if (option == 'a')
            all = true;
        else
            return option_error(context, option, argv);
    }
    if (optind + 1 < argc || (optind < argc && (state || hook || request || limit || all)))
        return usage_error(context, "unexpected argument '%s'", argv[argc - 1]);
    path_begin(&path, "/v1/deliveries");
    if (optind < argc) {
        path_part(&path, argv[optind]);
        return print_one(context, "GET", &path, NULL, columns);
    }
    path_add(&path, "state", state);
    path_add(&path, "hook", hook);
    path_add(&path, "request_id", request);
    return print_list(context, &path, limit, all, columns);
}

static int retry_dead(struct context *context, const char *hook)
{
    static const struct column retried[] = {{"RETRIED", "retried"}, {NULL, NULL}};
    cleanup_json struct json_object *body = json_object_new_object();
    struct path path;

    if (!body || json_add_string(body, "state", "dead") < 0 ||
        (hook && json_add_string(body, "hook", hook) < 0))
        return fail(EXIT_ERROR, "out of memory");
    path_begin(&path, "/v1/deliveries/retry");
    return print_one(context, "POST", &path, body, retried);
}

static int run_retry(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {
        {"dead", no_argument, NULL, 'd'}, {"hook", required_argument, NULL, 'k'}, {0}};
    const char *hook = NULL;
    bool dead = false;
    struct path path;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 'd')
            dead = true;
        else if (option == 'k')
            hook = optarg;
        else
            return option_error(context, option, argv);
    }
    if (dead && optind == argc)
        return retry_dead(context, hook);
    if (dead || hook || optind + 1 != argc)
        return usage_error(context, "give one delivery id, or --dead [--hook NAME]");
    path_begin(&path, "/v1/deliveries");
    path_part(&path, argv[optind]);
    path_part(&path, "retry");
    return print_one(context, "POST", &path, NULL, columns);
}

const struct command delivery_commands[] = {
    {"deliveries", "[OPTIONS] [ID]", "deliveries, newest first; or one with its attempts",
     "  --state queued|running|retrying|succeeded|dead\n"
     "  --hook NAME\n"
     "  --request ID\n"
     "  --limit N                              default 50, at most 1000\n"
     "  --all                                  every page\n",
     run_deliveries},
    {"retry", "DELIVERY | --dead [--hook NAME]", "run a delivery again",
     "  --dead                                 all dead ones\n"
     "  --hook NAME                            of this hook only\n",
     run_retry},
    {0},
};
