/* prontoctl(1): global options, then one row of the table of commands. */
#include "ctl/command.h"

#include "common/query_socket.h"

#include <getopt.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

const struct command *const command_groups[] = {
    request_commands,  import_commands, export_commands, watch_commands,      callback_commands,
    delivery_commands, hook_commands,   status_commands, completion_commands, NULL};

const char command_global_options[] =
    "  --socket PATH            default $" QUERY_SOCKET_ENV " or " QUERY_SOCKET_DEFAULT "\n"
    "  --format table|json|csv  table on a terminal, json otherwise\n"
    "  --version                print the version and exit\n"
    "  --help                   print this and exit; after a command: its options\n";

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++)
            if (strcmp(command->name, name) == 0)
                return command;
    return NULL;
}

static void print_help(void)
{
    puts("Usage: prontoctl [--socket PATH] [--format table|json|csv] COMMAND [OPTIONS]\n"
         "\n"
         "Asks and tells prontod over its query socket.\n");
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++)
            printf("  %-12s %s\n", command->name, command->help);
    printf("\n%s", command_global_options);
    puts("\n"
         "Exit status: 0 success, 1 error, 2 invalid input, 3 authentication, 4 rate limit, 5 "
         "credits or plan,\n"
         "6 not found, 7 prontod cannot be reached. See prontoctl(1).");
}

static int print_command_help(const struct command *command)
{
    printf("Usage: prontoctl %s %s\n\n%s%s%s\n", command->name, command->arguments, command->help,
           command->options[0] ? ".\n\n" : ".", command->options);
    return EXIT_OK;
}

struct arguments {
    const char *socket;
    enum format format;
    bool format_given;
};

static bool parse_format(const char *text, enum format *ret)
{
    static const char *const names[] = {
        [FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum format)i;
            return true;
        }
    return false;
}

/* Options before the command. Returns -1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *env = getenv(QUERY_SOCKET_ENV);
    int option;

    ret->socket = env && *env ? env : QUERY_SOCKET_DEFAULT;
    ret->format = isatty(STDOUT_FILENO) ? FORMAT_TABLE : FORMAT_JSON;
    while ((option = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
        switch (option) {
        case 's':
            ret->socket = optarg;
            break;
        case 'f':
            if (!parse_format(optarg, &ret->format))
                return fail(EXIT_INPUT, "--format is table, json or csv, not '%s'", optarg);
            ret->format_given = true;
            break;
        case 'V':
            puts("prontoctl " PRONTOD_VERSION);
            return EXIT_OK;
        case 'h':
            print_help();
            return EXIT_OK;
        case ':':
            return fail(EXIT_INPUT, "option %s needs a value; see prontoctl --help",
                        argv[optind - 1]);
        default:
            return fail(EXIT_INPUT, "unknown option %s; see prontoctl --help", argv[optind - 1]);
        }
    }
    return -1;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct context context = {0};
    const struct command *command;
    cleanup_client struct client *client = NULL;
    int status;

    setlocale(LC_CTYPE, "");
    status = parse_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (optind >= argc)
        return fail(EXIT_INPUT, "which command? See prontoctl --help");
    argc -= optind;
    argv += optind;
    command = find_command(argv[0]);
    if (!command)
        return fail(EXIT_INPUT, "unknown command '%s'; see prontoctl --help", argv[0]);
    if (asks_for_help(argc, argv))
        return print_command_help(command);
    if (client_new(arguments.socket, &client) < 0)
        return fail(EXIT_ERROR, "out of memory");
    context = (struct context){.client = client,
                               .format = arguments.format,
                               .format_given = arguments.format_given,
                               .command = command->name};
    optind = 0; /* glibc: begin anew, for the command's own options */
    status = command->run(&context, argc, argv);
    if (fflush(stdout) != 0 && status == EXIT_OK)
        return fail(EXIT_ERROR, "cannot write the answer");
    return status;
}
