#include "server.h"

#include <errno.h>
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
TestSuite(deliveries, .init = start, .fini = stop);

/* A finished request, whose delivery is queued. */
static void deliver(char ret_request[static UUID_TEXT_SIZE])
{
    static int number;
    char callback[UUID_TEXT_SIZE], enrichment_id[32], body[128];

    submit(&server, ADA, ret_request);
    snprintf(enrichment_id, sizeof(enrichment_id), "e%d", ++number);
    snprintf(body, sizeof(body), "{\"enrichment_id\":\"%s\",\"custom\":{\"n\":7}}", enrichment_id);
    cr_assert_eq(receive(&server, accept_one(&server, enrichment_id), body, callback),
                 CALLBACK_MATCHED);
}

static size_t count(const char *path)
{
    cleanup_reply struct reply reply = get(&server, path);

    expect_status(reply, 200);
    return json_object_array_length(json_get(reply.json, "items"));
}

Test(deliveries, list_of_an_ambiguous_request)
{
    cleanup_reply struct reply submitted = post(&server, "/v1/requests", "[" ADA "," ADA "]");

    expect_status(submitted, 202);
    accept_one(&server, "shared");
    cleanup_reply struct reply reply = get(&server, "/v1/deliveries?request_id=shared");
    expect_status(reply, 409);
}

static void first_delivery(char ret[static UUID_TEXT_SIZE])
{
    cleanup_reply struct reply reply = get(&server, "/v1/deliveries?limit=1");
    struct json_object *item = json_object_array_get_idx(json_get(reply.json, "items"), 0);

    cr_assert_null(json_get(item, "attempts"));
    cr_assert_eq(json_object_object_length(item), 9, "a list leaves attempts out");
    snprintf(ret, UUID_TEXT_SIZE, "%s", json_get_string(item, "id"));
}

Test(deliveries, list)
{
    char request[UUID_TEXT_SIZE], path[128];

    deliver(request);
    cr_assert_eq(count("/v1/deliveries"), 1);
    cr_assert_eq(count("/v1/deliveries?state=queued&hook=crm"), 1);
    cr_assert_eq(count("/v1/deliveries?state=dead"), 0);
    cr_assert_eq(count("/v1/deliveries?hook=other"), 0);
    snprintf(path, sizeof(path), "/v1/deliveries?request_id=%s", request);
    cr_assert_eq(count(path), 1);
    cr_assert_eq(count("/v1/deliveries?request_id=unknown"), 0);
    cleanup_reply struct reply state = get(&server, "/v1/deliveries?state=new");
    cleanup_reply struct reply cursor = get(&server, "/v1/deliveries?after=x");
    expect_status(state, 400);
    expect_status(cursor, 400);
}

Test(deliveries, show_and_retry)
{
    char request[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], path[128], retry[128];

    deliver(request);
    first_delivery(id);
    snprintf(path, sizeof(path), "/v1/deliveries/%s", id);
    snprintf(retry, sizeof(retry), "/v1/deliveries/%s/retry", id);
    cleanup_reply struct reply queued = post(&server, retry, NULL);
    expect_status(queued, 409);

    attempt(&server, ATTEMPT_DEAD, "no", 2);
    cleanup_reply struct reply dead = get(&server, path);
    expect_status(dead, 200);
    cr_assert_str_eq(json_get_string(dead.json, "state"), "dead");
    struct json_object *attempts = json_get(dead.json, "attempts");
    cr_assert_eq(json_object_array_length(attempts), 1);
    cr_assert_str_eq(json_get_string(json_object_array_get_idx(attempts, 0), "output"), "no");

    cleanup_reply struct reply retried = post(&server, retry, NULL);
    expect_status(retried, 202);
    cr_assert_str_eq(json_get_string(retried.json, "state"), "queued");
    cr_assert_str_eq(json_get_string(retried.json, "id"), id);
    cr_assert_not_null(json_get(retried.json, "gives_up_at"));

    cleanup_reply struct reply none = get(&server, "/v1/deliveries/x");
    cleanup_reply struct reply retry_none = post(&server, "/v1/deliveries/x/retry", NULL);
    expect_status(none, 404);
    expect_status(retry_none, 404);
}

Test(deliveries, one_that_has_succeeded_runs_again_only_when_it_is_said)
{
    char request[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], retry[128];

    deliver(request);
    first_delivery(id);
    attempt(&server, ATTEMPT_SUCCEEDED, NULL, 0);
    snprintf(retry, sizeof(retry), "/v1/deliveries/%s/retry", id);
    cleanup_reply struct reply plain = post(&server, retry, NULL);
    cleanup_reply struct reply no = post(&server, retry, "{\"again\":false}");
    cleanup_reply struct reply wrong = post(&server, retry, "{\"again\":1}");
    cleanup_reply struct reply unknown = post(&server, retry, "{\"agian\":true}");
    cleanup_reply struct reply array = post(&server, retry, "[]");
    cleanup_reply struct reply yes = post(&server, retry, "{\"again\":true}");
    expect_status(plain, 409);
    cr_assert(strstr(detail(&plain), "{\"again\": true}"));
    expect_status(no, 409);
    expect_status(wrong, 422);
    expect_status(unknown, 422);
    expect_status(array, 400);
    expect_status(yes, 202);
}

/* The only one of GET /v1/hooks. */
static struct reply only_hook(struct json_object **ret)
{
    struct reply reply = get(&server, "/v1/hooks");

    expect_status(reply, 200);
    cr_assert_eq(json_object_array_length(json_get(reply.json, "items")), 1);
    *ret = json_object_array_get_idx(json_get(reply.json, "items"), 0);
    return reply;
}

Test(deliveries, pause_and_resume)
{
    struct json_object *hook;

    server.hook_state = "tripped";
    server.hook_error = "it fails";
    server.hook_retry_at = 1500;
    cleanup_reply struct reply tripped = only_hook(&hook);
    expect_status(tripped, 200);
    cr_assert_str_eq(json_get_string(hook, "retry_at"), "1970-01-01T00:00:01.500Z");
    for (int i = 0; i < 2; i++) {
        cleanup_reply struct reply paused = post(&server, "/v1/hooks/crm/pause", NULL);

        expect_status(paused, 200);
        cr_assert_str_eq(json_get_string(paused.json, "state"), "paused");
        cr_assert_null(json_get_string(paused.json, "error"));
        cr_assert_null(json_get_string(paused.json, "retry_at"));
    }
    cleanup_reply struct reply resumed = post(&server, "/v1/hooks/crm/resume", NULL);
    expect_status(resumed, 200);
    cr_assert_str_eq(json_get_string(resumed.json, "state"), "tripped");
    cleanup_reply struct reply unknown = post(&server, "/v1/hooks/other/pause", NULL);
    expect_status(unknown, 404);
}

static void leave_configuration(void)
{
    static struct store_reconfigure command;

    command.settings = (struct store_settings){.max_unmatched = 1000};
    server.config.n_hooks = 0;
    cr_assert_eq(server_apply(&server, &command, STORE_RECONFIGURE), STORE_OK);
}

Test(deliveries, a_hook_that_left_is_shown_until_it_is_purged)
{
    char request[UUID_TEXT_SIZE];
    struct json_object *hook;
    int64_t n;

    deliver(request);
    deliver(request);
    attempt(&server, ATTEMPT_RETRY, NULL, 0);
    cleanup_reply struct reply configured = post(&server, "/v1/hooks/crm/purge", NULL);
    expect_status(configured, 409);
    leave_configuration();
    cleanup_reply struct reply left = only_hook(&hook);
    expect_status(left, 200);
    cr_assert_str_eq(json_get_string(hook, "name"), "crm");
    cr_assert_str_eq(json_get_string(hook, "state"), "paused");
    cr_assert(strstr(json_get_string(hook, "error"), "not in the configuration"));
    cr_assert_null(json_get(hook, "command"));
    cr_assert_null(json_get(hook, "mode"));
    cr_assert_eq(json_object_array_length(json_get(hook, "on")), 0);
    cr_assert(json_get_int64(hook, "queued", &n) && n == 1);
    cr_assert(json_get_int64(hook, "retrying", &n) && n == 1);
    cleanup_reply struct reply purged = post(&server, "/v1/hooks/crm/purge", NULL);
    expect_status(purged, 200);
    cr_assert_str_eq(purged.body, "{\"purged\":2}\n");
    cr_assert_eq(count("/v1/hooks"), 0);
    cr_assert_eq(count("/v1/deliveries"), 0);
    cleanup_reply struct reply unknown = post(&server, "/v1/hooks/other/purge", NULL);
    expect_status(unknown, 404);
}

Test(deliveries, lists_by_event_and_time)
{
    char request[UUID_TEXT_SIZE];

    deliver(request);
    cr_assert_eq(count("/v1/deliveries?event=finished"), 1);
    cr_assert_eq(count("/v1/deliveries?event=dead"), 0);
    cr_assert_eq(count("/v1/deliveries?since=2020-01-01"), 1);
    cr_assert_eq(count("/v1/deliveries?until=2020-01-01"), 0);
    cleanup_reply struct reply event = get(&server, "/v1/deliveries?event=x");
    cleanup_reply struct reply since = get(&server, "/v1/deliveries?since=x");
    expect_status(event, 400);
    expect_status(since, 400);
}

Test(deliveries, retry_all)
{
    static const struct {
        const char *body;
        int status;
    } refused[] = {
        {"{}", 422},
        {"[]", 400},
        {"", 400},
        {"{\"state\":\"queued\"}", 422},
        {"{\"state\":1}", 422},
        {"{\"state\":\"dead\",\"x\":1}", 422},
        {"{\"state\":\"dead\",\"hook\":1}", 422},
        {"{\"state\":\"dead\",\"event\":\"x\"}", 422},
        {"{\"state\":\"dead\",\"since\":\"x\"}", 422},
        {"{\"state\":\"dead\",\"until\":7}", 422},
        {"{\"state\":\"dead\",\"request_id\":\"none\"}", 404},
    };
    char request[UUID_TEXT_SIZE];
    int64_t n;

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        cleanup_reply struct reply reply = post(&server, "/v1/deliveries/retry", refused[i].body);

        cr_assert_eq(reply.status, refused[i].status, "%s %s", refused[i].body, reply.body);
    }
    deliver(request);
    attempt(&server, ATTEMPT_DEAD, NULL, 0);
    deliver(request);
    attempt(&server, ATTEMPT_DEAD, NULL, 0);
    cleanup_reply struct reply crm =
        post(&server, "/v1/deliveries/retry", "{\"state\":\"dead\",\"hook\":\"crm\"}");
    expect_status(crm, 200);
    cr_assert(json_get_int64(crm.json, "retried", &n) && n == 2);
    cleanup_reply struct reply all = post(&server, "/v1/deliveries/retry", "{\"state\":\"dead\"}");
    expect_status(all, 200);
    cr_assert(json_get_int64(all.json, "retried", &n) && n == 0);
}

Test(deliveries, hooks)
{
    char request[UUID_TEXT_SIZE];
    struct json_object *hook;
    int64_t n;

    deliver(request);
    server.hook_state = "broken";
    server.hook_error = "the program is missing";
    cleanup_reply struct reply reply = get(&server, "/v1/hooks");
    expect_status(reply, 200);
    cr_assert_eq(json_object_array_length(json_get(reply.json, "items")), 1);
    hook = json_object_array_get_idx(json_get(reply.json, "items"), 0);
    cr_assert_str_eq(json_get_string(hook, "state"), "broken");
    cr_assert_str_eq(json_get_string(hook, "error"), "the program is missing");
    cr_assert(json_get_int64(hook, "queued", &n) && n == 1);
    cr_assert_eq(json_object_object_length(hook), 14);
    cr_assert_null(json_get_string(hook, "retry_at"));
}

static void until_asked(struct client *client)
{
    int before = server.tests_asked;

    while (server.tests_asked == before)
        client_step(&server, client);
}

Test(deliveries, test_hook)
{
    struct json_object *outcome = json_object_new_object();
    struct client client;

    begin(&server, &client, "POST", "/v1/hooks/crm/test", "", "");
    until_asked(&client);
    json_add_int64(outcome, "exit_code", 0);
    json_add_string_len(outcome, "output", "a\xff", 2);
    server.test_done(outcome, server.test_userdata);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_str_eq(reply.body, "{\"exit_code\":0,\"output\":\"a\xef\xbf\xbd\"}\n");
    cr_assert_eq(server.tests_cancelled, 0);

    begin(&server, &client, "POST", "/v1/hooks/crm/test", "", "");
    until_asked(&client);
    server.test_done(NULL, server.test_userdata);
    cleanup_reply struct reply none = finish(&server, &client);
    expect_status(none, 503);
}

Test(deliveries, test_hook_on_a_request)
{
    static const struct {
        const char *body;
        int status;
    } refused[] = {
        {"{\"request_id\":1}", 422},
        {"{\"show_document\":\"yes\"}", 422},
        {"{\"show\":true}", 422},
        {"{\"request_id\":\"none\"}", 404},
    };
    char request[UUID_TEXT_SIZE], body[128];
    struct client client;

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        cleanup_reply struct reply reply = post(&server, "/v1/hooks/crm/test", refused[i].body);

        cr_assert_eq(reply.status, refused[i].status, "%s %s", refused[i].body, reply.body);
    }
    cr_assert_eq(server.tests_asked, 0);
    submit(&server, ADA, request);
    snprintf(body, sizeof(body), "{\"request_id\":\"%s\",\"show_document\":true}", request);
    begin(&server, &client, "POST", "/v1/hooks/crm/test", "", body);
    until_asked(&client);
    cr_assert_neq(server.trial.request, 0);
    cr_assert(server.trial.show_document);
    server.test_done(json_object_new_object(), server.test_userdata);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);

    server.test_result = HOOK_TRIAL_UNFIT;
    cleanup_reply struct reply unfit = post(&server, "/v1/hooks/crm/test", body);
    expect_status(unfit, 409);
    cr_assert_str_eq(detail(&unfit), "it does not fit");
}

Test(deliveries, test_hook_refused)
{
    static const struct {
        int result, status;
    } cases[] = {{-ENOENT, 404}, {-EBUSY, 503}, {-ENOTCONN, 503}, {-ENOMEM, 503}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        server.test_result = cases[i].result;
        cleanup_reply struct reply reply = post(&server, "/v1/hooks/crm/test", NULL);
        expect_status(reply, cases[i].status);
    }
    cleanup_reply struct reply unknown = post(&server, "/v1/hooks/other/test", NULL);
    expect_status(unknown, 404);
}

Test(deliveries, test_hook_ends_with_the_server)
{
    struct client client;

    begin(&server, &client, "POST", "/v1/hooks/crm/test", "", "");
    until_asked(&client);
    query_stop(server.query);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 503);
    cr_assert_eq(server.tests_cancelled, 1);
}

Test(deliveries, freed_while_a_test_runs)
{
    struct client client;

    begin(&server, &client, "POST", "/v1/hooks/crm/test", "", "");
    until_asked(&client);
    query_free(server.query);
    server.query = NULL;
    cr_assert_eq(server.tests_cancelled, 1);
    client_close(&client);
}
