/* status, credits. */
#include "ctl/command.h"

#include <getopt.h>

static const struct column status_columns[] = {
    {"VERSION", "version"},
    {"READY", "ready"},
    {"QUEUED", "requests.queued"},
    {"PENDING", "requests.pending"},
    {"FINISHED", "requests.finished"},
    {"FAILED", "requests.failed"},
    {"EXPIRED", "requests.expired"},
    {"UNMATCHED", "callbacks.unmatched"},
    {"DEAD", "deliveries.dead"},
    {"SUBMITTING", "submitting.state"},
    {NULL, NULL},
};

static int get(struct context *context, int argc, char **argv, const char *base)
{
    static const struct option none[] = {{0}};
    int option = getopt_long(argc, argv, ":", none, NULL);
    struct path path;

    if (option >= 0)
        return option_error(context, option, argv);
    if (optind < argc)
        return usage_error(context, "unexpected argument '%s'", argv[optind]);
    path_begin(&path, base);
    return print_one(context, "GET", &path, NULL, status_columns);
}

static int run_status(struct context *context, int argc, char **argv)
{
    return get(context, argc, argv, "/v1/status");
}

static int run_credits(struct context *context, int argc, char **argv)
{
    return get(context, argc, argv, "/v1/credits");
}

const struct command status_commands[] = {
    {"status", "", "counts, ages and states of everything", "", run_status},
    {"credits", "", "Pronto's credits, and what was spent today (in a later release)", "",
     run_credits},
    {0},
};
