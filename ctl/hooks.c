/* hooks, hook, test-hook. */
#include "ctl/command.h"

#include <getopt.h>
#include <string.h>

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
    {"RETRY AT", "retry_at"},
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

/* The path of what is done to the hook that is named. */
static void hook_path(struct path *path, const char *name, const char *action)
{
    path_begin(path, "/v1/hooks");
    path_part(path, name);
    path_part(path, action);
}

static int test_hook(struct context *context, const char *name, struct json_object *body)
{
    struct answer answer = {0};
    struct path path;
    int64_t exit_code;
    int status;

    hook_path(&path, name, "test");
    status = call_path(context, "POST", &path, body, &answer);
    if (status == EXIT_OK) {
        output_object(stdout, context->format, answer.json, outcome_columns);
        if (!json_get_int64(answer.json, "exit_code", &exit_code) || exit_code != 0)
            status = fail(EXIT_ERROR, "the hook did not succeed");
    }
    answer_done(&answer);
    return status;
}

static int run_test_hook(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {
        {"request", required_argument, NULL, 'r'}, {"show-document", no_argument, NULL, 'd'}, {0}};
    cleanup_json struct json_object *body = json_object_new_object();
    int option, r = body ? 0 : -1;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option == 'r')
            r = r < 0 ? r : json_add_string(body, "request_id", optarg);
        else if (option == 'd')
            r = r < 0 ? r : json_add_bool(body, "show_document", true);
        else
            return option_error(context, option, argv);
    }
    if (r < 0)
        return fail(EXIT_ERROR, "out of memory");
    if (optind + 1 != argc)
        return usage_error(context, "give the name of one hook");
    return test_hook(context, argv[optind], body);
}

static int purge_hook(struct context *context, const char *name, bool sure)
{
    static const struct column purged[] = {{"PURGED", "purged"}, {NULL, NULL}};
    struct path path;

    if (!sure)
        return usage_error(
            context, "this deletes every delivery of %s that is not finished; say --yes", name);
    hook_path(&path, name, "purge");
    return print_one(context, "POST", &path, NULL, purged);
}

static int run_hook(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"yes", no_argument, NULL, 'y'}, {0}};
    const char *action, *name;
    struct path path;
    bool sure = false;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option != 'y')
            return option_error(context, option, argv);
        sure = true;
    }
    if (optind + 2 != argc)
        return usage_error(context, "give pause, resume or purge, and the name of one hook");
    action = argv[optind];
    name = argv[optind + 1];
    if (strcmp(action, "purge") == 0)
        return purge_hook(context, name, sure);
    if (sure || (strcmp(action, "pause") != 0 && strcmp(action, "resume") != 0))
        return usage_error(context, "give pause, resume or purge, and the name of one hook");
    hook_path(&path, name, action);
    return print_one(context, "POST", &path, NULL, hook_columns);
}

const struct command hook_commands[] = {
    {"hooks", "", "the hooks and their counts", "", run_hooks},
    {"hook", "pause|resume NAME | purge --yes NAME",
     "pause a hook, let it go on, or drop what one left that is no longer configured",
     "  pause                                  start nothing of it; what runs ends\n"
     "  resume                                 let it go on\n"
     "  purge --yes                            delete the deliveries that it did not finish; only\n"
     "                                         when it is not in the configuration\n",
     run_hook},
    {"test-hook", "[OPTIONS] NAME", "run a hook without storing anything",
     "  --request ID                           on this request; default: a sample\n"
     "  --show-document                        show what it was given\n",
     run_test_hook},
    {0},
};
