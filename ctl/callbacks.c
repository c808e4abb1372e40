/* callbacks, match. */
#include "ctl/command.h"

#include <getopt.h>

static const struct column columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"REASON", "reason"},
    {"DIFFERS", "differs"},
    {"REQUEST", "request_id"},
    {"ENRICHMENT ID", "enrichment_id"},
    {"RECEIVED", "received_at"},
    {"CLIENT", "client"},
    {NULL, NULL},
};

static int run_callbacks(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"all", no_argument, NULL, 'a'},
                                            {0}};
    const char *state = NULL, *limit = NULL;
    bool all = false;
    struct path path;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 's')
            state = optarg;
        else if (option == 'l')
            limit = optarg;
        else if (option == 'a')
            all = true;
        else
            return option_error(context, option, argv);
    }
    if (optind + 1 < argc || (optind < argc && (state || limit || all)))
        return usage_error(context, "unexpected argument '%s'", argv[argc - 1]);
    path_begin(&path, "/v1/callbacks");
    if (optind < argc) {
        path_part(&path, argv[optind]);
        return print_one(context, "GET", &path, NULL, columns);
    }
    path_add(&path, "state", state);
    return print_list(context, &path, limit, all, columns);
}

static int run_match(struct context *context, int argc, char **argv)
{
    static const struct option none[] = {{0}};
    cleanup_json struct json_object *body = json_object_new_object();
    int option = getopt_long(argc, argv, ":", none, NULL);
    struct path path;

    if (option >= 0)
        return option_error(context, option, argv);
    if (optind + 2 != argc)
        return usage_error(context, "give a callback id and a request id");
    if (!body || json_add_string(body, "request_id", argv[optind + 1]) < 0)
        return fail(EXIT_ERROR, "out of memory");
    path_begin(&path, "/v1/callbacks");
    path_part(&path, argv[optind]);
    path_part(&path, "match");
    return print_one(context, "POST", &path, body, columns);
}

const struct command callback_commands[] = {
    {"callbacks", "[OPTIONS] [ID]", "callbacks, newest first; or one with its body",
     "  --state matched|duplicate|unmatched|mismatched|interim|rejected\n"
     "  --limit N                              default 50, at most 1000\n"
     "  --all                                  every page\n",
     run_callbacks},
    {"match", "CALLBACK REQUEST", "match a callback to a request by hand", "", run_match},
    {0},
};
