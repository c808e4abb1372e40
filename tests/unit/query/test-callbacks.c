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
TestSuite(callbacks, .init = start, .fini = stop);

#define UNMATCHED "{\"enrichment_id\":\"e9\",\"email\":\"ada@example.com\"}"

Test(callbacks, show_and_list)
{
    char id[UUID_TEXT_SIZE], bad[UUID_TEXT_SIZE], path[128];

    cr_assert_eq(receive(&server, 0, UNMATCHED, id), CALLBACK_UNMATCHED);
    cr_assert_eq(receive(&server, 0, "{\"\xff\"}", bad), CALLBACK_REJECTED);
    snprintf(path, sizeof(path), "/v1/callbacks/%s", id);
    cleanup_reply struct reply one = get(&server, path);
    expect_status(one, 200);
    cr_assert_str_eq(json_get_string(one.json, "body"), UNMATCHED);
    cr_assert_str_eq(json_get_string(one.json, "reason"), "no_request");
    cr_assert_str_eq(json_get_string(one.json, "client"), "192.0.2.1");
    cr_assert_eq(json_object_object_length(one.json), 10);
    snprintf(path, sizeof(path), "/v1/callbacks/%s", bad);
    cleanup_reply struct reply rejected = get(&server, path);
    expect_status(rejected, 200);
    cr_assert_str_eq(json_get_string(rejected.json, "body_base64"), "eyL/In0=");
    cleanup_reply struct reply all = get(&server, "/v1/callbacks");
    cr_assert_eq(json_object_array_length(json_get(all.json, "items")), 2);
    cr_assert_null(strstr(all.body, "\"body"));
    cleanup_reply struct reply some = get(&server, "/v1/callbacks?state=rejected&limit=1");
    cr_assert_eq(json_object_array_length(json_get(some.json, "items")), 1);
}

Test(callbacks, refused)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/v1/callbacks?state=new", 400},
        {"/v1/callbacks?request_id=x", 400},
        {"/v1/callbacks?after=zz", 400},
        {"/v1/callbacks/x", 404},
        {"/v1/callbacks/00000000-0000-8000-8000-000000000001", 404},
        {"/v1/callbacks/x?state=matched", 400},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_reply struct reply reply = get(&server, cases[i].path);

        cr_assert_eq(reply.status, cases[i].status, "%s %s", cases[i].path, reply.body);
    }
}

static struct reply match(const char *callback, const char *body)
{
    char path[128];

    snprintf(path, sizeof(path), "/v1/callbacks/%s/match", callback);
    return post(&server, path, body);
}

Test(callbacks, match)
{
    char request[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE], body[128];

    submit(&server, ADA, request);
    cr_assert_eq(receive(&server, 0, UNMATCHED, callback), CALLBACK_UNMATCHED);
    snprintf(body, sizeof(body), "{\"request_id\":\"%s\"}", request);

    cleanup_reply struct reply empty = match(callback, "{}");
    cleanup_reply struct reply number = match(callback, "{\"request_id\":7}");
    cleanup_reply struct reply more = match(callback, "{\"request_id\":\"x\",\"y\":1}");
    cleanup_reply struct reply nothing = match(callback, "{\"request_id\":\"nothing\"}");
    cleanup_reply struct reply nowhere = match("nowhere", body);
    expect_status(empty, 422);
    expect_status(number, 422);
    expect_status(more, 422);
    expect_status(nothing, 404);
    expect_status(nowhere, 404);

    cleanup_reply struct reply matched = match(callback, body);
    expect_status(matched, 200);
    cr_assert_str_eq(json_get_string(matched.json, "state"), "matched");
    cr_assert_str_eq(json_get_string(matched.json, "reason"), "by_hand");
    cr_assert_str_eq(json_get_string(matched.json, "request_id"), request);

    cleanup_reply struct reply again = match(callback, body);
    expect_status(again, 409);
}
