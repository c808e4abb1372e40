/* From a whole body to its answer: checked and read here on the http thread, so that the writer
 * only stores; suspended until the commit; resumed by the writer with the verdict, or by the reaper
 * with 503, whichever comes first. */
#include "ingress/ingress_internal.h"

#include "common/json.h"
#include "common/timestamp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define FORWARDED_MAX 1024 /* of X-Forwarded-For; only its end counts */

static enum answer answer_of(const struct store_receive *command)
{
    static const enum answer by_result[] = {
        [STORE_E_UNAVAILABLE] = ANSWER_UNAVAILABLE, [STORE_E_FULL] = ANSWER_UNAVAILABLE,
        [STORE_E_NOT_FOUND] = ANSWER_UNKNOWN_TOKEN, [STORE_E_CONFLICT] = ANSWER_UNAVAILABLE,
        [STORE_E_STATE] = ANSWER_UNAVAILABLE,
    };
    static const enum answer by_reason[] = {
        [REASON_NOT_JSON] = ANSWER_NOT_JSON,
        [REASON_NOT_OBJECT] = ANSWER_NOT_OBJECT,
        [REASON_TOO_DEEP] = ANSWER_TOO_DEEP,
        [REASON_NOT_UTF8] = ANSWER_NOT_UTF8,
    };

    if (command->base.result != STORE_OK)
        return by_result[command->base.result];
    if (command->rejected != REASON_NONE)
        return by_reason[command->rejected];
    assert((unsigned)command->state <= CALLBACK_INTERIM);
    return (enum answer)command->state; /* the answers begin in the order of the states */
}

void request_unpark(struct request *request, enum answer answer)
{
    LIST_REMOVE(request, parked_link);
    request->stage = STAGE_ANSWER;
    request->answer = answer;
}

/* Writer thread. */
static void on_stored(struct store_command *command)
{
    struct request *request = (struct request *)command;
    struct ingress *ingress = request->ingress;
    enum answer answer = answer_of(&request->command);
    bool resume;

    pthread_mutex_lock(&ingress->lock);
    resume = request->stage == STAGE_PARKED; /* else it waited too long and was answered 503 */
    if (resume)
        request_unpark(request, answer);
    pthread_mutex_unlock(&ingress->lock);
    if (resume) {
        if (answer == ANSWER_UNAVAILABLE)
            count(ingress, COUNT_UNAVAILABLE);
        if (answer == ANSWER_UNKNOWN_TOKEN)
            count(ingress, COUNT_UNKNOWN_TOKEN);
        http_thread_resume(request->http, request->connection);
    }
    request_unref(request);
    pthread_mutex_lock(&ingress->lock);
    if (--ingress->at_store == 0)
        pthread_cond_signal(&ingress->none_at_store);
    pthread_mutex_unlock(&ingress->lock);
}

struct forwarded {
    char text[FORWARDED_MAX];
    size_t size;
};

static enum MHD_Result on_forwarded(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct forwarded *forwarded = cls;
    size_t size = value ? strlen(value) : 0;

    (void)kind;
    if (strcasecmp(name, "X-Forwarded-For") != 0 || size == 0)
        return MHD_YES;
    if (forwarded->size + size + 2 > sizeof(forwarded->text))
        forwarded->size = 0; /* only the end counts: what our proxy wrote */
    if (size + 2 > sizeof(forwarded->text)) {
        value += size + 2 - sizeof(forwarded->text);
        size = sizeof(forwarded->text) - 2;
    }
    if (forwarded->size > 0)
        forwarded->text[forwarded->size++] = ',';
    memcpy(forwarded->text + forwarded->size, value, size + 1);
    forwarded->size += size;
    return MHD_YES;
}

static void find_client(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    const void *exact = address; /* libmicrohttpd keeps a sockaddr_storage */
    struct forwarded forwarded = {.size = 0};
    char peer[INET6_ADDRSTRLEN] = "";

    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)exact)->sin_addr, peer, sizeof(peer));
    else if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)exact)->sin6_addr, peer, sizeof(peer));
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, on_forwarded, &forwarded);
    client_address(peer, forwarded.size > 0 ? forwarded.text : NULL,
                   request->settings->trusted_proxies, request->client, sizeof(request->client));
}

/* 0, or -ENOMEM. */
static int read_body(struct request *request)
{
    static const enum callback_reason reasons[] = {
        [JSON_SCAN_NOT_JSON] = REASON_NOT_JSON,
        [JSON_SCAN_NOT_OBJECT] = REASON_NOT_OBJECT,
        [JSON_SCAN_TOO_DEEP] = REASON_TOO_DEEP,
        [JSON_SCAN_NOT_UTF8] = REASON_NOT_UTF8,
    };
    cleanup_json struct json_object *body = NULL;
    int r = json_parse_strict(request->body ? request->body : "", request->size, true, &body);

    if (r < 0)
        return r;
    if (r > 0) {
        request->command.rejected = reasons[r];
        return 0;
    }
    return reading_parse(body, &request->command.reading);
}

/* Fills the command with what the body and the header say. 0 or -ENOMEM. */
static int make_command(struct request *request)
{
    struct store_receive *command = &request->command;
    int r = read_body(request);

    if (r == 0)
        r = headers_keep(request->connection, &request->headers);
    if (r < 0)
        return r;
    find_client(request);
    command->base = (struct store_command){
        .kind = STORE_RECEIVE, .where = STORE_DONE_ON_WRITER, .done = on_stored};
    command->body = request->body ? request->body : "";
    command->body_size = request->size;
    command->client = request->client[0] ? request->client : NULL;
    command->headers = request->headers;
    command->received_at = time_now();
    return 0;
}

/* The store did not take it: nobody else holds the request. */
static void take_back(struct request *request)
{
    struct ingress *ingress = request->ingress;
    bool resume;

    pthread_mutex_lock(&ingress->lock);
    if (--ingress->at_store == 0)
        pthread_cond_signal(&ingress->none_at_store);
    resume = request->stage == STAGE_PARKED;
    if (resume)
        request_unpark(request, ANSWER_UNAVAILABLE);
    pthread_mutex_unlock(&ingress->lock);
    count(ingress, COUNT_UNAVAILABLE);
    if (resume)
        http_thread_resume(request->http, request->connection);
    request_unref(request);
}

enum MHD_Result request_park(struct request *request)
{
    struct ingress *ingress = request->ingress;

    request->read_boot_us = time_boot_us();
    if (make_command(request) < 0) {
        count(ingress, COUNT_UNAVAILABLE); /* out of memory is our fault, never the sender's */
        return answer_queue(&ingress->answers, request->connection, ANSWER_UNAVAILABLE);
    }
    connections_extend(ingress, request->connection,
                       INGRESS_COMMIT_WAIT_MS + request->settings->timeout_ms);
    atomic_fetch_add(&request->references, 1);
    pthread_mutex_lock(&ingress->lock);
    if (ingress->closing) { /* the library must not be stopped with a suspended connection */
        pthread_mutex_unlock(&ingress->lock);
        atomic_fetch_sub(&request->references, 1);
        return answer_queue(&ingress->answers, request->connection, ANSWER_UNAVAILABLE);
    }
    request->stage = STAGE_PARKED;
    request->parked_boot_ms = time_boot_ms();
    LIST_INSERT_HEAD(&ingress->parked, request, parked_link);
    ingress->at_store++;
    pthread_mutex_unlock(&ingress->lock);
    /* Before the post: the writer may be done before this function is. */
    MHD_suspend_connection(request->connection);
    if (store_post(ingress->store, &request->command.base) != STORE_OK)
        take_back(request);
    return MHD_YES;
}
