/* Calls that wait: for the store, for a result, for events, for a hook, for Pronto. */
#include "query/query_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

void call_resume(struct call *call)
{
    call->woken = true;
    if (!call->suspended)
        return; /* within its own step */
    call->suspended = false;
    MHD_resume_connection(call->connection);
    query_turn(call->query);
}

/* For the store. */

static void on_stored(struct store_command *command)
{
    struct call *call = command->userdata;

    if (call->connection)
        call_resume(call);
    call_unref(call);
}

int call_refused(struct call *call, const struct refusals *refusals)
{
    const char *text = NULL;

    switch (call->command.base.result) {
    case STORE_E_UNAVAILABLE:
        return answer_problem(call, 503, "nothing was stored: the store cannot commit now");
    case STORE_E_FULL:
        return answer_problem(call, 503, "nothing was stored: the disk or the queue is full");
    case STORE_E_NOT_FOUND:
        text = refusals->not_found;
        break;
    case STORE_E_CONFLICT:
        text = refusals->conflict;
        break;
    case STORE_E_STATE:
        text = refusals->state;
        break;
    case STORE_OK:
        break;
    }
    if (!text)
        return answer_problem(call, 500, "the store gave an unexpected answer");
    return answer_problem(call, call->command.base.result == STORE_E_NOT_FOUND ? 404 : 409, "%s",
                          text);
}

int call_post(struct call *call, enum store_command_kind kind, int (*then)(struct call *call))
{
    static const struct refusals none = {NULL, NULL, NULL};
    struct store_command *command = &call->command.base;
    enum store_result posted;

    *command = (struct store_command){
        .kind = kind, .where = STORE_DONE_ON_LOOP, .done = on_stored, .userdata = call};
    posted = store_post(call->query->backend.store, command);
    if (posted != STORE_OK) { /* it is still ours; else it may be done already */
        command->result = posted;
        return call_refused(call, &none);
    }
    call->references++;
    call->step = then;
    return CALL_WAITS;
}

/* For what happens. */

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct call *call = userdata;

    (void)fd;
    (void)revents;
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    call->gone = true;
    if (call->stream)
        stream_wake(call);
    else
        call_resume(call);
    return 0;
}

static int on_wait_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct call *call = userdata;

    (void)source;
    (void)usec;
    call->gone = true;
    call_resume(call);
    return 0;
}

static int watch(struct call *call, uint64_t wait_us)
{
    sd_event *loop = call->query->loop;
    /* No event but EPOLLHUP, which comes unasked: a client may have closed its writing side and
     * still read. */
    int r = sd_event_add_io(loop, &call->hangup, call_fd(call), 0, on_hangup, call);

    if (r >= 0 && wait_us != UINT64_MAX)
        r = sd_event_add_time_relative(loop, &call->timer, CLOCK_BOOTTIME, wait_us, 1000,
                                       on_wait_over, call);
    return r < 0 ? r : 0;
}

int call_wait(struct call *call, uint64_t wait_us)
{
    struct query *query = call->query;
    int r;

    assert(!call->waits);
    if (query->n_waiters >= QUERY_WAITERS_MAX) {
        query->n_waiters_refused++;
        return answer_problem(call, 503, "%d clients wait already", QUERY_WAITERS_MAX);
    }
    query->n_waiters++;
    call->waits = true;
    LIST_INSERT_HEAD(&query->waiters, call, waiters_link);
    r = watch(call, wait_us);
    if (r < 0)
        call_wait_end(call);
    return r < 0 ? -ENOMEM : CALL_WAITS;
}

void call_wait_end(struct call *call)
{
    if (!call->waits)
        return;
    call->waits = false;
    call->query->n_waiters--;
    LIST_REMOVE(call, waiters_link);
    sd_event_source_disable_unref(call->timer);
    sd_event_source_disable_unref(call->hangup);
    call->timer = call->hangup = NULL;
}

static int compare_keys(const void *a, const void *b)
{
    store_key x = *(const store_key *)a, y = *(const store_key *)b;

    return (x > y) - (x < y);
}

void waiters_wake(struct query *query, const store_key *keys, size_t n)
{
    struct call *call;

    if (n == 0)
        return;
    LIST_FOREACH(call, &query->waiters, waiters_link)
    if (!call->stream && bsearch(&call->key, keys, n, sizeof(*keys), compare_keys))
        call_resume(call);
}

bool call_cancel(struct call *call)
{
    const struct query_backend *backend = &call->query->backend;

    if (call->testing)
        backend->test_hook_cancel(call, backend->userdata);
    else if (call->asking)
        backend->ask_cancel(call, backend->userdata);
    else
        return false;
    call->testing = call->asking = false;
    return true;
}

void waiters_end(struct query *query)
{
    struct call *call;

    LIST_FOREACH(call, &query->calls, link)
    {
        if (call_cancel(call)) {
            call_resume(call);
        } else if (call->waits) {
            call->gone = true;
            if (call->stream)
                stream_wake(call);
            else
                call_resume(call);
        }
    }
}
