#include "server.h"

#include <ctype.h>
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
TestSuite(status, .init = start, .fini = stop);

static int64_t number(struct json_object *object, const char *first, const char *second)
{
    int64_t n = -1;

    cr_assert(json_get_int64(json_get(object, first), second, &n), "%s.%s", first, second);
    return n;
}

Test(status, counts)
{
    char id[UUID_TEXT_SIZE];
    bool ready;

    submit(&server, ADA, id);
    receive(&server, 0, "{\"enrichment_id\":\"e9\"}", id);
    cleanup_reply struct reply reply = get(&server, "/v1/status");
    expect_status(reply, 200);
    cr_assert_str_eq(json_get_string(reply.json, "version"), PRONTOD_VERSION);
    cr_assert(json_get_bool(reply.json, "ready", &ready) && ready);
    cr_assert_eq(number(reply.json, "requests", "queued"), 1);
    cr_assert_eq(number(reply.json, "requests", "expired"), 0);
    cr_assert_eq(number(reply.json, "callbacks", "unmatched"), 1);
    cr_assert_eq(number(reply.json, "deliveries", "dead"), 0);
    cr_assert_geq(number(reply.json, "oldest", "queued"), 0);
    cr_assert_null(json_get(json_get(reply.json, "oldest"), "dead"));
    cr_assert_geq(number(reply.json, "store", "commits"), 2);
    cr_assert_eq(number(reply.json, "query", "connections"), 1);
    cr_assert_eq(number(reply.json, "query", "connections_max"), QUERY_CONNECTIONS_MAX);
    cr_assert_str_eq(json_get_string(reply.json, "egress"), "up", "the backend's own");
}

/* Each line is a comment, or a name, perhaps labels, and a number; each name has help and type. */
Test(status, metrics)
{
    cleanup_reply struct reply reply = get(&server, "/metrics");
    char name[64] = "", *rest = reply.body, *line;
    size_t samples = 0;

    expect_status(reply, 200);
    cr_assert_not_null(
        strstr(reply.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    cr_assert_not_null(
        strstr(reply.body, "\nprontod_requests{state=\"queued\",enrichment_type=\"email\"} 0\n"));
    cr_assert_not_null(strstr(reply.body, "\nprontod_ready 1\n"));
    while ((line = strsep(&rest, "\n")) && *line) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            cr_assert_eq(sscanf(line + 7, "%63[a-z_]", name), 1);
            line = strsep(&rest, "\n");
            cr_assert(line && strncmp(line, "# TYPE ", 7) == 0);
            cr_assert_eq(strncmp(line + 7, name, strlen(name)), 0);
            continue;
        }
        cr_assert_eq(strncmp(line, name, strlen(name)), 0, "%s without help", line);
        cr_assert_eq(strncmp(line, "prontod_", 8), 0);
        line = strrchr(line, ' ');
        cr_assert(line && isdigit((unsigned char)line[1]));
        samples++;
    }
    cr_assert_gt(samples, 40);
}
