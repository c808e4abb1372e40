/* One HTTP request on the callback listener, on the http thread: header, body, answer. Order of the
 * checks: framing, path, method, token, encoding, size; then the body; then what is in it. */
#include "ingress/ingress_internal.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_LENGTH_MAX 128 /* of the last part of the path; longer ones are no token */

/* 413 for a body without Content-Length that grew too large: the library takes no answer in the
 * middle of a body. Written past it, with our side closed; what still comes is thrown away until
 * the peer has read the answer or its time is over. */
static const char too_large_text[] =
    "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

static struct request *request_new(struct http_thread *http, struct MHD_Connection *connection)
{
    struct ingress *ingress = http->ingress;
    struct request *request = calloc(1, sizeof(*request));

    if (!request)
        return NULL;
    request->http = http;
    request->ingress = ingress;
    request->connection = connection;
    atomic_init(&request->references, 1);
    pthread_mutex_lock(&ingress->lock);
    request->settings = ingress->settings;
    atomic_fetch_add(&request->settings->references, 1);
    pthread_mutex_unlock(&ingress->lock);
    return request;
}

void request_unref(struct request *request)
{
    if (atomic_fetch_sub(&request->references, 1) != 1)
        return;
    reading_done(&request->command.reading);
    settings_unref(request->settings);
    free(request->body);
    free(request->headers);
    free(request);
}

static bool is_shared_secret(const struct request *request, const char *text, size_t size)
{
    bool found = false;

    /* All are compared, so that the time does not tell which one came close. */
    for (char **secret = request->settings->secrets; *secret; secret++)
        if (secret_equal(*secret, strlen(*secret), text, size))
            found = true;
    return found;
}

/* ANSWER_MAX_ when the token is somebody's. */
static enum answer look_token_up(struct request *request)
{
    int r = reader_token(request->http->reader, &request->token, &request->command.submission);

    if (r == READER_E_NOT_FOUND)
        return ANSWER_UNKNOWN_TOKEN;
    return r == READER_OK ? ANSWER_MAX_ : ANSWER_UNAVAILABLE;
}

/* Whose callback is it? ANSWER_MAX_ when somebody's. */
static enum answer authenticate(struct request *request, const char *text)
{
    struct store_receive *command = &request->command;
    size_t size = strlen(text);

    if (size == 0 || size > SECRET_LENGTH_MAX)
        return ANSWER_UNKNOWN_TOKEN;
    if (is_shared_secret(request, text, size))
        return ANSWER_MAX_;
    if (token_parse(text, size, &request->token) < 0)
        return ANSWER_UNKNOWN_TOKEN;
    if (!reader_token_open(request->http->reader, &request->token, &command->submission))
        return look_token_up(request);
    command->token = &request->token; /* the store compares it */
    return ANSWER_MAX_;
}

/* An answer that says what is wrong with the rest is for tokens that are there. */
static enum answer unless_erased(struct request *request, enum answer answer)
{
    enum answer found = request->command.token ? look_token_up(request) : ANSWER_MAX_;

    return found == ANSWER_MAX_ ? answer : found;
}

static enum answer check_probe(struct ingress *ingress, const char *url, const char *method)
{
    bool ready = strcmp(url, "/readyz") == 0;

    if (!ready && strcmp(url, "/healthz") != 0)
        return ANSWER_NOT_FOUND;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return ANSWER_METHOD_PROBE;
    return !ready || store_ready(ingress->store) ? ANSWER_OK : ANSWER_NOT_READY;
}

/* What can be said from the header alone; ANSWER_MAX_: go on with the body. */
static enum answer check_header(struct request *request, const char *url, const char *method,
                                const struct header_facts *facts)
{
    static const char prefix[] = "/callback/";
    enum answer answer;

    if (strncmp(url, prefix, sizeof(prefix) - 1) != 0)
        return check_probe(request->ingress, url, method);
    if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return ANSWER_METHOD;
    answer = authenticate(request, url + sizeof(prefix) - 1);
    if (answer != ANSWER_MAX_)
        return answer;
    return facts->encoded ? unless_erased(request, ANSWER_ENCODING) : ANSWER_MAX_;
}

static void count_answer(struct ingress *ingress, enum answer answer)
{
    static const enum count counted[ANSWER_MAX_] = {
        [ANSWER_UNKNOWN_TOKEN] = COUNT_UNKNOWN_TOKEN, [ANSWER_NOT_FOUND] = COUNT_NOT_FOUND,
        [ANSWER_METHOD] = COUNT_BAD_METHOD,           [ANSWER_METHOD_PROBE] = COUNT_BAD_METHOD,
        [ANSWER_ENCODING] = COUNT_BAD_ENCODING,       [ANSWER_TOO_LARGE] = COUNT_TOO_LARGE,
        [ANSWER_BAD_FRAMING] = COUNT_BAD_FRAMING,     [ANSWER_NOT_IMPLEMENTED] = COUNT_BAD_FRAMING,
        [ANSWER_UNAVAILABLE] = COUNT_UNAVAILABLE,
    };

    if (counted[answer] != COUNT_REQUESTS)
        count(ingress, counted[answer]);
}

/* An answer that ends the connection: nothing after it is read as a request. */
static enum MHD_Result refuse(struct request *request, enum answer answer)
{
    count_answer(request->ingress, answer);
    return answer_queue(&request->ingress->answers, request->connection, answer);
}

/* The rest of the body is read and thrown away first, so that the peer gets to read the answer. */
static void discard(struct request *request, enum answer answer)
{
    count_answer(request->ingress, answer);
    connections_yield(request->ingress, request->connection);
    request->stage = STAGE_DISCARD;
    request->answer = answer;
}

static enum MHD_Result begin(struct http_thread *http, struct MHD_Connection *connection,
                             const char *url, const char *method, void **con_cls)
{
    struct ingress *ingress = http->ingress;
    struct request *request = request_new(http, connection);
    struct header_facts facts;
    enum answer answer;

    if (!request)
        return answer_queue(&ingress->answers, connection, ANSWER_UNAVAILABLE);
    *con_cls = request;
    count(ingress, COUNT_REQUESTS);
    connections_begin(ingress, connection, request->settings->timeout_ms);
    headers_check(connection, method, &facts);
    if (facts.framing != FRAMING_OK)
        return refuse(request,
                      facts.framing == FRAMING_BAD ? ANSWER_BAD_FRAMING : ANSWER_NOT_IMPLEMENTED);
    answer = check_header(request, url, method, &facts);
    if (facts.has_length && facts.length > (uint64_t)request->settings->max_body)
        return refuse(request,
                      answer == ANSWER_MAX_ ? unless_erased(request, ANSWER_TOO_LARGE) : answer);
    if (answer != ANSWER_MAX_)
        discard(request, answer);
    return MHD_YES;
}

/* The declared length is not trusted with memory: the buffer grows with what has come. 0 or
 * -ENOMEM. */
static int append(struct request *request, const char *data, size_t size)
{
    if (request->size + size > request->capacity) {
        size_t capacity = request->capacity ? request->capacity * 2 : 2048;
        char *grown;

        while (capacity < request->size + size)
            capacity *= 2;
        grown = realloc(request->body, capacity);
        if (!grown)
            return -ENOMEM;
        request->body = grown;
        request->capacity = capacity;
    }
    memcpy(request->body + request->size, data, size);
    request->size += size;
    return 0;
}

static void linger(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    count(request->ingress, COUNT_TOO_LARGE);
    free(request->body);
    request->body = NULL;
    request->size = request->capacity = 0;
    request->stage = STAGE_LINGER;
    if (info && send(info->connect_fd, too_large_text, sizeof(too_large_text) - 1,
                     MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        shutdown(info->connect_fd, SHUT_WR);
}

static void take_body(struct request *request, const char *data, size_t size)
{
    enum answer answer;

    if (request->stage != STAGE_BODY)
        return; /* thrown away; the deadline ends what does not end by itself */
    if (request->size + size > (size_t)request->settings->max_body) {
        answer = unless_erased(request, ANSWER_TOO_LARGE);
        if (answer == ANSWER_TOO_LARGE)
            linger(request);
        else
            discard(request, answer);
    } else if (append(request, data, size) < 0) {
        discard(request, ANSWER_UNAVAILABLE);
    }
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls)
{
    struct http_thread *http = cls;
    struct request *request = *con_cls;

    (void)version;
    if (!request)
        return begin(http, connection, url, method, con_cls);
    if (*upload_data_size > 0) {
        take_body(request, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return MHD_YES;
    }
    switch (request->stage) {
    case STAGE_BODY:
        return request_park(request);
    case STAGE_LINGER:
        return MHD_NO; /* close: 413 was said */
    case STAGE_PARKED: /* cannot be: a suspended connection is not called */
        return MHD_NO;
    case STAGE_DISCARD:
    case STAGE_ANSWER:
        break;
    }
    connections_extend(http->ingress, connection, request->settings->timeout_ms);
    return answer_queue(&http->ingress->answers, connection, request->answer);
}

void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code)
{
    struct request *request = *con_cls;

    (void)code;
    connections_end(cls, connection, request);
    if (request)
        request_unref(request);
    *con_cls = NULL;
}
