#include "query/query_internal.h"

#include "common/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_S "10"

static void answer_set(struct call *call, int status, const char *type, char *text, size_t size)
{
    free(call->answer.body);
    call->answer.status = status;
    call->answer.type = type;
    call->answer.body = text;
    call->answer.size = size;
}

int answer_text(struct call *call, int status, const char *type, char *text, size_t size)
{
    answer_set(call, status, type, text, size);
    return 0;
}

/* People read answers on terminals: a line is a line. The text has room for its NUL. */
static void end_line(char *text, size_t *size)
{
    text[(*size)++] = '\n';
}

static int answer_object(struct call *call, int status, const char *type,
                         struct json_object *object)
{
    char *text;
    size_t size;
    int r = json_serialize(object, &text, &size);

    json_object_put(object);
    if (r < 0)
        return r;
    end_line(text, &size);
    answer_set(call, status, type, text, size);
    return 0;
}

int answer_json(struct call *call, int status, struct json_object *object)
{
    return answer_object(call, status, "application/json", object);
}

int answer_problem_object(struct call *call, int status, struct json_object *problem)
{
    return answer_object(call, status, PROBLEM_CONTENT_TYPE, problem);
}

int answer_problem(struct call *call, int status, const char *format, ...)
{
    cleanup_free char *detail = NULL;
    struct json_object *problem;
    va_list args;
    int r;

    va_start(args, format);
    r = vasprintf(&detail, format, args);
    va_end(args);
    if (r < 0) {
        detail = NULL;
        return -ENOMEM;
    }
    problem = problem_object(status, detail);
    return problem ? answer_problem_object(call, status, problem) : -ENOMEM;
}

static bool add_headers(struct MHD_Response *response, const struct call *call)
{
    const struct answer *answer = &call->answer;
    bool ok = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;

    if (answer->type)
        ok = ok && MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES;
    if (answer->allow[0])
        ok = ok && MHD_add_response_header(response, "Allow", answer->allow) == MHD_YES;
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        ok = ok && MHD_add_response_header(response, "Retry-After", RETRY_AFTER_S) == MHD_YES;
    if (call->query->stopping || answer->status == MHD_HTTP_CONTENT_TOO_LARGE)
        ok = ok && MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    return ok;
}

static struct MHD_Response *make_response(struct call *call)
{
    struct answer *answer = &call->answer;
    struct MHD_Response *response;

    if (call->stream)
        return stream_response(call);
    if (!answer->body)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer(answer->size, answer->body, MHD_RESPMEM_MUST_FREE);
    if (response)
        answer->body = NULL;
    return response;
}

enum MHD_Result answer_send(struct call *call)
{
    struct MHD_Response *response = make_response(call);
    enum MHD_Result r;

    if (!response)
        return answer_send_exhausted(call->connection);
    if (!add_headers(response, call)) {
        MHD_destroy_response(response);
        return answer_send_exhausted(call->connection);
    }
    if (call->answer.status >= MHD_HTTP_BAD_REQUEST)
        call->query->n_refused++;
    r = MHD_queue_response(call->connection, (unsigned)call->answer.status, response);
    MHD_destroy_response(response);
    return r;
}

enum MHD_Result answer_send_exhausted(struct MHD_Connection *connection)
{
    static char text[] = "{\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"prontod "
                         "is short of memory\"}\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof(text) - 1, text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result r = MHD_NO;

    if (!response)
        return MHD_NO; /* the connection is closed */
    if (MHD_add_response_header(response, "Content-Type", PROBLEM_CONTENT_TYPE) == MHD_YES &&
        MHD_add_response_header(response, "Retry-After", RETRY_AFTER_S) == MHD_YES)
        r = MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, response);
    MHD_destroy_response(response);
    return r;
}
