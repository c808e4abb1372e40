#include "link/worker_settings.h"

#include "common/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2

static int refuse_arguments(const char *program)
{
    fprintf(stderr, "Try %s --help.\n", program);
    return EXIT_USAGE;
}

int worker_parse_arguments(const char *program, const char *usage, const char *config_default,
                           int argc, char **argv, const char **ret_config)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *config = config_default;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'V':
            printf("%s " PRONTOD_VERSION "\n", program);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            return refuse_arguments(program);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument '%s'\n", program, argv[optind]);
        return refuse_arguments(program);
    }
    *ret_config = config;
    return -1;
}

void worker_note_fault(const char *file, unsigned line, const char *message, void *userdata)
{
    struct worker_fault fault, *first = userdata;

    if (line > 0)
        snprintf(fault.text, sizeof(fault.text), "%.128s:%u: %.256s", file, line, message);
    else
        snprintf(fault.text, sizeof(fault.text), "%.128s: %.256s", file, message);
    log_error("%s", fault.text);
    if (!*first->text)
        *first = fault;
}
