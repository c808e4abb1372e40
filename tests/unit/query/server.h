/* A query socket in this process: a real store in a directory of its own, a loop that the test
 * steps, and a client that talks HTTP over the socket meanwhile. */
#pragma once

#include "common/cleanup.h"
#include "query/query.h"

#include <criterion/criterion.h>

struct server {
    char directory[64], path[96];
    sd_event *loop;
    struct store *store;
    struct store_reader *reader;
    struct config config;
    struct hook_config hook;
    struct query *query;
    sd_event_source *store_source;

    /* the backend: what it answers, and what it was asked */
    const char *refused;
    const char *hook_state, *hook_error;
    int64_t hook_retry_at;
    struct hook_trial trial;     /* of the last test_hook */
    int test_result;             /* of test_hook */
    void (*around)(bool begins); /* each turn of the loop; or NULL */
    int tests_asked, tests_cancelled;
    void (*test_done)(struct json_object *outcome, void *done_userdata);
    void *test_userdata;
    int ask_result; /* of poll and credits */
    int asks, asks_cancelled;
    store_key ask_request; /* 0: for credits */
    asked_fn ask_done;
    void *ask_userdata;
};

/* One hook "crm" on finished and failed, "give_up" an hour. */
void server_start(struct server *server);
void server_stop(struct server *server);
/* One turn of the loop, which does not wait for more than a moment. */
void server_step(struct server *server);

/* Posts a command and steps until it is done. */
enum store_result server_apply(struct server *server, void *command, enum store_command_kind kind);

struct client {
    int fd;
    char *out;
    size_t out_size, out_at;
    char *in; /* NUL-terminated */
    size_t in_size;
    bool closed;
};
void client_connect(struct server *server, struct client *client);
void client_send(struct client *client, const char *text, size_t size);
/* Steps the server and moves bytes once. */
void client_step(struct server *server, struct client *client);
/* Steps until @text has come, or the peer closed; true when it came. */
bool client_until(struct server *server, struct client *client, const char *text);
void client_close(struct client *client);

struct reply {
    int status;
    char *text; /* head and body; owned */
    char *head; /* NUL-terminated, in text */
    char *body;
    struct json_object *json; /* or NULL */
};
void reply_done(struct reply *reply);
#define cleanup_reply __attribute__((cleanup(reply_done)))

/* One request on a connection of its own, answered to its end. @headers: lines with CRLF, or "".
 * @body may be NULL. */
struct reply call(struct server *server, const char *method, const char *path, const char *headers,
                  const char *body);
struct reply get(struct server *server, const char *path);
struct reply post(struct server *server, const char *path, const char *body);
/* Sends without waiting; the answer is for client_reply(). */
void begin(struct server *server, struct client *client, const char *method, const char *path,
           const char *headers, const char *body);
struct reply finish(struct server *server, struct client *client);
/* Steps until the peer closes; what came stays in client->in. */
void until_closed(struct server *server, struct client *client);

/* What the reply says, or "" when it is no problem. */
const char *detail(const struct reply *reply);
/* Asserts the status, with the body in the message. */
#define expect_status(reply, expected)                                                             \
    cr_assert_eq((reply).status, expected, "%d %s", (reply).status, (reply).body)

/* A request by HTTP; its id. */
void submit(struct server *server, const char *body, char ret_id[static UUID_TEXT_SIZE]);
/* Claims one submission and answers it; its token's submission. */
store_key accept_one(struct server *server, const char *enrichment_id);
/* A callback on that submission (0: on a shared secret); its id. */
enum callback_state receive(struct server *server, store_key submission, const char *body,
                            char ret_id[static UUID_TEXT_SIZE]);
/* Claims one delivery of crm and ends it. */
void attempt(struct server *server, enum attempt_outcome outcome, const char *output, size_t size);

#define ADA                                                                                        \
    "{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\",\"enrichment_type\":\"email\","              \
    "\"domain\":\"example.com\",\"custom\":{\"n\":7}}"
