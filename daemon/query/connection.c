/* One HTTP request: header, body, steps, answer. Order of the checks: right to be here, path,
 * method, right to change, parameters, encoding, size; then the body; then what is in it.
 *
 * A step that waits leaves the connection suspended: the library neither reads nor times it out,
 * and calls again after it was resumed. */
#include "query/query_internal.h"

#include "common/parse.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

void *call_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct query *query = cls;
    struct call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL; /* answered by call_handle() */
    call->query = query;
    call->connection = connection;
    call->references = 1;
    call->path = strdup(uri);
    LIST_INSERT_HEAD(&query->calls, call, link);
    query->n_calls++;
    return call;
}

void call_unref(struct call *call)
{
    if (--call->references > 0)
        return;
    for (size_t i = 0; i < call->n_contacts; i++)
        contact_done(&call->contacts[i]);
    free(call->contacts);
    free(call->idempotency);
    free(call->enrichment_id);
    json_object_put(call->json);
    json_object_put(call->outcome);
    stream_free(call->stream);
    forgetting_free(call->forgetting);
    params_done(&call->params);
    free(call->path);
    free(call->body);
    free(call->answer.body);
    free(call);
}

void call_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode code)
{
    struct query *query = cls;
    struct call *call = *con_cls;

    (void)connection;
    (void)code;
    *con_cls = NULL;
    if (!call)
        return;
    call_cancel(call);
    call_wait_end(call);
    if (call->busy)
        query->n_busy--;
    LIST_REMOVE(call, link);
    call->connection = NULL;
    call_unref(call);
}

int call_fd(const struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

static const char *header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* A name that someone mistyped may be anything, also a person's; ours are repeated. */
static bool is_plain_name(const char *name)
{
    return strlen(name) <= 32 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_.")] == '\0';
}

static int check_parameters(struct call *call, const char *query)
{
    const struct param *unwanted;
    int r = params_parse(query, &call->params);

    if (r < 0)
        return r;
    if (r == PARAMS_E_TOO_MANY)
        return answer_problem(call, 400, "more than %d parameters", PARAMS_MAX);
    if (r != PARAMS_OK)
        return answer_problem(call, 400, "the parameters are not encoded correctly");
    unwanted = params_unwanted(&call->params, call->route->parameters);
    if (!unwanted)
        return 0;
    if (!is_plain_name(unwanted->name))
        return answer_problem(call, 400, "an unknown parameter");
    return answer_problem(call, 400, "the parameter %s is unknown here, or given twice",
                          unwanted->name);
}

static int check_route(struct call *call, const char *method, enum peer_right right)
{
    struct route_match match = {.route = NULL};
    enum route_result result = route_find(method, call->path, &match);
    char *id;

    if (result == ROUTE_E_PATH)
        return answer_problem(call, 404, "there is nothing at this path");
    if (result == ROUTE_E_METHOD) {
        memcpy(call->answer.allow, match.allow, sizeof(match.allow));
        return answer_problem(call, 405, "this path takes %s", match.allow);
    }
    if (match.route->right > right)
        return answer_problem(call, 403, "members of read_group may only read");
    call->route = match.route;
    call->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!match.id)
        return 0;
    id = call->path + (match.id - call->path);
    id[match.id_size] = '\0';
    call->id = id;
    if (!percent_decode(id, false))
        return answer_problem(call, 400, "the path is not encoded correctly");
    return 0;
}

/* What can be said from the header alone; without an answer the body is next. 0 or a negative
 * errno. */
static int check_header(struct call *call, const char *method)
{
    enum peer_right right = peers_look(&call->query->peers, call->query->config, call_fd(call));
    const char *encoding = header(call, "Content-Encoding");
    char *query;
    int r;

    if (!call->path)
        return -ENOMEM;
    if (right == PEER_NONE)
        return answer_problem(call, 403,
                              "only root, the user of prontod and members of admin_group and "
                              "read_group may use this socket");
    query = strchr(call->path, '?');
    if (query)
        *query++ = '\0';
    r = check_route(call, method, right);
    if (r == 0 && call->answer.status == 0)
        r = check_parameters(call, query);
    if (r == 0 && call->answer.status == 0 && encoding && strcasecmp(encoding, "identity") != 0)
        r = answer_problem(call, 415, "the body must not be encoded");
    return r;
}

static int too_large(struct call *call)
{
    return answer_problem(call, 413, "a body may have at most %zu bytes", QUERY_BODY_MAX);
}

/* Out of memory or a database that cannot be read is our fault, never the client's. */
static int answer_failure(struct call *call, int error)
{
    if (error == -ENOMEM)
        return answer_problem(call, 503, "prontod is short of memory");
    return answer_problem(call, 503, "the database could not be read: %s", strerror(-error));
}

static enum MHD_Result send_or_fail(struct call *call, int r)
{
    if (r < 0 && answer_failure(call, r) < 0)
        return answer_send_exhausted(call->connection);
    return answer_send(call);
}

static enum MHD_Result read_header(struct call *call, const char *method)
{
    const char *length = header(call, "Content-Length");
    int64_t bytes = 0;
    int r = check_header(call, method);

    call->stage = CALL_BODY;
    if (length && parse_integer(length, 0, INT64_MAX, &bytes) < 0)
        bytes = INT64_MAX;
    if (r == 0 && call->answer.status == 0 && (uint64_t)bytes > QUERY_BODY_MAX)
        r = too_large(call);
    if (r == 0 && call->answer.status == 0)
        return MHD_YES;
    if (r < 0 || (uint64_t)bytes > QUERY_DISCARD_MAX || header(call, "Expect"))
        return send_or_fail(call, r); /* the library closes, since the body was not read */
    call->stage = CALL_DISCARD;
    return MHD_YES;
}

/* The declared length is not trusted with memory: the buffer grows with what has come. */
static int append(struct call *call, const char *data, size_t size)
{
    if (call->size + size > call->capacity) {
        size_t capacity = call->capacity ? call->capacity * 2 : 4096;
        char *grown;

        while (capacity < call->size + size)
            capacity *= 2;
        grown = realloc(call->body, capacity);
        if (!grown)
            return -ENOMEM;
        call->body = grown;
        call->capacity = capacity;
    }
    memcpy(call->body + call->size, data, size);
    call->size += size;
    return 0;
}

static enum MHD_Result take_body(struct call *call, const char *data, size_t size)
{
    int r = 0;

    if (call->stage == CALL_BODY && call->size + size > QUERY_BODY_MAX) {
        r = too_large(call);
        call->stage = CALL_DISCARD;
    }
    if (call->stage == CALL_BODY && call->route->body != BODY_NONE)
        r = append(call, data, size);
    else
        call->size += size;
    if (r < 0) {
        if (answer_failure(call, r) < 0)
            return MHD_NO;
        call->stage = CALL_DISCARD;
    }
    return call->size <= QUERY_DISCARD_MAX ? MHD_YES : MHD_NO;
}

static int parse_body(struct call *call)
{
    static const char *const reasons[] = {
        [JSON_SCAN_NOT_JSON] = "the body is not JSON",
        [JSON_SCAN_NOT_OBJECT] = "the body is not a JSON object",
        [JSON_SCAN_TOO_DEEP] = "the body is nested too deeply",
        [JSON_SCAN_NOT_UTF8] = "the body is not UTF-8",
    };
    bool only_object = call->route->body != BODY_OBJECT_OR_ARRAY;
    int r;

    if (call->route->body == BODY_NONE ||
        (call->route->body == BODY_OBJECT_OR_NOTHING && call->size == 0))
        return 0;
    r = json_parse_strict(call->body ? call->body : "", call->size, only_object, &call->json);
    if (r > 0)
        return answer_problem(call, 400, "%s", reasons[r]);
    if (r == 0 && !only_object && !json_object_is_type(call->json, json_type_object) &&
        !json_object_is_type(call->json, json_type_array))
        return answer_problem(call, 400, "the body is neither a JSON object nor an array");
    return r;
}

static enum MHD_Result run_steps(struct call *call)
{
    int r;

    do {
        call->woken = false;
        r = call->step(call);
    } while (r == CALL_WAITS && call->woken);
    if (r == CALL_WAITS) {
        call->suspended = true;
        MHD_suspend_connection(call->connection);
        return MHD_YES;
    }
    return send_or_fail(call, r);
}

static enum MHD_Result whole_request(struct call *call)
{
    int r = 0;

    if (call->stage == CALL_BODY) {
        r = parse_body(call);
        free(call->body);
        call->body = NULL;
        call->stage = CALL_STEPS;
        call->step = call->route->run;
        call->busy = true;
        call->query->n_busy++;
    }
    if (r < 0 || call->answer.status != 0)
        return send_or_fail(call, r);
    return run_steps(call);
}

enum MHD_Result call_handle(void *cls, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload_data,
                            size_t *upload_data_size, void **con_cls)
{
    struct call *call = *con_cls;
    size_t size = *upload_data_size;

    (void)cls;
    (void)url;
    (void)version;
    if (!call)
        return answer_send_exhausted(connection);
    if (call->stage == CALL_HEADER)
        return read_header(call, method);
    if (size > 0) {
        *upload_data_size = 0;
        return take_body(call, upload_data, size);
    }
    return whole_request(call);
}
