/* The connection to prontod: HTTP over the query socket with libcurl. One request at a time. */
#pragma once

#include "common/json.h"

struct client;

/* @socket: path of the query socket; borrowed. Returns 0 or -ENOMEM. */
int client_new(const char *socket, struct client **ret);
void client_free(struct client *client);
static inline void client_free_p(struct client **client)
{
    client_free(*client);
}
#define cleanup_client __attribute__((cleanup(client_free_p)))

const char *client_socket(const struct client *client);

struct answer {
    int status;               /* HTTP */
    struct json_object *json; /* NULL when the body is no JSON; owned */
    char detail[1024];        /* of a problem, or a title; "" when there is none */
};
void answer_done(struct answer *answer);

enum client_result {
    CLIENT_OK = 0,
    CLIENT_E_UNREACHABLE = 1, /* detail says what is wrong and the remedy */
    CLIENT_E_GARBAGE,         /* what answered is not prontod */
};

/* @path with its query already encoded; @body NULL for none; @idempotency_key may be NULL. Any HTTP
 * status is CLIENT_OK. Returns CLIENT_OK, a positive client_result with ret->detail set, or
 * -ENOMEM. */
int client_call(struct client *client, const char *method, const char *path,
                struct json_object *body, const char *idempotency_key, struct answer *ret);

/* A growing path with an encoded query: path_add(&path, "state", "finished"). Allocation failures
 * end in -ENOMEM of path_end(). */
struct path {
    char *text;
    bool failed, has_query;
};
void path_begin(struct path *path, const char *base);
void path_part(struct path *path, const char *part); /* appended as "/part", percent-encoded */
void path_add(struct path *path, const char *key, const char *value); /* NULL value: left out */
/* A filter of custom from "key=value"; false: it is none. */
bool path_add_custom(struct path *path, const char *pair);
int path_end(struct path *path); /* 0 or -ENOMEM; path->text is the caller's */
