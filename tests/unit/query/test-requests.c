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
TestSuite(requests, .init = start, .fini = stop);

Test(requests, submit)
{
    cleanup_reply struct reply reply = post(&server, "/v1/requests", ADA);

    expect_status(reply, 202);
    cr_assert_not_null(strstr(reply.head, "Content-Type: application/json\r\n"));
    cr_assert_not_null(strstr(reply.head, "Cache-Control: no-store\r\n"));
    cr_assert_null(strstr(reply.head, "Access-Control"));
    cr_assert_str_eq(json_get_string(reply.json, "state"), "queued");
    cr_assert_str_eq(json_get_string(reply.json, "firstname"), "Ada");
    cr_assert_eq(json_object_object_length(reply.json), 17);
    cr_assert_eq(reply.body[strlen(reply.body) - 1], '\n');
}

Test(requests, submit_array)
{
    cleanup_reply struct reply one = post(&server, "/v1/requests", "[" ADA "]");
    cleanup_reply struct reply three = post(&server, "/v1/requests", "[" ADA "," ADA "," ADA "]");

    expect_status(one, 202);
    cr_assert_eq(json_object_array_length(one.json), 1);
    expect_status(three, 202);
    cr_assert_eq(json_object_array_length(three.json), 3);
}

static void expect_refused(const char *body, int status, const char *words)
{
    cleanup_reply struct reply reply = post(&server, "/v1/requests", body);

    cr_assert_eq(reply.status, status, "%s: %s", body, reply.body);
    cr_assert_not_null(strstr(detail(&reply), words), "%s: %s", body, reply.body);
    cr_assert_not_null(strstr(reply.head, "Content-Type: application/problem+json\r\n"));
}

Test(requests, submit_refused)
{
    expect_refused("", 400, "not JSON");
    expect_refused("{", 400, "not JSON");
    expect_refused("{'a':1}", 400, "not JSON");
    expect_refused("7", 400, "neither");
    expect_refused("null", 400, "neither");
    expect_refused("{\"a\":\"\xff\"}", 400, "UTF-8");
    expect_refused("[]", 422, "1 to 100");
    expect_refused("{}", 422, "firstname");
    expect_refused("[" ADA ",7]", 422, "[1] not an object");
    expect_refused("[" ADA ",{\"firstname\":\"Ada\"}]", 422, "[1] ");
    expect_refused("[{},{}]", 422, "; [1] ");
    expect_refused("{\"webhook_url\":\"https://example.com\"}", 422, "webhook_url");
    expect_refused("[" ADA ",{\"firstname\":\"A\",\"lastname\":\"L\",\"enrichment_type\":\"phone\","
                   "\"linkedin_url\":\"https://linkedin.com/in/a\"}]",
                   422, "same type");
}

Test(requests, submit_batch_limit)
{
    static char body[100 * sizeof(ADA) + 200];

    strcpy(body, "[" ADA);
    for (int i = 1; i < 100; i++)
        strcat(body, "," ADA);
    strcat(body, "]");
    cleanup_reply struct reply reply = post(&server, "/v1/requests", body);
    expect_status(reply, 202);
    cr_assert_eq(json_object_array_length(reply.json), 100);
    body[strlen(body) - 1] = '\0';
    strcat(body, "," ADA "]");
    expect_refused(body, 422, "1 to 100");
}

Test(requests, submit_without_key)
{
    server.refused = "there is no key";
    expect_refused(ADA, 503, "there is no key");
}

Test(requests, idempotency)
{
    static const char header[] = "Idempotency-Key: k1\r\n";
    static const char same[] =
        "{ \"custom\":{\"n\":7.0}, \"domain\":\"example.com\",\"lastname\":\"Lovelace\","
        "\"enrichment_type\":\"email\",\"firstname\":\"Ada\"}";
    cleanup_reply struct reply first = call(&server, "POST", "/v1/requests", header, ADA);
    cleanup_reply struct reply second = call(&server, "POST", "/v1/requests", header, same);
    cleanup_reply struct reply array = call(&server, "POST", "/v1/requests", header, "[" ADA "]");
    cleanup_reply struct reply other =
        call(&server, "POST", "/v1/requests", "Idempotency-Key: k2\r\n", ADA);
    cleanup_reply struct reply empty =
        call(&server, "POST", "/v1/requests", "Idempotency-Key:\r\n", ADA);

    expect_status(first, 202);
    expect_status(second, 202);
    cr_assert_str_eq(json_get_string(first.json, "id"), json_get_string(second.json, "id"));
    expect_status(array, 409);
    expect_status(other, 202);
    cr_assert_str_neq(json_get_string(first.json, "id"), json_get_string(other.json, "id"));
    expect_status(empty, 400);
}

#define KEYED(key, name)                                                                           \
    "{\"firstname\":\"" name "\",\"lastname\":\"Lovelace\",\"enrichment_type\":\"email\","         \
    "\"domain\":\"example.com\",\"idempotency_key\":\"" key "\"}"

static const char *id_of(struct json_object *request)
{
    return json_get_string(request, "id");
}

static bool was_there(struct json_object *request)
{
    bool existing = false;

    cr_assert(json_get_bool(request, "existing", &existing));
    return existing;
}

/* The header and the member are one: the key is no part of the contact. */
Test(requests, idempotency_key_in_the_body)
{
    cleanup_reply struct reply first = post(&server, "/v1/requests", KEYED("k", "Ada"));
    cleanup_reply struct reply again = post(&server, "/v1/requests", KEYED("k", "Ada"));
    cleanup_reply struct reply header =
        call(&server, "POST", "/v1/requests", "Idempotency-Key: k\r\n",
             "{\"firstname\":\"Ada\",\"lastname\":\"Lovelace\",\"enrichment_type\":\"email\","
             "\"domain\":\"example.com\"}");
    cleanup_reply struct reply other = post(&server, "/v1/requests", KEYED("k", "Eve"));

    expect_status(first, 202);
    expect_status(again, 202);
    expect_status(header, 202);
    cr_assert_str_eq(id_of(first.json), id_of(again.json));
    cr_assert_str_eq(id_of(first.json), id_of(header.json));
    cr_assert(!was_there(first.json) && was_there(again.json));
    cr_assert_null(json_get(header.json, "existing"));
    expect_status(other, 409);
}

static void expect_third(const char *text, const char *first, const char *second)
{
    cleanup_reply struct reply reply = post(&server, "/v1/requests", text);
    struct json_object *items[3];

    expect_status(reply, 202);
    cr_assert_eq(json_object_array_length(reply.json), 3);
    for (size_t i = 0; i < 3; i++)
        items[i] = json_object_array_get_idx(reply.json, i);
    cr_assert_str_eq(id_of(items[2]), first);
    cr_assert_str_eq(id_of(items[0]), second);
    cr_assert(was_there(items[0]) && !was_there(items[1]) && was_there(items[2]));
}

/* Of an array only those are new that were not there. */
Test(requests, idempotency_keys_of_an_array)
{
    cleanup_reply struct reply array =
        post(&server, "/v1/requests", "[" KEYED("a", "Ada") "," KEYED("b", "Bea") "]");
    cleanup_reply struct reply single = post(&server, "/v1/requests", KEYED("b", "Bea"));
    struct json_object *first, *second;

    expect_status(array, 202);
    first = json_object_array_get_idx(array.json, 0);
    second = json_object_array_get_idx(array.json, 1);
    cr_assert(!was_there(first) && !was_there(second));
    cr_assert_str_eq(id_of(single.json), id_of(second));
    expect_third("[" KEYED("b", "Bea") "," KEYED("c", "Cai") "," KEYED("a", "Ada") "]",
                 id_of(first), id_of(second));
    expect_refused("[" KEYED("d", "Dan") "," KEYED("a", "Eve") "]", 409, "another body");
}

Test(requests, wrong_idempotency_keys)
{
    cleanup_reply struct reply both =
        call(&server, "POST", "/v1/requests", "Idempotency-Key: k\r\n", KEYED("k", "Ada"));
    cleanup_reply struct reply list = get(&server, "/v1/requests?idempotency_key=");

    expect_status(both, 400);
    expect_status(list, 400);
    expect_refused("[" KEYED("a", "Ada") "," ADA "]", 422, "[1] idempotency_key: required");
    expect_refused("[" KEYED("a", "Ada") "," KEYED("a", "Bea") "]", 422,
                   "[1] idempotency_key: the same as that of [0]");
    expect_refused("{\"idempotency_key\":7}", 422, "idempotency_key: must be a string");
    expect_refused("{\"idempotency_key\":null}", 422, "idempotency_key: must be a string");
    expect_refused(KEYED("", "Ada"), 422, "1 to 255 bytes");
    expect_refused("[{\"idempotency_key\":\"a\\u0000b\"}]", 422, "[0] idempotency_key");
    expect_refused("[7,{\"idempotency_key\":\"a\"}]", 422, "[0] idempotency_key: required");
}

Test(requests, register_one)
{
    static const char body[] = "{\"enrichment_id\":\"e1\",\"enrichment_type\":\"email\"}";
    static const char other[] =
        "{\"enrichment_id\":\"e1\",\"enrichment_type\":\"email\",\"custom\":{\"a\":1}}";
    cleanup_reply struct reply first = post(&server, "/v1/requests/register", body);
    cleanup_reply struct reply again = post(&server, "/v1/requests/register", body);
    cleanup_reply struct reply conflict = post(&server, "/v1/requests/register", other);
    cleanup_reply struct reply wrong = post(&server, "/v1/requests/register", "{}");
    cleanup_reply struct reply array = post(&server, "/v1/requests/register", "[]");

    expect_status(first, 201);
    cr_assert_str_eq(json_get_string(first.json, "state"), "pending");
    expect_status(again, 200);
    cr_assert_str_eq(json_get_string(first.json, "id"), json_get_string(again.json, "id"));
    expect_status(conflict, 409);
    expect_status(wrong, 422);
    expect_status(array, 400);
}

static size_t count(const char *path)
{
    cleanup_reply struct reply reply = get(&server, path);

    expect_status(reply, 200);
    return json_object_array_length(json_get(reply.json, "items"));
}

Test(requests, list)
{
    char id[UUID_TEXT_SIZE];

    submit(&server, ADA, id);
    submit(&server,
           "{\"firstname\":\"B\",\"lastname\":\"C\",\"enrichment_type\":[\"phone\"],"
           "\"linkedin_url\":\"https://linkedin.com/in/b\",\"custom\":{\"k&\":\"v \",\"t\":true}}",
           id);
    accept_one(&server, "e1");
    cr_assert_eq(count("/v1/requests"), 2);
    cr_assert_eq(count("/v1/requests?state=pending"), 1);
    cr_assert_eq(count("/v1/requests?state=failed"), 0);
    cr_assert_eq(count("/v1/requests?enrichment_type=phone"), 1);
    cr_assert_eq(count("/v1/requests?enrichment_id=e1"), 1);
    cr_assert_eq(count("/v1/requests?enrichment_id=e2"), 0);
    cr_assert_eq(count("/v1/requests?custom.n=7"), 1);
    cr_assert_eq(count("/v1/requests?custom.n=8"), 0);
    cr_assert_eq(count("/v1/requests?custom.k%26=v%20&custom.t=true"), 1);
    cr_assert_eq(count("/v1/requests?custom.k%26=v+&custom.t=false"), 0);
    cr_assert_eq(count("/v1/requests?since=2020-01-01&until=2999-01-01T00:00:00Z"), 2);
    cr_assert_eq(count("/v1/requests?until=2020-01-01"), 0);
    cr_assert_eq(count("/v1/requests?until=1970-01-01"), 0);
    cr_assert_eq(count("/v1/requests?since=2999-01-01T00:00:00%2B02:00"), 0);
    cr_assert_eq(count("/v1/requests?limit=1"), 1);
}

Test(requests, pages)
{
    char id[UUID_TEXT_SIZE], path[256] = "/v1/requests?limit=2";
    size_t found = 0, pages = 0;

    for (int i = 0; i < 5; i++)
        submit(&server, ADA, id);
    for (;;) {
        cleanup_reply struct reply reply = get(&server, path);
        const char *next;

        expect_status(reply, 200);
        cr_assert_lt(pages++, 10);
        found += json_object_array_length(json_get(reply.json, "items"));
        next = json_get_string(reply.json, "next");
        if (!next)
            break;
        snprintf(path, sizeof(path), "/v1/requests?limit=2&after=%s", next);
    }
    cr_assert_eq(found, 5);
}

#define FOUR      "custom.a=1&custom.a=1&custom.a=1&custom.a=1&"
#define SEVENTEEN FOUR FOUR FOUR FOUR "custom.a=1"

Test(requests, list_refused)
{
    static const char *const cases[] = {
        "limit=0",
        "limit=1001",
        "limit=1e9",
        "limit=",
        "limit=-1",
        "limit=99999999999999999999",
        "after=x",
        "after=",
        "state=done",
        "state=",
        "state=queued&state=queued",
        "enrichment_type=mail",
        "since=yesterday",
        "until=",
        "unknown=1",
        "custom=1",
        "wait=1",
        "a=%zz",
        SEVENTEEN,
        "after=k00000000000000000000000000000001",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[512];

        snprintf(path, sizeof(path), "/v1/requests?%s", cases[i]);
        cleanup_reply struct reply reply = get(&server, path);
        cr_assert_eq(reply.status, 400, "%s: %d %s", path, reply.status, reply.body);
    }
}

Test(requests, details_do_not_repeat_what_may_be_a_person)
{
    cleanup_reply struct reply reply = get(&server, "/v1/requests?ada%40example.com=1");

    expect_status(reply, 400);
    cr_assert_null(strstr(reply.body, "ada"));
}

Test(requests, show)
{
    char id[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE], path[128];
    store_key submission;

    submit(&server, ADA, id);
    submission = accept_one(&server, "e 1");
    cr_assert_eq(
        receive(&server, submission,
                "{\"enrichment_id\":\"e 1\",\"email\":\"ada@example.com\",\"custom\":{\"n\":"
                "7}}",
                callback),
        CALLBACK_MATCHED);
    attempt(&server, ATTEMPT_DEAD, "out\xff", 4);
    snprintf(path, sizeof(path), "/v1/requests/%s", id);
    cleanup_reply struct reply by_id = get(&server, path);
    cleanup_reply struct reply by_enrichment_id = get(&server, "/v1/requests/e%201");
    struct json_object *delivery, *shown;

    expect_status(by_id, 200);
    expect_status(by_enrichment_id, 200);
    cr_assert_str_eq(by_id.body, by_enrichment_id.body);
    cr_assert_eq(json_object_object_length(by_id.json), 23);
    cr_assert_str_eq(json_get_string(by_id.json, "state"), "finished");
    cr_assert_str_eq(json_get_string(by_id.json, "source"), "callback");
    cr_assert_str_eq(json_get_string(json_get(by_id.json, "result"), "email"), "ada@example.com");
    shown = json_object_array_get_idx(json_get(by_id.json, "callbacks"), 0);
    cr_assert_str_eq(json_get_string(shown, "id"), callback);
    cr_assert_eq(json_object_object_length(shown), 9, "no body");
    delivery = json_object_array_get_idx(json_get(by_id.json, "deliveries"), 0);
    cr_assert_str_eq(json_get_string(delivery, "state"), "dead");
    cr_assert_eq(json_object_array_length(json_get(delivery, "attempts")), 1);
    cr_assert_not_null(strstr(by_id.body, "\"output\":\"out\xef\xbf\xbd\""));
}

Test(requests, show_none)
{
    cleanup_reply struct reply none = get(&server, "/v1/requests/nothing");
    cleanup_reply struct reply bad = get(&server, "/v1/requests/%00");
    cleanup_reply struct reply uuid =
        get(&server, "/v1/requests/00000000-0000-8000-8000-000000000001");

    expect_status(none, 404);
    expect_status(bad, 400);
    expect_status(uuid, 404);
}

Test(requests, show_ambiguous)
{
    cleanup_reply struct reply submitted = post(&server, "/v1/requests", "[" ADA "," ADA "]");

    expect_status(submitted, 202);
    accept_one(&server, "e1");
    cleanup_reply struct reply shown = get(&server, "/v1/requests/e1");
    cleanup_reply struct reply erased = call(&server, "DELETE", "/v1/requests/e1", "", NULL);
    expect_status(shown, 409);
    cr_assert_not_null(strstr(detail(&shown), "/v1/requests?enrichment_id="));
    expect_status(erased, 409);
}
