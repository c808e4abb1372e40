#include "simulator/call.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

int call_new(struct sim *sim, struct MHD_Connection *connection, const char *method,
             const char *path, struct call **ret)
{
    struct call *call = calloc(1, sizeof(*call));

    if (!call)
        return -ENOMEM;
    call->sim = sim;
    call->connection = connection;
    call->method = strdup(method);
    call->path = strdup(path);
    if (!call->method || !call->path) {
        call_free(call);
        return -ENOMEM;
    }
    *ret = call;
    return 0;
}

void call_free(struct call *call)
{
    if (!call)
        return;
    answer_release(&call->answer);
    free(call->callback_answer);
    free(call->callback_error);
    free(call->body);
    free(call->method);
    free(call->path);
    free(call);
}

int call_take_body(struct call *call, const char *data, size_t size)
{
    char *longer;

    if (call->too_large || size > LIMIT_CALL_BODY - call->size) {
        call->too_large = true;
        return 0;
    }
    longer = realloc(call->body, call->size + size);
    if (!longer)
        return -ENOMEM;
    memcpy(longer + call->size, data, size);
    call->body = longer;
    call->size += size;
    return 0;
}

bool call_is_satisfied(const struct call *call, const struct progress *progress)
{
    for (unsigned i = 0; i < COUNT_COUNT; i++)
        if (progress->counts[i] < call->wanted[i])
            return false;
    return progress->idle || !call->wanted_idle;
}

bool call_is_ready(const struct call *call, const struct progress *progress, int64_t now)
{
    if (call->abandoned)
        return true;
    if (call->hang || call->awaited_callbacks > 0 || now < call->not_before)
        return false;
    return now >= call->wanted_until || call_is_satisfied(call, progress);
}

int64_t call_due(const struct call *call, int64_t now)
{
    if (call->hang || call->awaited_callbacks > 0)
        return INT64_MAX;
    if (now < call->not_before)
        return call->not_before;
    return call->wanted_until > 0 ? call->wanted_until : INT64_MAX;
}

void call_begin(struct call *call, struct record *record)
{
    struct timespec now;

    if (!call->api)
        return;
    clock_gettime(CLOCK_BOOTTIME, &now);
    call->open = true;
    call->rate = record_call_begin(record, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void call_end(struct call *call, struct record *record)
{
    if (call->open)
        record_call_end(record);
    call->open = false;
}

bool call_is_hung_up(const struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd pollfd = {.events = POLLRDHUP};

    if (!info)
        return false;
    pollfd.fd = info->connect_fd;
    return poll(&pollfd, 1, 0) > 0 && pollfd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

const char *call_header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *call_query(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}
