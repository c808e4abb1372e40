#include "egress/client.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

struct client {
    sd_event *loop;
    sd_event_source *timer;
    CURLM *multi;
    client_done_fn done;
    void *userdata;
    struct call *calls[LIMIT_CALLS];
    size_t n_calls;
};

static void remove_call(struct client *client, struct call *call)
{
    for (size_t i = 0; i < client->n_calls; i++) {
        if (client->calls[i] != call)
            continue;
        client->calls[i] = client->calls[--client->n_calls];
        break;
    }
    curl_multi_remove_handle(client->multi, call_handle(call));
}

static void finish(struct client *client, struct call *call, CURLcode result)
{
    static const struct call_answer no_memory = {
        .fate = CALL_MAYBE_SENT, .retry_after_ms = -1, .error = "out of memory"};
    struct call_answer answer;

    remove_call(client, call);
    if (call_finish(call, result, time_now(), &answer) < 0)
        answer = no_memory;
    client->done(call_id(call), &answer, client->userdata);
    call_free(call);
}

static void work(struct client *client, curl_socket_t fd, int events)
{
    struct CURLMsg *message;
    int n;

    curl_multi_socket_action(client->multi, fd, events, &n);
    while ((message = curl_multi_info_read(client->multi, &n))) {
        CURLcode result = message->data.result; /* the message goes with the handle */
        char *call = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        finish(client, (struct call *)(void *)call, result);
    }
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    int what = 0;

    (void)source;
    if (events & (EPOLLIN | EPOLLHUP))
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        what |= CURL_CSELECT_ERR;
    work(userdata, fd, what);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    work(userdata, CURL_SOCKET_TIMEOUT, 0);
    return 0;
}

/* curl wants to watch a socket, otherwise than before, or no more. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *assigned)
{
    struct client *client = userdata;
    sd_event_source *source = assigned;
    uint32_t events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        sd_event_source_disable_unref(source);
        return curl_multi_assign(client->multi, fd, NULL) == CURLM_OK ? 0 : -1;
    }
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    if (source)
        return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
    if (sd_event_add_io(client->loop, &source, fd, events, on_io, client) < 0)
        return -1;
    if (curl_multi_assign(client->multi, fd, source) != CURLM_OK) {
        sd_event_source_disable_unref(source);
        return -1;
    }
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *userdata)
{
    struct client *client = userdata;

    (void)multi;
    if (timeout_ms < 0)
        return sd_event_source_set_enabled(client->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
    if (sd_event_source_set_time_relative(client->timer, (uint64_t)timeout_ms * 1000) < 0 ||
        sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT) < 0)
        return -1;
    return 0;
}

static int set_up(struct client *client)
{
    CURLM *multi = client->multi;
    int r = sd_event_add_time_relative(client->loop, &client->timer, CLOCK_BOOTTIME, 0, 1000,
                                       on_timer, client);

    if (r < 0)
        return r;
    sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) != CURLM_OK)
        return -ENOMEM;
    return 0;
}

int client_new(sd_event *loop, client_done_fn done, void *userdata, struct client **ret)
{
    struct client *client = calloc(1, sizeof(*client));
    int r = -ENOMEM;

    if (!client)
        return -ENOMEM;
    client->loop = sd_event_ref(loop);
    client->done = done;
    client->userdata = userdata;
    client->multi = curl_multi_init();
    if (client->multi)
        r = set_up(client);
    if (r < 0) {
        client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    client_abort(client);
    curl_multi_cleanup(client->multi);
    sd_event_source_disable_unref(client->timer);
    sd_event_unref(client->loop);
    free(client);
}

int client_start(struct client *client, const struct egress_job *job, const char *payload,
                 size_t size, const struct call_settings *settings)
{
    struct call *call;
    int r;

    if (client->n_calls == LIMIT_CALLS)
        return -EBUSY;
    r = call_new(job, payload, size, settings, &call);
    if (r < 0)
        return r;
    if (curl_multi_add_handle(client->multi, call_handle(call)) != CURLM_OK) {
        call_free(call);
        return -ENOMEM;
    }
    client->calls[client->n_calls++] = call;
    return 0;
}

void client_abort(struct client *client)
{
    while (client->n_calls > 0) {
        struct call *call = client->calls[client->n_calls - 1];

        remove_call(client, call);
        call_free(call);
    }
}

size_t client_active(const struct client *client)
{
    return client->n_calls;
}
