/* pronto-sim: the Pronto API without Pronto. */

#include "simulator/options.h"
#include "simulator/routes.h"
#include "simulator/sender.h"
#include "simulator/server.h"
#include "simulator/sim.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/timestamp.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>

/* Blocks what stops the program in all threads, so that only the descriptor gets it. */
static int open_signals(int *ret_fd)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -EINVAL;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static bool is_readable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    return poll(&pollfd, 1, 0) > 0;
}

static int run(struct sim *sim, int signal_fd)
{
    int r = 0;

    while (r == 0 && !is_readable(signal_fd)) {
        sender_turn(sim->sender);
        r = sender_wait(sim->sender, signal_fd, server_turn(sim->server, time_boot_ms()));
    }
    return r;
}

static int serve(struct sim *sim, int listen_fd, const char *address)
{
    cleanup_close int signal_fd = -1;
    int r = open_signals(&signal_fd);

    if (r == 0)
        r = sender_new(sim, &sim->sender);
    if (r == 0)
        r = server_new(sim, listen_fd);
    if (r == 0) {
        printf("pronto-sim: listening on http://%s" API_PREFIX "\n", address);
        if (fflush(stdout) != 0)
            log_warning("cannot write to standard output");
        r = run(sim, signal_fd);
    }
    server_free(sim->server);
    sender_free(sim->sender);
    return r;
}

static int simulate(const struct options *options, int listen_fd, const char *address)
{
    struct sim sim = {
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .seed = options->seed,
        .api_key = options->api_key,
        .initial = options->behaviours,
        .behaviours = options->behaviours,
    };
    int r = 0;

    if (!options->has_seed && getrandom(&sim.seed, sizeof(sim.seed), 0) < 0)
        return -errno;
    r = jobs_init(&sim.jobs);
    if (r == 0)
        r = record_init(&sim.record);
    if (r == 0)
        r = serve(&sim, listen_fd, address);
    record_release(&sim.record);
    jobs_release(&sim.jobs);
    return r;
}

int main(int argc, char **argv)
{
    struct options options;
    char address[LISTEN_TEXT_SIZE];
    int listen_fd, r;

    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    default:
        break;
    }
    log_open("pronto-sim");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        log_error("cannot start libcurl");
        return 1;
    }
    r = options_listen(options.listen, &listen_fd, address);
    if (r < 0)
        log_error("cannot listen on %s: %s", options.listen, strerror(-r));
    else if ((r = simulate(&options, listen_fd, address)) < 0)
        log_error("%s", strerror(-r));
    curl_global_cleanup();
    return r < 0 ? 1 : 0;
}
