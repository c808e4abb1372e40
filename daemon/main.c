/* prontod(8): arguments, configuration, serve. */
#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/message_ids.h"
#include "common/process.h"
#include "config/config.h"
#include "manager.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: prontod [--config FILE] [--check-config] [--version] [--help]\n"
    "\n"
    "Receives Pronto's callbacks, stores them durably, runs hooks, answers on a local query "
    "socket.\n"
    "\n"
    "  --config FILE    read FILE and FILE.d/*.conf instead of " CONFIG_PATH_DEFAULT "\n"
    "  --check-config   check the configuration, print each fault as FILE:LINE: message, and exit\n"
    "  --version        print the version and exit\n"
    "  --help           print this and exit\n"
    "\n"
    "SIGHUP reloads the configuration, SIGTERM stops after finishing what was accepted.\n"
    "See prontod(8), prontod.conf(5), prontoctl(1).\n";

struct arguments {
    const char *config;
    bool check;
};

/* Returns -1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, 'C'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    *ret = (struct arguments){.config = CONFIG_PATH_DEFAULT};
    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            ret->config = optarg;
            break;
        case 'C':
            ret->check = true;
            break;
        case 'V':
            puts("prontod " PRONTOD_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs("Try prontod --help.\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "prontod: unexpected argument '%s'\nTry prontod --help.\n", argv[optind]);
        return 2;
    }
    return -1;
}

static void print_fault(const char *file, unsigned line, const char *message, void *userdata)
{
    printf("%s:%u: %s\n", file, line, message);
    (void)userdata;
}

/* CONFIG_OK with *ret, CONFIG_INVALID, or a negative errno. */
static int load(const char *path, config_fault_fn fault, struct config **ret)
{
    cleanup_config struct config *config = NULL;
    int r = config_load(path, fault, NULL, &config);

    if (r == CONFIG_OK)
        r = config_check_environment(config, fault, NULL);
    if (r == CONFIG_OK)
        *ret = TAKE_PTR(config);
    return r;
}

static int check(const char *path)
{
    cleanup_config struct config *config = NULL;
    int r = load(path, print_fault, &config);

    if (r < 0) {
        fprintf(stderr, "prontod: %s: %s\n", path, strerror(-r));
        return EXIT_FAILURE;
    }
    if (r == CONFIG_OK)
        puts("configuration is valid");
    return r == CONFIG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Before any thread: they inherit the mask, and only the loop takes these. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct config *config = NULL;
    struct manager *manager = NULL;
    const struct log_field version = {"PRONTO_VERSION", PRONTOD_VERSION};
    int status = parse_arguments(argc, argv, &arguments), r;

    if (status >= 0)
        return status;
    if (arguments.check)
        return check(arguments.config);
    log_open("prontod");
    log_fields(LOG_NOTICE, MESSAGE_STARTED, &version, 1, "prontod " PRONTOD_VERSION " starts");
    block_signals();
    r = process_harden();
    if (r == 0)
        r = crypto_init();
    if (r < 0) {
        log_error("cannot prepare the process: %s", strerror(-r));
        return EXIT_FAILURE;
    }
    r = load(arguments.config, manager_log_fault, &config);
    if (r != CONFIG_OK) {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED,
                    "the configuration has faults; see prontod --check-config");
        return EXIT_FAILURE;
    }
    if (manager_new(arguments.config, config, &manager) < 0)
        return EXIT_FAILURE;
    status = manager_run(manager);
    manager_free(manager);
    return status;
}
