/* prontod-runner(8): runs hook programs for prontod. */
#include "common/crypto.h"
#include "common/log.h"
#include "common/message_ids.h"
#include "common/process.h"
#include "config/config.h"
#include "link/worker_main.h"
#include "link/worker_settings.h"
#include "runner/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "Usage: prontod-runner [--config FILE] [--version] [--help]\n"
    "\n"
    "Runs hook programs for prontod. It is started by prontod or by systemd.\n"
    "\n"
    "  --config FILE    read FILE and FILE.d/*.conf instead of " CONFIG_PATH_DEFAULT "\n"
    "  --version        print the version and exit\n"
    "  --help           print this and exit\n"
    "\n"
    "See prontod-runner(8), prontod-hooks(7), prontod.conf(5).\n";

/* No hook leaves a core file, in which the document would be. */
static int prepare_process(void)
{
    const struct rlimit no_core = {0, 0};
    sigset_t set;
    int r = process_harden();

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD); /* sd_event_add_child(3) wants it blocked */
    if (r == 0 && (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0))
        r = -errno;
    if (r == 0)
        r = crypto_init(); /* randomness, for waits */
    if (r < 0)
        log_error("cannot prepare the process: %s", strerror(-r));
    return r;
}

static int build(const char *config_path, struct runner **ret_runner, struct worker **ret_worker)
{
    struct config *config;
    struct worker_fault fault = {0};
    const char *reason = "cannot set up";
    int r = config_load(config_path, worker_note_fault, &fault, &config);

    if (r != CONFIG_OK) {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED, "cannot use the configuration: %s",
                    r < 0 ? strerror(-r) : "it has faults");
        return -EINVAL;
    }
    r = runner_new(config_path, config, ret_runner);
    if (r == 0)
        r = worker_new(&runner_ops, *ret_runner, ret_worker, &reason);
    if (r == 0)
        r = runner_attach(*ret_runner, *ret_worker);
    if (r < 0)
        log_error("%s", reason);
    return r;
}

int main(int argc, char **argv)
{
    struct runner *runner = NULL;
    struct worker *worker = NULL;
    const char *config_path;
    int status = worker_parse_arguments("prontod-runner", usage, CONFIG_PATH_DEFAULT, argc, argv,
                                        &config_path),
        r;

    if (status >= 0)
        return status;
    log_open("prontod-runner");
    r = prepare_process();
    if (r == 0)
        r = build(config_path, &runner, &worker);
    status = r == 0 ? worker_run(worker) : EXIT_FAILURE;
    runner_free(runner); /* its hooks are watched by the loop of the worker */
    worker_free(worker);
    return status;
}
