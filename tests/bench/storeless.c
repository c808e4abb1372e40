/* prontod's own HTTP and JSON path with the store taken away: the real callback listener, and behind the doors of store.h and reader.h
 * nothing but the queue and its thread. Each callback is read, checked, parked, handed over, resumed and answered as in prontod, but
 * every token is somebody's, and nothing is looked up, stored or synced. So what prontod lacks to this is what its store costs.
 *
 * usage: bench-storeless PORT      (says "ready"; ends on SIGTERM) */
#include "person.h"

#include "common/confine.h"
#include "common/crypto.h"
#include "common/process.h"
#include "ingress/ingress.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* As prontod's configuration has them when it says nothing. */
#define MAX_CONNECTIONS 10000
#define MAX_BODY        (1024L * 1024)
#define TIMEOUT_MS      10000
#define BACKLOG         4096

/* What is left of the store: the door of its queue. */
struct store {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct store_command *first, **last;
    size_t n;
    bool closing;
    pthread_t thread;
};

struct store_reader {
    struct store *store;
};

int store_reader_open(struct store *store, struct store_reader **ret)
{
    struct store_reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return -ENOMEM;
    reader->store = store;
    *ret = reader;
    return 0;
}

void store_reader_free(struct store_reader *reader)
{
    free(reader);
}

int reader_token(struct store_reader *reader, const struct token *token, store_key *ret_submission)
{
    (void)reader;
    (void)token;
    *ret_submission = 1;
    return READER_OK;
}

bool reader_token_open(const struct store_reader *reader, const struct token *token,
                       store_key *ret_submission)
{
    (void)reader;
    return token_open(person_secret, token, ret_submission);
}

bool store_ready(struct store *store)
{
    (void)store;
    return true;
}

enum store_result store_post(struct store *store, struct store_command *command)
{
    enum store_result result = STORE_OK;

    pthread_mutex_lock(&store->lock);
    if (store->closing) {
        result = STORE_E_UNAVAILABLE;
    } else if (store->n >= STORE_QUEUE_MAX) {
        result = STORE_E_FULL;
    } else {
        command->next = NULL;
        *store->last = command;
        store->last = &command->next;
        store->n++;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

/* All that is queued; NULL: the end. */
static struct store_command *take(struct store *store)
{
    struct store_command *first;

    pthread_mutex_lock(&store->lock);
    while (!store->first && !store->closing)
        pthread_cond_wait(&store->wake, &store->lock);
    first = store->first;
    store->first = NULL;
    store->last = &store->first;
    store->n = 0;
    pthread_mutex_unlock(&store->lock);
    return first;
}

static void *store_main(void *userdata)
{
    struct store *store = userdata;
    struct store_command *command, *next;

    while ((command = take(store)) != NULL) {
        for (; command; command = next) {
            next = command->next;
            assert(command->kind == STORE_RECEIVE && command->where == STORE_DONE_ON_WRITER);
            command->result = STORE_OK;
            ((struct store_receive *)command)->state = CALLBACK_MATCHED;
            command->done(command);
        }
    }
    return NULL;
}

static int start_store(struct store *store)
{
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->wake, NULL);
    store->last = &store->first;
    return -pthread_create(&store->thread, NULL, store_main, store);
}

static void end_store(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->closing = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
}

static int listen_at(int port)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || listen(fd, BACKLOG) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

/* Until SIGTERM. The process gives up what prontod does, since a filter of system calls costs something in each of them. */
static int serve(sd_event *loop, struct store *store, int port)
{
    static char *none[] = {NULL};
    const struct ingress_settings settings = {
        .secrets = none, .trusted_proxies = none, .max_body = MAX_BODY, .timeout_ms = TIMEOUT_MS};
    struct ingress *ingress;
    int fd = listen_at(port), r;

    if (fd < 0)
        return fd;
    r = ingress_new(loop, store, fd, MAX_CONNECTIONS, &settings, &ingress);
    if (r < 0)
        return r;
    if (confine(CONFINE_RECEIVER) < 0)
        fputs("bench-storeless: the kernel takes no filter of system calls\n", stderr);
    puts("ready");
    fflush(stdout);
    r = sd_event_loop(loop);
    ingress_free(ingress);
    return r;
}

/* Before any thread: they inherit the mask, and only the loop takes it. */
static int make_loop(sd_event **ret)
{
    sigset_t set;
    int r;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    r = sd_event_new(ret);
    return r < 0 ? r : sd_event_add_signal(*ret, NULL, SIGTERM, NULL, NULL);
}

int main(int argc, char **argv)
{
    static struct store store;
    sd_event *loop = NULL;
    int port = argc == 2 ? atoi(argv[1]) : 0, r;

    if (port <= 0 || port > UINT16_MAX) {
        fputs("usage: bench-storeless PORT\n", stderr);
        return 2;
    }
    r = process_harden();
    if (r == 0)
        r = crypto_init();
    if (r == 0)
        r = make_loop(&loop);
    if (r >= 0)
        r = start_store(&store);
    if (r == 0) {
        r = serve(loop, &store, port);
        end_store(&store);
    }
    sd_event_unref(loop);
    if (r < 0)
        fprintf(stderr, "bench-storeless: port %d: %s\n", port, strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
