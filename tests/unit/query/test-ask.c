/* What Pronto is asked for someone, and what becomes of that when the client or we go. */
#include "server.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static struct server server;

static void start(void)
{
    server_start(&server);
}
static void stop(void)
{
    server_stop(&server);
}
TestSuite(ask, .init = start, .fini = stop);

static void until_asked(struct client *client)
{
    int before = server.asks;

    while (server.asks == before)
        client_step(&server, client);
}

/* The backend's own memory is gone when it has answered. */
static void answer(const char *detail, struct asked asked)
{
    char text[128] = "";

    snprintf(text, sizeof(text), "%s", detail ? detail : "");
    asked.detail = detail ? text : NULL;
    server.ask_done(&asked, server.ask_userdata);
    memset(text, 'x', sizeof(text) - 1);
}

static void begin_poll(struct client *client, const char *id)
{
    char path[128];

    snprintf(path, sizeof(path), "/v1/requests/%s/poll", id);
    begin(&server, client, "POST", path, "", "");
    until_asked(client);
}

static void begin_credits(struct client *client)
{
    begin(&server, client, "GET", "/v1/credits", "", NULL);
    until_asked(client);
}

static int64_t number(struct json_object *object, const char *name)
{
    int64_t n = -1;

    cr_assert(json_get_int64(object, name, &n), "%s", name);
    return n;
}

/* Midnight may pass meanwhile. */
static void expect_today(struct json_object *object, int64_t reserved)
{
    char before[TIME_RFC3339_SIZE], after[TIME_RFC3339_SIZE];
    const char *day = json_get_string(object, "day");
    struct json_object *prices = json_get(object, "prices");

    time_format_rfc3339(time_now() - 60000, before);
    time_format_rfc3339(time_now(), after);
    cr_assert(day && strlen(day) == 10);
    cr_assert(strncmp(day, before, 10) == 0 || strncmp(day, after, 10) == 0, "%s", day);
    cr_assert_eq(number(object, "reserved"), reserved);
    cr_assert_eq(number(object, "spent"), 0);
    cr_assert_eq(number(prices, "email"), 3);
    cr_assert_eq(number(prices, "phone"), 30);
    cr_assert_eq(number(prices, "personal_email"), 4);
}

static void set_prices(int64_t daily_credits)
{
    server.config.pronto.daily_credits = daily_credits;
    server.config.pronto.prices.of[ENRICHMENT_EMAIL] = 3;
    server.config.pronto.prices.of[ENRICHMENT_PHONE] = 30;
    server.config.pronto.prices.of[ENRICHMENT_PERSONAL_EMAIL] = 4;
}

Test(ask, poll)
{
    char id[UUID_TEXT_SIZE];
    struct client client;
    store_key key;

    submit(&server, ADA, id);
    accept_one(&server, "e1");
    cr_assert_eq(store_key_of(server.store, STORE_KIND_REQUEST, id, &key), 0);
    begin_poll(&client, id);
    cr_assert_eq(server.ask_request, key);
    cr_assert_not(query_is_idle(server.query));
    answer(NULL, (struct asked){.status = 200});
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_str_eq(json_get_string(reply.json, "id"), id);
    cr_assert_str_eq(json_get_string(reply.json, "state"), "pending");
    cr_assert_eq(server.asks_cancelled, 0);

    begin_poll(&client, "e1");
    cr_assert_eq(server.ask_request, key, "by its enrichment_id");
    answer(NULL, (struct asked){.status = 200});
    cleanup_reply struct reply again = finish(&server, &client);
    expect_status(again, 200);
}

Test(ask, poll_refused)
{
    static const struct {
        int status;
        const char *kind, *detail;
    } cases[] = {
        {409, NULL, "the request is queued"},
        {502, NULL, "Pronto answered 500"},
        {503, "authentication", "Pronto refused the API key"},
        {503, "rate_limit", "Pronto takes no more calls for now"},
        {502, "credits", "credits are out"},
    };
    char id[UUID_TEXT_SIZE];

    submit(&server, ADA, id);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client client;
        const char *kind;

        begin_poll(&client, id);
        answer(cases[i].detail, (struct asked){.status = cases[i].status, .kind = cases[i].kind});
        cleanup_reply struct reply reply = finish(&server, &client);
        expect_status(reply, cases[i].status);
        cr_assert_not_null(strstr(reply.head, "Content-Type: application/problem+json\r\n"));
        cr_assert_str_eq(detail(&reply), cases[i].detail);
        cr_assert_eq(number(reply.json, "status"), cases[i].status);
        cr_assert_not_null(json_get_string(reply.json, "title"));
        kind = json_get_string(reply.json, "kind");
        cr_assert_str_eq(kind ? kind : "", cases[i].kind ? cases[i].kind : "");
        cr_assert_eq(json_object_object_length(reply.json), cases[i].kind ? 4 : 3);
        cr_assert_str_eq(reply.body + strlen(reply.body) - 2, "}\n");
    }
}

Test(ask, poll_of_nothing)
{
    cleanup_reply struct reply reply = post(&server, "/v1/requests/unknown/poll", NULL);
    expect_status(reply, 404);
    cr_assert_eq(server.asks, 0);
}

/* Erased while Pronto was asked. */
Test(ask, poll_of_what_goes)
{
    char id[UUID_TEXT_SIZE], path[128];
    struct client client;

    submit(&server, ADA, id);
    begin_poll(&client, id);
    snprintf(path, sizeof(path), "/v1/requests/%s", id);
    cleanup_reply struct reply erased = call(&server, "DELETE", path, "", NULL);
    expect_status(erased, 204);
    answer(NULL, (struct asked){.status = 200});
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 404);
}

Test(ask, credits)
{
    struct json_object *balance = json_object_new_object();
    struct client client;

    set_prices(50);
    json_add_int64(balance, "credits", 88);
    begin_credits(&client);
    cr_assert_eq(server.ask_request, 0);
    answer(NULL, (struct asked){.status = 200, .answer = balance});
    json_object_put(balance);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_eq(number(json_get(reply.json, "pronto"), "credits"), 88);
    expect_today(reply.json, 0);
    cr_assert_eq(number(reply.json, "daily_credits"), 50);
    cr_assert_eq(json_object_object_length(reply.json), 6);
}

Test(ask, credits_without_words_or_limit)
{
    struct json_object *value;
    struct client client;

    set_prices(0);
    begin_credits(&client);
    answer(NULL, (struct asked){.status = 200});
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert(json_object_object_get_ex(reply.json, "pronto", &value) && !value);
    cr_assert(json_object_object_get_ex(reply.json, "daily_credits", &value) && !value);
}

Test(ask, credits_refused)
{
    struct client client;

    set_prices(50);
    begin_credits(&client);
    answer("Pronto refused the API key", (struct asked){.status = 503, .kind = "authentication"});
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 503);
    cr_assert_not_null(strstr(reply.head, "Content-Type: application/problem+json\r\n"));
    cr_assert_str_eq(json_get_string(reply.json, "kind"), "authentication");
    cr_assert_str_eq(detail(&reply), "Pronto refused the API key");
    expect_today(json_get(reply.json, "today"), 0);
    cr_assert_eq(number(json_get(reply.json, "today"), "daily_credits"), 50);
    cr_assert_eq(json_object_object_length(json_get(reply.json, "today")), 5);
}

/* The store counts with prices of its own. */
static void reserve(int64_t day)
{
    static struct store_reconfigure reconfigure;
    struct store_claim_submissions claim = {
        .max = 1, .now = (day + 1) * DAY_MS - 1}; /* whenever today it is */
    char id[UUID_TEXT_SIZE];

    reconfigure.settings = (struct store_settings){
        .max_unmatched = 1000, .daily_credits = 50, .credit_prices = {[ENRICHMENT_EMAIL] = 3}};
    server_apply(&server, &reconfigure, STORE_RECONFIGURE);
    submit(&server, ADA, id);
    server_apply(&server, &claim, STORE_CLAIM_SUBMISSIONS);
    cr_assert_eq(claim.n, 1);
    submission_job_free(claim.jobs[0]);
}

/* Those of another day are not today's. */
Test(ask, status_has_figures_of_today)
{
    set_prices(50);
    cleanup_reply struct reply nothing = get(&server, "/v1/status");
    expect_status(nothing, 200);
    expect_today(json_get(nothing.json, "credits"), 0);
    cr_assert_eq(json_object_object_length(json_get(nothing.json, "credits")), 5);
    reserve(time_now() / DAY_MS);
    cleanup_reply struct reply today = get(&server, "/v1/status");
    expect_today(json_get(today.json, "credits"), 3);
    reserve(time_now() / DAY_MS + 2);
    cleanup_reply struct reply other = get(&server, "/v1/status");
    expect_today(json_get(other.json, "credits"), 0);
}

Test(ask, out_of_memory)
{
    char id[UUID_TEXT_SIZE], path[128];

    submit(&server, ADA, id);
    snprintf(path, sizeof(path), "/v1/requests/%s/poll", id);
    server.ask_result = -ENOMEM;
    cleanup_reply struct reply poll = post(&server, path, NULL);
    expect_status(poll, 503);
    cleanup_reply struct reply credits = get(&server, "/v1/credits");
    expect_status(credits, 503);
    cr_assert_eq(server.asks, 2);
    cr_assert_eq(server.asks_cancelled, 0, "it never began");
}

Test(ask, ends_with_the_server)
{
    struct client client;

    begin_credits(&client);
    query_stop(server.query);
    cr_assert_eq(server.asks_cancelled, 1);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 503);
    cr_assert_str_eq(detail(&reply), "prontod is stopping");
    cr_assert_eq(server.asks_cancelled, 1);
    cr_assert(query_is_idle(server.query));
}

/* What was answered before the stop is still sent. */
Test(ask, answered_before_the_end)
{
    struct client client;

    begin_credits(&client);
    answer(NULL, (struct asked){.status = 200});
    query_stop(server.query);
    cleanup_reply struct reply reply = finish(&server, &client);
    expect_status(reply, 200);
    cr_assert_eq(server.asks_cancelled, 0);
}

Test(ask, freed_while_asking)
{
    char id[UUID_TEXT_SIZE];
    struct client client;

    submit(&server, ADA, id);
    begin_poll(&client, id);
    query_free(server.query);
    server.query = NULL;
    cr_assert_eq(server.asks_cancelled, 1);
    client_close(&client);
}
