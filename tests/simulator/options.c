#include "simulator/options.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char help_text[] =
    "Usage: pronto-sim [OPTION]...\n"
    "Simulate the Pronto API, for trying hooks without spending credits.\n"
    "\n"
    "      --listen ADDR:PORT     where to listen (default " LISTEN_DEFAULT "; port 0: any)\n"
    "      --api-key KEY          the only key that is accepted (default: any)\n"
    "      --seed N               make the run repeatable\n"
    "      --delay TIME|MIN-MAX   how long an enrichment takes (default 1s)\n"
    "      --behaviour KEY=VALUE  how to misbehave; may be repeated, see pronto-sim(1)\n"
    "      --help                 print this and exit\n"
    "      --version              print the version and exit\n";

static int complain(const char *what, const char *value)
{
    fprintf(stderr, "pronto-sim: %s: %s\n", what, value);
    return OPTIONS_WRONG;
}

static int set_behaviour(struct behaviours *behaviours, const char *key, const char *value)
{
    switch (behaviours_set(behaviours, key, value)) {
    case BEHAVIOUR_UNKNOWN_KEY:
        return complain("unknown behaviour", key);
    case BEHAVIOUR_BAD_VALUE:
        return complain("bad value of behaviour", key);
    default:
        return OPTIONS_RUN;
    }
}

static int parse_assignment(struct behaviours *behaviours, const char *text)
{
    const char *equals = strchr(text, '=');
    char *key;
    int result;

    if (!equals)
        return complain("not KEY=VALUE", text);
    key = strndup(text, (size_t)(equals - text));
    if (!key)
        return complain(strerror(ENOMEM), text);
    result = set_behaviour(behaviours, key, equals + 1);
    free(key);
    return result;
}

static int parse_seed(const char *text, struct options *options)
{
    int64_t seed;

    if (parse_integer(text, 0, INT64_MAX, &seed) < 0)
        return complain("not a seed", text);
    options->seed = (uint64_t)seed;
    options->has_seed = true;
    return OPTIONS_RUN;
}

int options_parse(int argc, char **argv, struct options *ret)
{
    static const struct option long_options[] = {
        {"listen", required_argument, NULL, 'l'},    {"api-key", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 's'},      {"delay", required_argument, NULL, 'd'},
        {"behaviour", required_argument, NULL, 'b'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},         {NULL, 0, NULL, 0},
    };
    int option, result = OPTIONS_RUN;

    *ret = (struct options){.listen = LISTEN_DEFAULT};
    behaviours_init(&ret->behaviours);
    while (result == OPTIONS_RUN &&
           (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        switch (option) {
        case 'l':
            ret->listen = optarg;
            break;
        case 'k':
            ret->api_key = optarg;
            break;
        case 's':
            result = parse_seed(optarg, ret);
            break;
        case 'd':
            result = set_behaviour(&ret->behaviours, "delay", optarg);
            break;
        case 'b':
            result = parse_assignment(&ret->behaviours, optarg);
            break;
        case 'h':
            fputs(help_text, stdout);
            return OPTIONS_DONE;
        case 'V':
            puts("pronto-sim " PRONTOD_VERSION);
            return OPTIONS_DONE;
        default:
            return OPTIONS_WRONG; /* getopt has complained */
        }
    if (result == OPTIONS_RUN && optind < argc)
        return complain("unexpected argument", argv[optind]);
    return result;
}

/* Splits "ADDR:PORT" or "[ADDR]:PORT". */
static bool split(const char *text, char host[static LISTEN_TEXT_SIZE], const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    int64_t port;

    if (length == 0 || length >= LISTEN_TEXT_SIZE || parse_integer(colon + 1, 0, 65535, &port) < 0)
        return false;
    if (text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return true;
}

static int name_address(int fd, char ret[static LISTEN_TEXT_SIZE])
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    char host[48], port[8];

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -EINVAL;
    snprintf(ret, LISTEN_TEXT_SIZE, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
             port);
    return 0;
}

int options_listen(const char *text, int *ret_fd, char ret_text[static LISTEN_TEXT_SIZE])
{
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *address;
    cleanup_close int fd = -1;
    char host[LISTEN_TEXT_SIZE];
    const char *port;
    int r = 0, on = 1;

    if (!split(text, host, &port) || getaddrinfo(host, port, &hints, &address) != 0)
        return -EINVAL;
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        r = -errno;
    freeaddrinfo(address);
    if (r == 0)
        r = name_address(fd, ret_text);
    if (r == 0)
        *ret_fd = TAKE_FD(fd);
    return r;
}
