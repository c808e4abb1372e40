#include "server.h"

#include <stdio.h>
#include <string.h>

static struct server server;

static void start(void)
{
    server_start(&server);
}
static void stop(void)
{
    server_stop(&server);
}
TestSuite(events, .init = start, .fini = stop);

static void begin_events(struct client *client, const char *since)
{
    char path[128];

    snprintf(path, sizeof(path), "/v1/events%s%s", since ? "?since=" : "", since ? since : "");
    begin(&server, client, "GET", path, "", NULL);
}

/* The id of the line with @event, which has come. */
static void id_of(struct client *client, const char *event, char ret[static UUID_TEXT_SIZE])
{
    const char *end = strstr(client->in, event), *found = NULL;

    for (const char *p = client->in; (p = strstr(p, "{\"id\":\"")) && p < end; p += 7)
        found = p + 7;
    cr_assert_not_null(found);
    snprintf(ret, UUID_TEXT_SIZE, "%.36s", found);
}

Test(events, follow)
{
    char id[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE], event[UUID_TEXT_SIZE];
    struct client client, again;

    submit(&server, ADA, id); /* before: not told */
    begin_events(&client, NULL);
    cr_assert(client_until(&server, &client, "\r\n\r\n"), "the head comes at once");
    cr_assert_not_null(strstr(client.in, "Content-Type: application/x-ndjson\r\n"));
    receive(&server, accept_one(&server, "e1"), "{\"enrichment_id\":\"e1\",\"custom\":{\"n\":7}}",
            callback);
    cr_assert(client_until(&server, &client, "\"event\":\"request.pending\""));
    id_of(&client, "request.pending", event);
    cr_assert(client_until(&server, &client, "\"event\":\"request.finished\""));
    cr_assert_not_null(strstr(client.in, "\"enrichment_id\":\"e1\""));
    cr_assert_null(strstr(client.in, "request.queued"));

    begin_events(&again, event);
    cr_assert(client_until(&server, &again, "\"event\":\"request.finished\""));
    cr_assert_null(strstr(again.in, "\"event\":\"request.pending\""));
    client_close(&client);
    client_close(&again);
}

Test(events, from_the_oldest)
{
    char id[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_events(&client, "0");
    cr_assert(client_until(&server, &client, "\"event\":\"request.queued\""));
    cr_assert_not_null(strstr(client.in, id));
    client_close(&client);
}

Test(events, more_than_a_page)
{
    char id[UUID_TEXT_SIZE], last[64];
    struct client client;

    for (int i = 0; i < 250; i++)
        submit(&server, ADA, id);
    begin_events(&client, "0");
    snprintf(last, sizeof(last), "\"request_id\":\"%s\"", id);
    cr_assert(client_until(&server, &client, last));
    client_close(&client);
}

Test(events, refused)
{
    cleanup_reply struct reply garbage = get(&server, "/v1/events?since=x");
    cleanup_reply struct reply other = get(&server, "/v1/events?from=x");
    cleanup_reply struct reply head = call(&server, "HEAD", "/v1/events", "", NULL);

    expect_status(garbage, 400);
    expect_status(other, 400);
    expect_status(head, 200);
    cr_assert_str_eq(head.body, "");
}

Test(events, client_goes)
{
    struct client client;
    int64_t waiters = 1;

    begin_events(&client, NULL);
    cr_assert(client_until(&server, &client, "\r\n\r\n"));
    client_close(&client);
    while (waiters > 0) {
        cleanup_reply struct reply status = get(&server, "/v1/status");

        cr_assert(json_get_int64(json_get(status.json, "query"), "waiters", &waiters));
    }
}

Test(events, server_stops)
{
    struct client client;

    begin_events(&client, NULL);
    cr_assert(client_until(&server, &client, "\r\n\r\n"));
    query_stop(server.query);
    while (!client.closed)
        client_step(&server, &client);
    cr_assert_not_null(strstr(client.in, "0\r\n\r\n"), "the body has an end");
    cr_assert(query_is_idle(server.query));
    client_close(&client);
}

Test(events, freed_while_someone_listens)
{
    struct client client;

    begin_events(&client, NULL);
    cr_assert(client_until(&server, &client, "\r\n\r\n"));
    query_free(server.query);
    server.query = NULL;
    client_close(&client);
}
