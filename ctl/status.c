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

static const struct column credits_columns[] = {
    {"PRONTO", "pronto"},
    {"DAY", "day"},
    {"RESERVED", "reserved"},
    {"SPENT", "spent"},
    {"DAILY CREDITS", "daily_credits"},
    {NULL, NULL},
};

static int get(struct context *context, int argc, char **argv, const char *base,
               const struct column *columns)
{
    static const struct option none[] = {{0}};
    int option = getopt_long(argc, argv, ":", none, NULL);
    struct path path;

    if (option >= 0)
        return option_error(context, option, argv);
    if (optind < argc)
        return usage_error(context, "unexpected argument '%s'", argv[optind]);
    path_begin(&path, base);
    return print_one(context, "GET", &path, NULL, columns);
}

static int run_status(struct context *context, int argc, char **argv)
{
    return get(context, argc, argv, "/v1/status", status_columns);
}

static int run_credits(struct context *context, int argc, char **argv)
{
    return get(context, argc, argv, "/v1/credits", credits_columns);
}

const struct command status_commands[] = {
    {"status", "", "counts, ages and states of everything", "", run_status},
    {"credits", "", "Pronto's credits, and what prontod reserved and spent today", "", run_credits},
    {0},
};
