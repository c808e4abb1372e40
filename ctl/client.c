#include "ctl/client.h"

#include "common/limits.h"
#include "common/problem.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX                                                                           \
    (64UL * 1024 * 1024) /* a page of 1000 requests with large custom payloads */

struct client {
    CURL *curl;
    const char *socket;
};

struct buffer {
    char *text;
    size_t size;
};

int client_new(const char *socket, struct client **ret)
{
    struct client *client = calloc(1, sizeof(*client));

    if (!client)
        return -ENOMEM;
    client->socket = socket;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
        client->curl = curl_easy_init();
    if (!client->curl) {
        free(client);
        return -ENOMEM;
    }
    *ret = client;
    return 0;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    free(client);
}

void answer_done(struct answer *answer)
{
    json_object_put(answer->json);
    *answer = (struct answer){0};
}

static size_t on_data(char *data, size_t one, size_t size, void *userdata)
{
    struct buffer *buffer = userdata;
    char *grown;

    (void)one;
    if (buffer->size + size > ANSWER_BYTES_MAX)
        return 0;
    grown = realloc(buffer->text, buffer->size + size + 1);
    if (!grown)
        return 0;
    buffer->text = grown;
    memcpy(grown + buffer->size, data, size);
    buffer->size += size;
    grown[buffer->size] = '\0';
    return size;
}

static struct curl_slist *make_headers(bool body, const char *idempotency_key)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    cleanup_free char *line = NULL;

    if (body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (idempotency_key && asprintf(&line, "Idempotency-Key: %s", idempotency_key) >= 0)
        list = curl_slist_append(list, line);
    return list;
}

/* Says in words why nothing answered. */
static void explain(const struct client *client, CURLcode code, struct answer *ret)
{
    if (code == CURLE_COULDNT_CONNECT)
        snprintf(ret->detail, sizeof(ret->detail),
                 "cannot reach prontod at %s: is it running (systemctl status prontod)? Another "
                 "socket is named with --socket",
                 client->socket);
    else
        snprintf(ret->detail, sizeof(ret->detail), "prontod at %s did not answer: %s",
                 client->socket, curl_easy_strerror(code));
}

static int perform(struct client *client, const char *url, const char *method, const char *body,
                   struct curl_slist *headers, struct buffer *buffer, struct answer *ret)
{
    CURL *curl = client->curl;
    CURLcode code;
    long status = 0;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        explain(client, code, ret);
        return CLIENT_E_UNREACHABLE;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    ret->status = (int)status;
    return CLIENT_OK;
}

static void find_detail(struct answer *answer)
{
    const char *detail = json_get_string(answer->json, "detail");

    if (!detail)
        detail = json_get_string(answer->json, "title");
    snprintf(answer->detail, sizeof(answer->detail), "%s",
             detail ? detail : problem_title(answer->status));
    for (char *p = answer->detail; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
}

int client_call(struct client *client, const char *method, const char *path,
                struct json_object *body, const char *idempotency_key, struct answer *ret)
{
    struct answer answer = {0};
    struct buffer buffer = {0};
    cleanup_free char *url = NULL, *text = NULL;
    struct curl_slist *headers;
    size_t size;
    int r;

    if (asprintf(&url, "http://prontod%s", path) < 0)
        return -ENOMEM;
    if (body && json_serialize(body, &text, &size) < 0)
        return -ENOMEM;
    headers = make_headers(body != NULL, idempotency_key);
    r = perform(client, url, method, text, headers, &buffer, &answer);
    curl_slist_free_all(headers);
    if (r == CLIENT_OK && (buffer.size > 0 || answer.status == 200)) {
        r = json_parse_strict(buffer.text ? buffer.text : "", buffer.size, false, &answer.json);
        if (r > 0) {
            snprintf(answer.detail, sizeof(answer.detail), "what answers at %s is not prontod",
                     client->socket);
            r = CLIENT_E_GARBAGE;
        }
    }
    free(buffer.text);
    if (r == CLIENT_OK && answer.status >= 300)
        find_detail(&answer);
    if (r < 0) {
        answer_done(&answer);
        return r;
    }
    *ret = answer;
    return r;
}

static void path_append(struct path *path, const char *separator, const char *key,
                        const char *value)
{
    char *escaped_key = key ? curl_easy_escape(NULL, key, 0) : NULL;
    char *escaped = curl_easy_escape(NULL, value, 0);
    char *text = NULL;

    if (path->failed || !escaped || (key && !escaped_key) ||
        asprintf(&text, "%s%s%s%s%s", path->text, separator, key ? escaped_key : "", key ? "=" : "",
                 escaped) < 0) {
        path->failed = true;
    } else {
        free(path->text);
        path->text = text;
    }
    curl_free(escaped_key);
    curl_free(escaped);
}

void path_begin(struct path *path, const char *base)
{
    *path = (struct path){.text = strdup(base)};
    path->failed = path->text == NULL;
}

void path_part(struct path *path, const char *part)
{
    path_append(path, "/", NULL, part);
}

void path_add(struct path *path, const char *key, const char *value)
{
    if (!value)
        return;
    path_append(path, path->has_query ? "&" : "?", key, value);
    path->has_query = true;
}

int path_end(struct path *path)
{
    if (!path->failed)
        return 0;
    free(path->text);
    path->text = NULL;
    return -ENOMEM;
}
