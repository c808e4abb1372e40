/* hooks, test-hook. */
#include "ctl/command.h"

#include <getopt.h>

static const struct column hook_columns[] = {
    {"NAME", "name"},
    {"STATE", "state"},
    {"MODE", "mode"},
    {"QUEUED", "queued"},
    {"RUNNING", "running"},
    {"RETRYING", "retrying"},
    {"SUCCEEDED", "succeeded"},
    {"DEAD", "dead"},
    {"LAST SUCCESS", "last_success_at"},
    {"LAST FAILURE", "last_failure"},
    {"ERROR", "error"},
    {NULL, NULL},
};

static const struct column outcome_columns[] = {
    {"EXIT", "exit_code"}, {"SIGNAL", "signal"}, {"TIMED OUT", "timed_out"},
    {"MS", "duration_ms"}, {"ERROR", "error"},   {"OUTPUT", "output"},
    {NULL, NULL},
};

static int no_options(struct context *context, int argc, char **argv)
{
    static const struct option none[] = {{0}};
    int option = getopt_long(argc, argv, ":", none, NULL);

    return option >= 0 ? option_error(context, option, argv) : EXIT_OK;
}

static int run_hooks(struct context *context, int argc, char **argv)
{
    struct path path;
    int status = no_options(context, argc, argv);

    if (status != EXIT_OK)
        return status;
    if (optind < argc)
        return usage_error(context, "unexpected argument '%s'", argv[optind]);
    path_begin(&path, "/v1/hooks");
    return print_list(context, &path, NULL, false, hook_columns);
}

static int run_test_hook(struct context *context, int argc, char **argv)
{
    struct answer answer = {0};
    struct path path;
    int64_t exit_code;
    int status = no_options(context, argc, argv);

    if (status != EXIT_OK)
        return status;
    if (optind + 1 != argc)
        return usage_error(context, "give the name of one hook");
    path_begin(&path, "/v1/hooks");
    path_part(&path, argv[optind]);
    path_part(&path, "test");
    status = call_path(context, "POST", &path, NULL, &answer);
    if (status == EXIT_OK) {
        output_object(stdout, context->format, answer.json, outcome_columns);
        if (!json_get_int64(answer.json, "exit_code", &exit_code) || exit_code != 0)
            status = fail(EXIT_ERROR, "the hook did not succeed");
    }
    answer_done(&answer);
    return status;
}

const struct command hook_commands[] = {
    {"hooks", "", "the hooks and their counts", "", run_hooks},
    {"test-hook", "NAME", "run a hook on a sample document, storing nothing", "", run_test_hook},
    {0},
};
