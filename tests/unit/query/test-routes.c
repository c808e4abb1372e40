#include "query/query.h"
#include "query/routes.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(routes, found)
{
    static const struct {
        const char *method, *path, *id;
        int (*run)(struct call *call);
    } cases[] = {
        {"GET", "/v1/requests", NULL, requests_list},
        {"HEAD", "/v1/requests", NULL, requests_list},
        {"POST", "/v1/requests", NULL, requests_submit},
        {"POST", "/v1/requests/register", NULL, requests_register},
        {"GET", "/v1/requests/a%2Fb", "a%2Fb", requests_show},
        {"DELETE", "/v1/requests/x", "x", requests_erase},
        {"POST", "/v1/requests/x/poll", "x", requests_poll},
        {"GET", "/v1/callbacks", NULL, callbacks_list},
        {"GET", "/v1/callbacks/x", "x", callbacks_show},
        {"POST", "/v1/callbacks/x/match", "x", callbacks_match},
        {"GET", "/v1/deliveries", NULL, deliveries_list},
        {"POST", "/v1/deliveries/retry", NULL, deliveries_retry_all},
        {"GET", "/v1/deliveries/x", "x", deliveries_show},
        {"POST", "/v1/deliveries/x/retry", "x", deliveries_retry},
        {"POST", "/v1/deliveries/retry/retry", "retry", deliveries_retry},
        {"GET", "/v1/hooks", NULL, hooks_list},
        {"POST", "/v1/hooks/crm/test", "crm", hooks_test},
        {"GET", "/v1/credits", NULL, credits_show},
        {"GET", "/v1/events", NULL, events_show},
        {"GET", "/v1/status", NULL, status_show},
        {"GET", "/metrics", NULL, metrics_show},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct route_match match;

        cr_assert_eq(route_find(cases[i].method, cases[i].path, &match), ROUTE_OK, "%s",
                     cases[i].path);
        cr_assert_eq(match.route->run, cases[i].run, "%s", cases[i].path);
        if (cases[i].id)
            cr_assert(match.id && match.id_size == strlen(cases[i].id) &&
                          memcmp(match.id, cases[i].id, match.id_size) == 0,
                      "%s", cases[i].path);
        else
            cr_assert_null(match.id, "%s", cases[i].path);
    }
}

Test(routes, no_path)
{
    static const char *const cases[] = {
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/requests/",
        "/v1/requestss",
        "/v1/request",
        "/v2/requests",
        "//v1/requests",
        "/v1/requests/x/",
        "/v1/requests//poll",
        "/v1/requests/x/polls",
        "/v1/hooks/crm",
        "/metrics/",
        "*",
        "/healthz",
    };
    struct route_match match;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_assert_eq(route_find("GET", cases[i], &match), ROUTE_E_PATH, "%s", cases[i]);
}

Test(routes, no_method)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"PUT", "/v1/requests", "POST, GET, HEAD"},
        {"OPTIONS", "/v1/requests/x", "GET, HEAD, DELETE"},
        {"GET", "/v1/requests/register", "POST"},
        {"DELETE", "/v1/requests/register", "POST"},
        {"GET", "/v1/deliveries/retry", "POST"},
        {"POST", "/v1/status", "GET, HEAD"},
        {"get", "/v1/status", "GET, HEAD"},
        {"HEAD", "/v1/hooks/crm/test", "POST"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct route_match match;

        cr_assert_eq(route_find(cases[i].method, cases[i].path, &match), ROUTE_E_METHOD, "%s",
                     cases[i].path);
        cr_assert_str_eq(match.allow, cases[i].allow, "%s", cases[i].path);
    }
}

/* The right follows from the method, and each row is documented. */
Test(routes, table)
{
    size_t n;
    const struct query_route_doc *docs = query_route_docs(&n);

    cr_assert_geq(n, 19);
    for (size_t i = 0; i < n; i++) {
        cr_assert_str_eq(docs[i].right, strcmp(docs[i].method, "GET") == 0 ? "read" : "admin", "%s",
                         docs[i].path);
        cr_assert(docs[i].help && *docs[i].help, "%s", docs[i].path);
    }
}

/* docs/api.md has a heading "### METHOD PATH" for each row, and its right, and no other. */
Test(routes, documentation)
{
    cleanup_free char *text = NULL;
    size_t size, n, headings = 0;
    const struct query_route_doc *docs = query_route_docs(&n);

    cr_assert_eq(file_read(API_MD, 1024UL * 1024, &text, &size), 0);
    for (size_t i = 0; i < n; i++) {
        char heading[256];

        snprintf(heading, sizeof(heading), "\n### %s %s\n\nRight: %s.", docs[i].method,
                 docs[i].path, docs[i].right);
        cr_assert_not_null(strstr(text, heading), "docs/api.md has no %s", heading);
    }
    for (const char *p = text; (p = strstr(p, "\n### ")); p++)
        headings++;
    cr_assert_eq(headings, n, "docs/api.md describes calls that do not exist");
}
