/* What is the same for all calls: rights, paths, methods, sizes, connections. */
#include "server.h"

#include "common/limits.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct server server;

static void start(void)
{
    server_start(&server);
}
static void stop(void)
{
    server_stop(&server);
}
TestSuite(http, .init = start, .fini = stop);

Test(http, paths_and_methods)
{
    cleanup_reply struct reply nothing = get(&server, "/v1/nothing");
    cleanup_reply struct reply method = call(&server, "PUT", "/v1/requests", "", "{}");
    cleanup_reply struct reply encoded =
        call(&server, "POST", "/v1/requests", "Content-Encoding: gzip\r\n", "x");

    expect_status(nothing, 404);
    expect_status(method, 405);
    cr_assert_not_null(strstr(method.head, "Allow: POST, GET, HEAD\r\n"));
    cr_assert_not_null(strstr(method.body, "\"title\":\"Method Not Allowed\",\"status\":405"));
    expect_status(encoded, 415);
}

Test(http, head_is_get_without_a_body)
{
    cleanup_reply struct reply shown = get(&server, "/v1/requests");
    cleanup_reply struct reply head = call(&server, "HEAD", "/v1/requests", "", NULL);
    cleanup_reply struct reply missing = call(&server, "HEAD", "/v1/requests/x", "", NULL);

    expect_status(head, 200);
    cr_assert_str_eq(head.body, "");
    cr_assert_str_eq(strstr(head.head, "Content-Length"), strstr(shown.head, "Content-Length"));
    expect_status(missing, 404);
}

Test(http, many_on_one_connection)
{
    static const char text[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
                               "POST /v1/requests HTTP/1.1\r\nHost: evil.example\r\n"
                               "Origin: https://evil.example\r\nContent-Length: 2\r\n\r\n{}"
                               "GET /v1/hooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct client client;

    client_connect(&server, &client);
    client_send(&client, text, sizeof(text) - 1);
    while (!client.closed)
        client_step(&server, &client);
    cr_assert_not_null(strstr(client.in, "\"version\""));
    cr_assert_not_null(strstr(client.in, " 422 "));
    cr_assert_null(strcasestr(client.in, "access-control"));
    cr_assert_not_null(strstr(client.in, "\"name\":\"crm\""));
    client_close(&client);
}

/* A connection that is there already is served to its end, and then closed. */
Test(http, one_more_while_stopping)
{
    static const char text[] = "GET /v1/hooks HTTP/1.1\r\nHost: x\r\n\r\n";
    struct client client;

    client_connect(&server, &client);
    client_send(&client, text, sizeof(text) - 1);
    cr_assert(client_until(&server, &client, "\"name\":\"crm\""));
    cr_assert_null(strstr(client.in, "Connection: close"));
    query_stop(server.query);
    client_send(&client, text, sizeof(text) - 1);
    until_closed(&server, &client);
    cr_assert_not_null(strstr(client.in, "Connection: close"));
    client_close(&client);
}

/* @size bytes of JSON: a string. */
static char *make_body(size_t size)
{
    char *body = malloc(size + 1);

    memset(body, 'x', size);
    body[0] = body[size - 1] = '"';
    body[size] = '\0';
    return body;
}

Test(http, bodies_up_to_the_limit)
{
    cleanup_free char *most = make_body((size_t)LIMIT_QUERY_BODY),
                      *more = make_body((size_t)LIMIT_QUERY_BODY + 1);
    cleanup_reply struct reply taken = post(&server, "/v1/requests", most);
    cleanup_reply struct reply refused = post(&server, "/v1/requests", more);

    expect_status(taken, 400);
    expect_status(refused, 413);
    cr_assert_not_null(strstr(refused.head, "application/problem+json"));
}

Test(http, bodies_without_a_length)
{
    static const char head[] = "POST /v1/requests HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    const size_t size = (size_t)LIMIT_QUERY_BODY + 1;
    cleanup_free char *body = make_body(size);
    char length[32];
    struct client client;

    client_connect(&server, &client);
    client_send(&client, head, sizeof(head) - 1);
    snprintf(length, sizeof(length), "%zx\r\n", size);
    client_send(&client, length, strlen(length));
    client_send(&client, body, size);
    client_send(&client, "\r\n0\r\n\r\n", 7);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 413);
}

Test(http, a_body_announced_far_too_large)
{
    cleanup_reply struct reply reply =
        call(&server, "POST", "/v1/requests", "Content-Length: 99999999999999999999\r\n", NULL);
    cleanup_reply struct reply expect =
        call(&server, "POST", "/v1/requests", "Content-Length: 5000000\r\nExpect: 100-continue\r\n",
             NULL);

    cr_assert(reply.status == 413 || reply.status == 400, "%d", reply.status);
    expect_status(expect, 413);
}

/* Where none is wanted, it is not kept, and counts all the same. */
Test(http, bodies_that_are_not_wanted)
{
    cleanup_free char *more = make_body((size_t)LIMIT_QUERY_BODY + 1);
    cleanup_reply struct reply some = call(&server, "GET", "/v1/status", "", "not json");
    cleanup_reply struct reply refused = call(&server, "GET", "/v1/status", "", more);

    expect_status(some, 200);
    expect_status(refused, 413);
}

/* A client that leaves in the middle of a body, or before its answer. */
Test(http, clients_that_leave)
{
    struct client client;

    begin(&server, &client, "POST", "/v1/requests", "Content-Length: 500\r\n", NULL);
    client_step(&server, &client);
    client_step(&server, &client);
    client_close(&client);
    for (int i = 0; i < 50; i++) {
        begin(&server, &client, "POST", "/v1/requests", "", ADA);
        client_step(&server, &client);
        client_close(&client);
    }
    cleanup_reply struct reply reply = get(&server, "/v1/status");
    expect_status(reply, 200);
}

/* More than the limit connect; those beyond it wait in the backlog until one goes. */
Test(http, connections_up_to_the_limit)
{
    static struct client clients[QUERY_CONNECTIONS_MAX + 10];
    static const char text[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        client_connect(&server, &clients[i]);
        client_send(&clients[i], text, sizeof(text) - 1);
    }
    for (size_t i = 0; i < QUERY_CONNECTIONS_MAX; i++)
        cr_assert(client_until(&server, &clients[i], "\"version\""));
    cr_assert_null(clients[QUERY_CONNECTIONS_MAX].in);
    for (size_t i = 0; i < QUERY_CONNECTIONS_MAX; i++)
        client_close(&clients[i]);
    for (size_t i = QUERY_CONNECTIONS_MAX; i < ARRAY_SIZE(clients); i++) {
        cr_assert(client_until(&server, &clients[i], "\"version\""));
        client_close(&clients[i]);
    }
}

/* The socket of another user: what the kernel says counts. */
static struct reply call_as(uid_t uid, gid_t gid, const char *method, const char *path,
                            const char *body)
{
    struct client client;

    cr_assert_eq(setresgid(-1, gid, 0), 0);
    cr_assert_eq(setresuid(-1, uid, 0), 0);
    begin(&server, &client, method, path, "", body);
    cr_assert_eq(setresuid(-1, 0, 0), 0);
    cr_assert_eq(setresgid(-1, 0, 0), 0);
    return finish(&server, &client);
}

static void open_to_all(void)
{
    if (geteuid() != 0)
        cr_skip_test("only root may be others");
    cr_assert_eq(chmod(server.directory, 0755), 0);
    cr_assert_eq(chmod(server.path, 0666), 0);
}

Test(http, rights)
{
    struct config config = server.config;

    open_to_all();
    cleanup_reply struct reply before = call_as(2, 2, "POST", "/v1/requests", ADA);
    expect_status(before, 403);
    config.query.admin_group = (char *)"bin";
    config.query.read_group = (char *)"games";
    cr_assert_eq(query_reload(server.query, &config), 0);
    cleanup_reply struct reply admin = call_as(2, 2, "POST", "/v1/requests", ADA);
    cleanup_reply struct reply reader = call_as(5, 60, "GET", "/v1/requests", NULL);
    cleanup_reply struct reply head = call_as(5, 60, "HEAD", "/v1/requests", NULL);
    cleanup_reply struct reply writes = call_as(5, 60, "POST", "/v1/requests", ADA);
    cleanup_reply struct reply stranger = call_as(3, 3, "GET", "/v1/nothing", NULL);
    cleanup_reply struct reply nobody = call_as(65534, 2, "GET", "/v1/status", NULL);
    expect_status(admin, 202);
    expect_status(reader, 200);
    expect_status(head, 200);
    expect_status(writes, 403);
    expect_status(stranger, 403);
    cr_assert_not_null(strstr(stranger.head, "application/problem+json"));
    expect_status(nobody, 403);
}

Test(http, strangers_do_not_take_all_places)
{
    static struct client clients[2 * QUERY_CONNECTIONS_MAX];

    open_to_all();
    cr_assert_eq(setresuid(-1, 3, 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        client_connect(&server, &clients[i]);
    cr_assert_eq(setresuid(-1, 0, 0), 0);
    cleanup_reply struct reply reply = get(&server, "/v1/status");
    expect_status(reply, 200);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        client_close(&clients[i]);
}
