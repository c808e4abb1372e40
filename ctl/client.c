#include "ctl/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct client {
    CURL *curl;
    const char *socket;
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

const char *client_socket(const struct client *client)
{
    return client->socket;
}

void answer_done(struct answer *answer)
{
    json_object_put(answer->json);
    *answer = (struct answer){0};
}

int client_call(struct client *client, const char *method, const char *path,
                struct json_object *body, const char *idempotency_key, struct answer *ret)
{
    struct transfer transfer = {.curl = client->curl, .socket = client->socket};
    cleanup_free char *text = NULL;
    size_t size = 0;
    int r;

    if (body && json_serialize(body, &text, &size) < 0)
        return -ENOMEM;
    r = transfer_prepare(&transfer, method, path, text, size, idempotency_key);
    if (r == 0)
        r = transfer_answer(&transfer, curl_easy_perform(client->curl), ret);
    transfer_done(&transfer);
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

bool path_add_custom(struct path *path, const char *pair)
{
    const char *equals = strchr(pair, '=');
    cleanup_free char *key = NULL;

    if (!equals || equals == pair)
        return false;
    if (asprintf(&key, "custom.%.*s", (int)(equals - pair), pair) < 0) {
        key = NULL;
        path->failed = true;
        return true;
    }
    path_add(path, key, equals + 1);
    return true;
}

int path_end(struct path *path)
{
    if (!path->failed)
        return 0;
    free(path->text);
    path->text = NULL;
    return -ENOMEM;
}
