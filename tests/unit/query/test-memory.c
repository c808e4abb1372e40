/* Lets each allocation of a call fail in turn, the library's too: the client gets its answer, or
 * 503, or is closed; nothing else happens, and the next call works. */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static _Thread_local bool watched;        /* the loop runs */
static _Thread_local long countdown = -1; /* allocations until one fails; -1: none does */
static _Thread_local bool for_good;       /* and all after it fail, too */
static _Thread_local bool failed;         /* one did */

static bool fails(void)
{
    if (!watched || countdown < 0)
        return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!for_good)
        countdown = -1;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

static void around(bool begins)
{
    watched = begins;
}

static struct server server;
static char request[UUID_TEXT_SIZE], callback[UUID_TEXT_SIZE];

static void start(void)
{
    server_start(&server);
    server.around = around;
    submit(&server, ADA, request);
    receive(&server, accept_one(&server, "e1"), "{\"enrichment_id\":\"e1\",\"custom\":{\"n\":7}}",
            callback);
    attempt(&server, ATTEMPT_RETRY, "out", 3);
}

static void stop(void)
{
    countdown = -1;
    server_stop(&server);
}
TestSuite(memory, .init = start, .fini = stop);

#define ROUNDS_MAX 2000

/* False when no allocation was left to fail. */
static bool try(const char *method, const char *path, const char *body, int status, long n)
{
    struct client client;
    char line[32];
    bool any;

    begin(&server, &client, method, path, "", body);
    failed = false;
    countdown = n;
    until_closed(&server, &client);
    countdown = -1;
    any = failed;
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    cr_assert(!client.in || strncmp(client.in, line, strlen(line)) == 0 ||
                  strncmp(client.in, "HTTP/1.1 503 ", 13) == 0,
              "%s %s, allocation %ld: %s", method, path, n, client.in);
    cr_assert(any || client.in);
    client_close(&client);
    return any;
}

static void torture(const char *method, const char *path, const char *body, int status)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        long n = 0;

        for_good = sticky;
        while (try(method, path, body, status, n)) {
            cr_assert_lt(n++, ROUNDS_MAX);
            cleanup_reply struct reply reply = get(&server, "/v1/status");
            expect_status(reply, 200);
        }
        cr_assert_gt(n, 5, "%s has allocations", path);
    }
    cr_assert(query_is_idle(server.query));
}

Test(memory, status)
{
    torture("GET", "/v1/status", NULL, 200);
}

Test(memory, metrics)
{
    torture("GET", "/metrics", NULL, 200);
}

Test(memory, lists)
{
    torture("GET", "/v1/requests?state=finished&custom.n=7", NULL, 200);
    torture("GET", "/v1/callbacks", NULL, 200);
    torture("GET", "/v1/deliveries?hook=crm", NULL, 200);
    torture("GET", "/v1/hooks", NULL, 200);
}

Test(memory, show)
{
    char path[128];

    snprintf(path, sizeof(path), "/v1/requests/%s", request);
    torture("GET", path, NULL, 200);
    snprintf(path, sizeof(path), "/v1/callbacks/%s", callback);
    torture("GET", path, NULL, 200);
}

Test(memory, wait)
{
    char id[UUID_TEXT_SIZE], path[128];

    submit(&server, ADA, id);
    snprintf(path, sizeof(path), "/v1/requests/%s?wait=0.001", id);
    torture("GET", path, NULL, 200);
}

Test(memory, submit)
{
    torture("POST", "/v1/requests", ADA, 202);
    torture("POST", "/v1/requests", "[" ADA "," ADA "]", 202);
    torture("POST", "/v1/requests", "[" ADA ",{}]", 422);
}

Test(memory, register_one)
{
    torture("POST", "/v1/requests/register",
            "{\"enrichment_id\":\"e1\",\"enrichment_type\":\"email\",\"custom\":{\"n\":8}}", 409);
}

Test(memory, erase)
{
    torture("DELETE", "/v1/requests/nothing", NULL, 404);
}

/* The stream ends, and the client resumes. */
Test(memory, events)
{
    for (for_good = false;; for_good = true) {
        long n = 0;

        do {
            struct client client;

            begin(&server, &client, "GET", "/v1/events?since=0", "", NULL);
            failed = false;
            countdown = n;
            cr_assert(client_until(&server, &client, "request.finished") || failed);
            countdown = -1;
            client_close(&client);
            cr_assert_lt(n++, ROUNDS_MAX);
        } while (failed);
        cr_assert_gt(n, 5);
        if (for_good)
            break;
    }
}
