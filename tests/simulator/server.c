#include "simulator/server.h"

#include "simulator/call.h"
#include "simulator/routes.h"
#include "simulator/sender.h"
#include "simulator/sim.h"

#include "common/io.h"
#include "common/log.h"
#include "common/timestamp.h"

#include <errno.h>
#include <string.h>

/* How often it is looked whether the clients of suspended calls are still there. */
#define HANGUP_CHECK_MS 100

/* Bytes of a huge answer made at a time. */
#define HUGE_BLOCK ((size_t)64 * 1024)

struct server {
    struct sim *sim;
    struct MHD_Daemon *daemon;
    struct call *calls;
    uint64_t next_number;
    int64_t next_hangup_check;
    bool stopping;
};

static void link_call(struct server *server, struct call *call)
{
    call->number = server->next_number++;
    call->next = server->calls;
    if (call->next)
        call->next->previous = call;
    server->calls = call;
}

static void unlink_call(struct server *server, struct call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        server->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
}

struct progress server_progress(const struct server *server)
{
    const struct sim *sim = server->sim;

    return (struct progress){
        .counts = sim->record.counts,
        .idle = sender_waiting(sim->sender) == 0 && sender_active(sim->sender) == 0 &&
                sim->record.concurrent == 0,
    };
}

/* With the mutex held, in a handler of the thread of libmicrohttpd. */
static void suspend(struct call *call)
{
    call->suspended = true;
    MHD_suspend_connection(call->connection);
    sender_wake(call->sim->sender);
}

static ssize_t on_drip(void *cls, uint64_t position, char *buffer, size_t max)
{
    struct call *call = cls;
    SIM_LOCK(call->sim);

    if (call->abandoned || call->sim->server->stopping)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (call->answer.manner == ANSWER_HANG_BODY || time_boot_ms() < call->next_drip) {
        call->hang = call->answer.manner == ANSWER_HANG_BODY;
        call->not_before = call->next_drip;
        suspend(call);
        return 0;
    }
    if (position >= call->answer.size || max == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    buffer[0] = call->answer.body[position];
    if (position + 1 == call->answer.size)
        call_end(call, &call->sim->record);
    call->next_drip = time_boot_ms() + call->answer.drip_ms;
    return 1;
}

static ssize_t on_huge(void *cls, uint64_t position, char *buffer, size_t max)
{
    static const char head[] = "{\"error\":\"";
    size_t left = max;
    (void)cls;

    if (position >= ANSWER_HUGE_BYTES)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (position + left > ANSWER_HUGE_BYTES)
        left = ANSWER_HUGE_BYTES - position;
    memset(buffer, 'x', left);
    for (size_t i = 0; i < left && position + i < sizeof(head) - 1; i++)
        buffer[i] = head[position + i];
    return (ssize_t)left;
}

static struct MHD_Response *make_response(struct call *call)
{
    const struct answer *answer = &call->answer;

    switch (answer->manner) {
    case ANSWER_HUGE:
        return MHD_create_response_from_callback(ANSWER_HUGE_BYTES, HUGE_BLOCK, on_huge, NULL,
                                                 NULL);
    case ANSWER_HUGE_CHUNKED:
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HUGE_BLOCK, on_huge, NULL, NULL);
    case ANSWER_DRIP:
    case ANSWER_HANG_BODY:
        return MHD_create_response_from_callback(answer->size, 1024, on_drip, call, NULL);
    case ANSWER_WHOLE:
    case ANSWER_HANG:
    case ANSWER_CLOSE:
        break;
    }
    return MHD_create_response_from_buffer(answer->size, answer->body, MHD_RESPMEM_MUST_COPY);
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return !value || !*value || MHD_add_response_header(response, name, value) == MHD_YES;
}

static enum MHD_Result queue(struct call *call)
{
    const struct answer *answer = &call->answer;
    struct MHD_Response *response = make_response(call);
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) &&
        add_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow) &&
        add_header(response, MHD_HTTP_HEADER_LOCATION, answer->location) &&
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, answer->retry_after))
        result = MHD_queue_response(call->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Puts a call of the API into the log, with status 0 when there is no answer. */
static void note(struct call *call)
{
    bool unanswered = call->answer.manner == ANSWER_HANG || call->answer.manner == ANSWER_CLOSE;
    struct json_object *entry;
    int r;

    if (!call->api || call->noted)
        return;
    call->noted = true;
    entry = json_object_new_object();
    r = entry ? json_add_time(entry, "time", time_now()) : -ENOMEM;
    if (r == 0)
        r = json_add_string(entry, "method", call->method);
    if (r == 0)
        r = record_add_text(entry, "path", call->path, strlen(call->path), LIMIT_RECORD_ANSWER);
    if (r == 0)
        r = json_add_int64(entry, "status", unanswered ? 0 : call->answer.status);
    if (r < 0)
        json_object_put(entry);
    else
        r = record_append(&call->sim->record, RECORD_CALLS, entry);
    if (r < 0)
        log_error("out of memory, a call is not in the log");
}

/* Runs what makes the answer; out of memory is the simulator's own fault, and a 503. */
static int make(struct call *call, call_handler handler)
{
    int r = handler(call->sim, call);

    if (r < 0) {
        log_error("cannot answer %s: %s", call->path, strerror(-r));
        r = answer_error(&call->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
    }
    return r;
}

enum step {
    STEP_WAIT,
    STEP_ANSWER,
    STEP_CLOSE,
};

/* What comes next for a call; with the mutex held. */
static enum step settle(struct call *call)
{
    struct server *server = call->sim->server;
    struct progress progress = server_progress(server);
    call_handler complete;

    if (server->stopping || call->abandoned)
        return STEP_CLOSE;
    if (!call_is_ready(call, &progress, time_boot_ms())) {
        suspend(call);
        return STEP_WAIT;
    }
    complete = call->complete;
    call->complete = NULL;
    if (complete && make(call, complete) < 0)
        return STEP_CLOSE;
    note(call);
    if (call->answer.manner == ANSWER_WHOLE || call->answer.manner == ANSWER_CLOSE)
        call_end(call, &call->sim->record);
    if (call->answer.manner == ANSWER_CLOSE)
        return STEP_CLOSE;
    if (call->answer.manner == ANSWER_HANG) {
        call->hang = true;
        suspend(call);
        return STEP_WAIT;
    }
    return STEP_ANSWER;
}

/* Calls that a client gave up are over before it makes another one. */
static void end_hung_up(struct server *server)
{
    for (struct call *call = server->calls; call; call = call->next)
        if (call->open && call_is_hung_up(call))
            call_end(call, &server->sim->record);
}

static enum MHD_Result begin(struct server *server, struct MHD_Connection *connection,
                             const char *method, const char *path, void **con_cls)
{
    struct call *call;

    if (call_new(server->sim, connection, method, path, &call) < 0)
        return MHD_NO;
    routes_find(call);
    link_call(server, call);
    end_hung_up(server);
    call_begin(call, &server->sim->record);
    *con_cls = call;
    return MHD_YES;
}

/* With the mutex held. *ret_answer: the answer is ready to be queued, which is done without the
 * mutex, because libmicrohttpd locks the response then, and holds that lock when it asks on_drip()
 * for data. */
static enum MHD_Result take(struct call *call, const char *data, size_t *size, bool *ret_answer)
{
    enum step step;

    if (*size > 0) {
        int r = call_take_body(call, data, *size);
        *size = 0;
        return r < 0 ? MHD_NO : MHD_YES;
    }
    if (!call->dispatched) {
        call->dispatched = true;
        if (make(call, routes_dispatch) < 0)
            return MHD_NO;
    }
    step = settle(call);
    *ret_answer = step == STEP_ANSWER;
    return step == STEP_CLOSE ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **con_cls)
{
    struct server *server = cls;
    struct call *call = *con_cls;
    enum MHD_Result result;
    bool answer = false;
    (void)version;

    {
        SIM_LOCK(server->sim);
        if (call)
            result = take(call, data, size, &answer);
        else
            result = begin(server, connection, method, path, con_cls);
    }
    return answer ? queue(call) : result;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = cls;
    struct call *call = *con_cls;
    SIM_LOCK(server->sim);
    (void)connection;
    (void)code;

    if (!call)
        return;
    *con_cls = NULL;
    unlink_call(server, call);
    call_end(call, &server->sim->record);
    call_free(call);
    sender_wake(server->sim->sender); /* somebody may wait for this */
}

int server_new(struct sim *sim, int listen_fd)
{
    struct server *server = calloc(1, sizeof(*server));
    int r = fd_set_nonblock_cloexec(listen_fd);

    if (!server)
        return -ENOMEM;
    server->sim = sim;
    server->next_number = 1;
    /* Handlers look for the server from the first call on. */
    sim->server = server;
    if (r == 0)
        server->daemon = MHD_start_daemon(
            MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
            NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, listen_fd,
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)LIMIT_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_S,
            MHD_OPTION_END);
    if (!server->daemon) {
        sim->server = NULL;
        free(server);
        return r < 0 ? r : -EIO;
    }
    return 0;
}

static void wake(struct call *call)
{
    call->suspended = false;
    MHD_resume_connection(call->connection);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    {
        SIM_LOCK(server->sim);
        server->stopping = true;
        for (struct call *call = server->calls; call; call = call->next)
            if (call->suspended)
                wake(call);
    }
    MHD_stop_daemon(server->daemon);
    free(server);
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

void server_release_call(struct server *server, uint64_t number, long status, const char *answer,
                         const char *error)
{
    struct call *call = server->calls;

    while (call && call->number != number)
        call = call->next;
    if (!call || call->awaited_callbacks == 0)
        return;
    call->awaited_callbacks--;
    call->callback_status = status;
    free(call->callback_answer);
    free(call->callback_error);
    call->callback_answer = copy_text(answer);
    call->callback_error = copy_text(error);
}

int64_t server_turn(struct server *server, int64_t now)
{
    SIM_LOCK(server->sim);
    struct progress progress = server_progress(server);
    bool check = now >= server->next_hangup_check;
    int64_t due = INT64_MAX;

    if (check)
        server->next_hangup_check = now + HANGUP_CHECK_MS;
    for (struct call *call = server->calls; call; call = call->next) {
        if (!call->suspended)
            continue;
        if (check && call_is_hung_up(call))
            call->abandoned = true;
        if (call_is_ready(call, &progress, now)) {
            wake(call);
            continue;
        }
        if (call_due(call, now) < due)
            due = call_due(call, now);
        if (server->next_hangup_check < due)
            due = server->next_hangup_check;
    }
    return due;
}
