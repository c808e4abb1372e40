#include "ingress/ingress_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define REAP_US (100 * 1000ULL)
#define HEADROOM                                                                                   \
    64 /* connections beyond the limit that are accepted only to let the oldest idle one go */
#define OTHER_DESCRIPTORS 128 /* of the whole process beside connections */

static int on_reap(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct ingress *ingress = userdata;

    (void)usec;
    connections_reap(ingress);
    if (ingress->stopped) {
        bool none = connections_shut_idle(ingress);

        if (none || time_boot_ms() >= ingress->stop_deadline_boot_ms) {
            void (*stopped)(void *) = ingress->stopped;

            ingress->stopped = NULL;
            stopped(ingress->stopped_userdata);
        }
    }
    sd_event_source_set_time_relative(source, REAP_US);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* As many connections as asked for, or as the hard limit of descriptors allows. */
static int64_t raise_descriptor_limit(int64_t connections)
{
    rlim_t wanted = (rlim_t)(connections + HEADROOM + OTHER_DESCRIPTORS);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return connections;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted) {
        int64_t left = (int64_t)limit.rlim_cur - HEADROOM - OTHER_DESCRIPTORS;

        return left > 16 ? left : 16;
    }
    return connections;
}

/* Each thread has the listening socket. */
static int start_threads(struct ingress *ingress, int listen_fd)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < HTTP_THREADS; i++) {
        int fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0);

        r = fd < 0 ? -errno
                   : http_thread_new(ingress, fd, (unsigned)(ingress->max_peers + HEADROOM),
                                     &ingress->http[i]);
    }
    close(listen_fd);
    for (size_t i = 0; r == 0 && i < HTTP_THREADS; i++)
        r = http_thread_start(ingress->http[i]);
    return r;
}

static int build(struct ingress *ingress, sd_event *loop, int listen_fd,
                 const struct ingress_settings *settings)
{
    int r = settings_new(settings, &ingress->settings);

    if (r == 0)
        r = answers_new(&ingress->answers);
    if (r == 0)
        r = sd_event_add_time_relative(loop, &ingress->reaper, CLOCK_BOOTTIME, REAP_US, 0, on_reap,
                                       ingress);
    if (r < 0) {
        close(listen_fd);
        return r;
    }
    return start_threads(ingress, listen_fd);
}

int ingress_new(sd_event *loop, struct store *store, int listen_fd, int64_t max_connections,
                const struct ingress_settings *settings, struct ingress **ret)
{
    struct ingress *ingress = calloc(1, sizeof(*ingress));
    int r;

    if (!ingress) {
        close(listen_fd);
        return -ENOMEM;
    }
    ingress->store = store;
    ingress->max_peers = raise_descriptor_limit(max_connections);
    TAILQ_INIT(&ingress->peers);
    LIST_INIT(&ingress->parked);
    pthread_mutex_init(&ingress->lock, NULL);
    pthread_cond_init(&ingress->none_at_store, NULL);
    r = build(ingress, loop, listen_fd, settings);
    if (r < 0) {
        ingress_free(ingress);
        return r;
    }
    *ret = ingress;
    return 0;
}

int ingress_reconfigure(struct ingress *ingress, const struct ingress_settings *settings)
{
    struct settings *fresh, *old;
    int r = settings_new(settings, &fresh);

    if (r < 0)
        return r;
    pthread_mutex_lock(&ingress->lock);
    old = ingress->settings;
    ingress->settings = fresh;
    pthread_mutex_unlock(&ingress->lock);
    settings_unref(old);
    return 0;
}

void ingress_stop(struct ingress *ingress, void (*done)(void *userdata), void *userdata)
{
    for (size_t i = 0; i < HTTP_THREADS; i++)
        http_thread_quiesce(ingress->http[i]);
    ingress->stop_deadline_boot_ms =
        time_boot_ms() + ingress->settings->timeout_ms + INGRESS_COMMIT_WAIT_MS;
    ingress->stopped = done;
    ingress->stopped_userdata = userdata;
    sd_event_source_set_time_relative(ingress->reaper, 0);
}

/* The library must not be stopped while connections are suspended, nor may the store come back to
 * what is freed. */
static void wait_for_store(struct ingress *ingress)
{
    pthread_mutex_lock(&ingress->lock);
    ingress->closing = true;
    while (ingress->at_store > 0)
        pthread_cond_wait(&ingress->none_at_store, &ingress->lock);
    pthread_mutex_unlock(&ingress->lock);
}

void ingress_free(struct ingress *ingress)
{
    if (!ingress)
        return;
    for (size_t i = 0; i < HTTP_THREADS; i++)
        if (ingress->http[i])
            http_thread_quiesce(ingress->http[i]);
    wait_for_store(ingress);
    for (size_t i = 0; i < HTTP_THREADS; i++)
        if (ingress->http[i])
            http_thread_end(ingress->http[i]);
    for (size_t i = 0; i < HTTP_THREADS; i++)
        http_thread_free(ingress->http[i]);
    sd_event_source_unref(ingress->reaper);
    answers_done(&ingress->answers);
    settings_unref(ingress->settings);
    pthread_cond_destroy(&ingress->none_at_store);
    pthread_mutex_destroy(&ingress->lock);
    free(ingress);
}

void ingress_knock(struct ingress *ingress, uint64_t number)
{
    for (size_t i = 0; i < HTTP_THREADS; i++)
        http_thread_knock(ingress->http[i], number);
}

uint64_t ingress_answered(struct ingress *ingress)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < HTTP_THREADS; i++) {
        uint64_t answered = atomic_load(&ingress->http[i]->answered);

        least = answered < least ? answered : least;
    }
    return least;
}

void ingress_counts(struct ingress *ingress, struct ingress_counts *ret)
{
    pthread_mutex_lock(&ingress->lock);
    ret->connections = ingress->n_peers;
    ret->connections_max = ingress->max_peers;
    ret->answer_times = ingress->answer_times;
    pthread_mutex_unlock(&ingress->lock);
    ret->requests = atomic_load(&ingress->counts[COUNT_REQUESTS]);
    ret->unknown_token = atomic_load(&ingress->counts[COUNT_UNKNOWN_TOKEN]);
    ret->bad_framing = atomic_load(&ingress->counts[COUNT_BAD_FRAMING]);
    ret->too_large = atomic_load(&ingress->counts[COUNT_TOO_LARGE]);
    ret->bad_encoding = atomic_load(&ingress->counts[COUNT_BAD_ENCODING]);
    ret->bad_method = atomic_load(&ingress->counts[COUNT_BAD_METHOD]);
    ret->not_found = atomic_load(&ingress->counts[COUNT_NOT_FOUND]);
    ret->unavailable = atomic_load(&ingress->counts[COUNT_UNAVAILABLE]);
    ret->timed_out = atomic_load(&ingress->counts[COUNT_TIMED_OUT]);
    ret->shed = atomic_load(&ingress->counts[COUNT_SHED]);
}
