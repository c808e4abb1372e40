/* Calls that wait, and what becomes of them when the request, the client, the store or we go. */
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
TestSuite(waiting, .init = start, .fini = stop);

static void begin_wait(struct client *client, const char *id, const char *wait)
{
    char path[128];

    snprintf(path, sizeof(path), "/v1/requests/%s?wait=%s", id, wait);
    begin(&server, client, "GET", path, "", NULL);
}

/* Runs until @n clients wait. */
static void until_waiting(struct client *client, int64_t n)
{
    int64_t waiters = -1;

    while (waiters != n) {
        cleanup_reply struct reply status = {.status = 0};

        client_step(&server, client);
        status = get(&server, "/v1/status");
        cr_assert(json_get_int64(json_get(status.json, "query"), "waiters", &waiters));
        cr_assert_not(client->closed, "%s", client->in);
    }
}

Test(waiting, for_the_result)
{
    char id[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_wait(&client, id, "3600");
    until_waiting(&client, 1);
    receive(&server, accept_one(&server, "e1"), "{\"enrichment_id\":\"e1\",\"custom\":{\"n\":7}}",
            callback);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_str_eq(json_get_string(reply.json, "state"), "finished");
}

Test(waiting, is_over)
{
    char id[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_wait(&client, id, "0.050");
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_str_eq(json_get_string(reply.json, "state"), "queued");
    begin_wait(&client, id, "0");
    cleanup_reply struct reply at_once = finish(&server, &client);
    expect_status(at_once, 200);
    begin_wait(&client, id, "3601");
    cleanup_reply struct reply too_long = finish(&server, &client);
    expect_status(too_long, 400);
}

Test(waiting, ends_with_the_request)
{
    char id[UUID_TEXT_SIZE], path[128];
    struct client client;

    submit(&server, ADA, id);
    begin_wait(&client, id, "3600");
    until_waiting(&client, 1);
    snprintf(path, sizeof(path), "/v1/requests/%s", id);
    cleanup_reply struct reply erased = call(&server, "DELETE", path, "", NULL);
    expect_status(erased, 204);
    cr_assert_str_eq(erased.body, "");
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 404);
    cleanup_reply struct reply again = call(&server, "DELETE", path, "", NULL);
    expect_status(again, 404);
}

Test(waiting, ends_with_the_client)
{
    char id[UUID_TEXT_SIZE];
    struct client client, other;

    submit(&server, ADA, id);
    begin_wait(&client, id, "3600");
    until_waiting(&client, 1);
    client_close(&client);
    begin_wait(&other, id, "3600");
    until_waiting(&other, 1);
    client_close(&other);
}

Test(waiting, ends_with_the_server)
{
    char id[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_wait(&client, id, "3600");
    until_waiting(&client, 1);
    cr_assert_not(query_is_idle(server.query));
    query_stop(server.query);
    query_stop(server.query);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_str_eq(json_get_string(reply.json, "state"), "queued");
    cr_assert_not_null(strstr(reply.head, "Connection: close"));
    cr_assert(query_is_idle(server.query));
}

Test(waiting, freed_while_someone_waits)
{
    char id[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_wait(&client, id, "3600");
    until_waiting(&client, 1);
    query_free(server.query);
    server.query = NULL;
    client_close(&client);
}

/* The command is the store's when the room goes. */
Test(waiting, freed_while_the_store_works)
{
    struct client client;

    begin(&server, &client, "POST", "/v1/requests", "", ADA);
    while (query_is_idle(server.query))
        client_step(&server, &client);
    query_free(server.query);
    server.query = NULL;
    client_close(&client);
    struct store_claim_submissions claim = {.max = 2, .now = INT64_MAX / 2};
    server_apply(&server, &claim, STORE_CLAIM_SUBMISSIONS);
    cr_assert_eq(claim.n, 1, "what was posted was stored");
    submission_job_free(claim.jobs[0]);
}

Test(waiting, too_many_wait)
{
    static struct client clients[QUERY_WAITERS_MAX];
    char id[UUID_TEXT_SIZE];
    struct client one_more;

    submit(&server, ADA, id);
    for (size_t i = 0; i < QUERY_WAITERS_MAX; i++) {
        begin_wait(&clients[i], id, "3600");
        client_step(&server, &clients[i]);
    }
    until_waiting(&clients[0], QUERY_WAITERS_MAX);
    begin_wait(&one_more, id, "3600");
    cleanup_reply struct reply reply = finish(&server, &one_more);
    expect_status(reply, 503);
    cr_assert_not_null(strstr(reply.head, "Retry-After: "));
    for (size_t i = 0; i < QUERY_WAITERS_MAX; i++)
        client_close(&clients[i]);
}
