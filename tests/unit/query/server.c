#include "server.h"

#include "common/timestamp.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE_MS 20000

static const char *on_refused(void *userdata)
{
    return ((struct server *)userdata)->refused;
}

static int on_hook_state(const char *hook, struct hook_live *ret, void *userdata)
{
    struct server *server = userdata;

    if (strcmp(hook, "crm") != 0)
        return -ENOENT;
    *ret = (struct hook_live){.state = server->hook_state,
                              .error = server->hook_error,
                              .retry_at = server->hook_retry_at};
    return 0;
}

static int on_status(struct json_object *object, void *userdata)
{
    (void)userdata;
    return json_add_string(object, "egress", "up");
}

static void on_answer_times(struct histogram *ret, void *userdata)
{
    (void)userdata;
    *ret = (struct histogram){.counts = {3, 1}, .sum_us = 2500};
}

static int on_test(const char *hook, struct hook_trial *trial,
                   void (*done)(struct json_object *outcome, void *done_userdata),
                   void *done_userdata, void *userdata)
{
    struct server *server = userdata;

    server->tests_asked++;
    if (strcmp(hook, "crm") != 0)
        return -ENOENT;
    server->trial = *trial;
    trial->why = "it does not fit";
    if (server->test_result != 0)
        return server->test_result;
    server->test_done = done;
    server->test_userdata = done_userdata;
    return 0;
}

static void on_test_cancel(void *done_userdata, void *userdata)
{
    struct server *server = userdata;

    cr_assert_eq(done_userdata, server->test_userdata);
    server->tests_cancelled++;
    server->test_done = NULL;
}

static int ask(struct server *server, store_key request, asked_fn done, void *done_userdata)
{
    server->asks++;
    if (server->ask_result < 0)
        return server->ask_result;
    server->ask_request = request;
    server->ask_done = done;
    server->ask_userdata = done_userdata;
    return 0;
}

static int on_poll(store_key request, asked_fn done, void *done_userdata, void *userdata)
{
    return ask(userdata, request, done, done_userdata);
}

static int on_credits(asked_fn done, void *done_userdata, void *userdata)
{
    return ask(userdata, 0, done, done_userdata);
}

static void on_ask_cancel(void *done_userdata, void *userdata)
{
    struct server *server = userdata;

    cr_assert_eq(done_userdata, server->ask_userdata);
    server->asks_cancelled++;
    server->ask_done = NULL;
}

static void on_changed(const struct store_changes *changes, void *userdata)
{
    struct server *server = userdata;

    if (server->query)
        query_changed(server->query, changes);
}

static int on_store(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct server *server = userdata;

    (void)source;
    (void)fd;
    (void)revents;
    cr_assert_eq(store_dispatch(server->store, on_changed, server), 0);
    return 0;
}

static void open_store(struct server *server)
{
    static struct store_settings settings;
    char path[128];
    char *reason = NULL;

    settings = (struct store_settings){.max_unmatched = 1000, .n_hooks = 1};
    settings.hooks[0] = (struct hook_filter){.name = "crm",
                                             .on = 1U << EVENT_FINISHED | 1U << EVENT_FAILED,
                                             .types = (1U << ENRICHMENT_MAX_) - 1};
    snprintf(path, sizeof(path), "%s/store.db", server->directory);
    cr_assert_eq(store_open(path, &settings, time_now(), &server->store, &reason), STORE_OPEN_OK,
                 "%s", reason);
    cr_assert_eq(store_reader_open(server->store, &server->reader), 0);
    cr_assert_geq(sd_event_add_io(server->loop, &server->store_source, store_fd(server->store),
                                  EPOLLIN, on_store, server),
                  0);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 512), 0);
    return fd;
}

void server_start(struct server *server)
{
    static char *command[] = {(char *)"/bin/true", NULL};
    struct query_backend backend = {.submit_refused = on_refused,
                                    .hook_state = on_hook_state,
                                    .status = on_status,
                                    .answer_times = on_answer_times,
                                    .test_hook = on_test,
                                    .test_hook_cancel = on_test_cancel,
                                    .poll = on_poll,
                                    .credits = on_credits,
                                    .ask_cancel = on_ask_cancel,
                                    .userdata = server};

    *server = (struct server){.hook_state = "ok"};
    snprintf(server->directory, sizeof(server->directory), "/tmp/prontod-query-XXXXXX");
    cr_assert_not_null(mkdtemp(server->directory));
    snprintf(server->path, sizeof(server->path), "%s/query.sock", server->directory);
    server->hook = (struct hook_config){.name = (char *)"crm",
                                        .command = command,
                                        .command_text = (char *)"/bin/true",
                                        .on = 1U << EVENT_FINISHED | 1U << EVENT_FAILED,
                                        .give_up_ms = 3600000};
    server->config.hooks = &server->hook;
    server->config.n_hooks = 1;
    cr_assert_eq(crypto_init(), 0);
    cr_assert_geq(sd_event_new(&server->loop), 0);
    open_store(server);
    backend.store = server->store;
    backend.reader = server->reader;
    cr_assert_eq(query_new(server->loop, &server->config, listen_unix(server->path), &backend,
                           &server->query),
                 0);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void server_stop(struct server *server)
{
    query_free(server->query);
    sd_event_source_disable_unref(server->store_source);
    store_reader_free(server->reader);
    store_close(server->store);
    sd_event_unref(server->loop);
    nftw(server->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void server_step(struct server *server)
{
    if (server->around)
        server->around(true);
    sd_event_run(server->loop, 5000);
    if (server->around)
        server->around(false);
}

static void on_done(struct store_command *command)
{
    *(bool *)command->userdata = true;
}

enum store_result server_apply(struct server *server, void *command, enum store_command_kind kind)
{
    struct store_command *base = command;
    int64_t deadline = time_boot_ms() + PATIENCE_MS;
    bool done = false;

    *base = (struct store_command){
        .kind = kind, .where = STORE_DONE_ON_LOOP, .done = on_done, .userdata = &done};
    cr_assert_eq(store_post(server->store, base), STORE_OK);
    while (!done) {
        cr_assert_lt(time_boot_ms(), deadline, "the store does not answer");
        server_step(server);
    }
    return base->result;
}

/* The client. */

void client_connect(struct server *server, struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
    cr_assert_eq(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void client_send(struct client *client, const char *text, size_t size)
{
    client->out = realloc(client->out, client->out_size + size + 1);
    cr_assert_not_null(client->out);
    memcpy(client->out + client->out_size, text, size);
    client->out_size += size;
}

static void write_some(struct client *client)
{
    ssize_t n;

    if (client->out_at == client->out_size)
        return;
    n = send(client->fd, client->out + client->out_at, client->out_size - client->out_at,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        client->out_at += (size_t)n;
}

static void read_some(struct client *client)
{
    static char buffer[65536];
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        client->closed = true;
    if (n <= 0)
        return;
    client->in = realloc(client->in, client->in_size + (size_t)n + 1);
    cr_assert_not_null(client->in);
    memcpy(client->in + client->in_size, buffer, (size_t)n);
    client->in_size += (size_t)n;
    client->in[client->in_size] = '\0';
}

void client_step(struct server *server, struct client *client)
{
    write_some(client);
    server_step(server);
    read_some(client);
}

bool client_until(struct server *server, struct client *client, const char *text)
{
    int64_t deadline = time_boot_ms() + PATIENCE_MS;

    while (!client->in || !strstr(client->in, text)) {
        cr_assert_lt(time_boot_ms(), deadline, "'%s' did not come, but: %s", text,
                     client->in ? client->in : "nothing");
        if (client->closed)
            return false;
        client_step(server, client);
    }
    return true;
}

void client_close(struct client *client)
{
    close(client->fd);
    free(client->out);
    free(client->in);
    *client = (struct client){.fd = -1};
}

void begin(struct server *server, struct client *client, const char *method, const char *path,
           const char *headers, const char *body)
{
    size_t size = body ? strlen(body) : 0;
    cleanup_free char *head = NULL;
    char length[64] = "";

    if (body)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", size);
    cr_assert_geq(asprintf(&head, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n",
                           method, path, headers, length),
                  0);
    client_connect(server, client);
    client_send(client, head, strlen(head));
    if (body)
        client_send(client, body, size);
}

void until_closed(struct server *server, struct client *client)
{
    int64_t deadline = time_boot_ms() + PATIENCE_MS;

    while (!client->closed) {
        cr_assert_lt(time_boot_ms(), deadline, "no end, but: %s",
                     client->in ? client->in : "nothing");
        client_step(server, client);
    }
}

struct reply finish(struct server *server, struct client *client)
{
    struct reply reply = {.status = 0};
    char *end;

    until_closed(server, client);
    cr_assert_not_null(client->in, "closed without an answer");
    reply.text = TAKE_PTR(client->in);
    cr_assert_eq(strncmp(reply.text, "HTTP/1.1 ", 9), 0);
    reply.status = (int)strtol(reply.text + 9, NULL, 10);
    reply.head = reply.text;
    end = strstr(reply.text, "\r\n\r\n");
    cr_assert_not_null(end);
    end[2] = '\0';
    reply.body = end + 4;
    if (json_parse_strict(reply.body, strlen(reply.body), false, &reply.json) != 0)
        reply.json = NULL;
    client_close(client);
    return reply;
}

void reply_done(struct reply *reply)
{
    free(reply->text);
    json_object_put(reply->json);
}

struct reply call(struct server *server, const char *method, const char *path, const char *headers,
                  const char *body)
{
    struct client client;

    begin(server, &client, method, path, headers, body);
    return finish(server, &client);
}

struct reply get(struct server *server, const char *path)
{
    return call(server, "GET", path, "", NULL);
}

struct reply post(struct server *server, const char *path, const char *body)
{
    return call(server, "POST", path, "", body ? body : "");
}

const char *detail(const struct reply *reply)
{
    const char *text = json_get_string(reply->json, "detail");

    return text ? text : "";
}
