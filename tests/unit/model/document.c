#include "model/document.h"

#include "cases.h"

#define REQUEST                                                                                    \
    "{\"id\":\"r-1\",\"enrichment_id\":\"e-1\",\"enrichment_type\":\"email\",\"firstname\":\"F\"," \
    "\"lastname\":\"L\",\"domain\":\"d\",\"company_name\":null,\"linkedin_url\":null,"             \
    "\"custom\":{},\"created_at\":\"2026-01-31T23:59:59.123Z\"}"
#define CREATED_AT 1769903999123

Test(document, request)
{
    static const struct {
        const char *enrichment_id, *content;
        int64_t created_at;
        const char *request;
    } cases[] = {
        {"e-1",
         "{\"firstname\":\"F\",\"lastname\":\"L\",\"domain\":\"d\","
         "\"phone_country_codes\":[\"FR\"],\"custom\":{}}",
         CREATED_AT, REQUEST},
        {NULL, "{\"custom\":{\"b\":1.50,\"a\":null}}", 0,
         "{\"id\":\"r-1\",\"enrichment_id\":null,\"enrichment_type\":\"email\",\"firstname\":null,"
         "\"lastname\":null,\"domain\":null,\"company_name\":null,\"linkedin_url\":null,"
         "\"custom\":{\"b\":1.50,\"a\":null},\"created_at\":null}"},
        {NULL, "{}", 0,
         "{\"id\":\"r-1\",\"enrichment_id\":null,\"enrichment_type\":\"email\",\"firstname\":null,"
         "\"lastname\":null,\"domain\":null,\"company_name\":null,\"linkedin_url\":null,"
         "\"custom\":null,\"created_at\":null}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *content = tree(cases[i].content);
        cleanup_json struct json_object *request = NULL;

        cr_assert_eq(document_request("r-1", cases[i].enrichment_id, ENRICHMENT_EMAIL, content,
                                      cases[i].created_at, &request),
                     0);
        expect_json(request, cases[i].request, "request");
    }
}

struct document_case {
    struct document_facts facts;
    const char *request, *result, *raw, *dead; /* the trees of the facts */
    const char *document;
};

static void check(const struct document_case *c)
{
    cleanup_json struct json_object *request = tree(c->request);
    cleanup_json struct json_object *result = tree(c->result);
    cleanup_json struct json_object *raw = tree(c->raw);
    cleanup_json struct json_object *dead = tree(c->dead);
    cleanup_json struct json_object *document = NULL;
    struct document_facts facts = c->facts;

    facts.request = request;
    facts.result = result;
    facts.raw = raw;
    facts.dead = dead;
    cr_assert_eq(document_build(&facts, &document), 0);
    expect_json(document, c->document, "document");
}

Test(document, of_each_event)
{
    static const struct document_case cases[] = {
        {{.event = EVENT_FINISHED,
          .hook = "crm",
          .delivery_id = "d-1",
          .attempt = 1,
          .source = SOURCE_CALLBACK,
          .received_at = CREATED_AT},
         REQUEST,
         "{\"status\":\"finished\",\"phones\":[]}",
         "{\"b\":1e400,\"a\":2}",
         NULL,
         "{\"event\":\"finished\",\"hook\":\"crm\",\"delivery_id\":\"d-1\",\"attempt\":1,"
         "\"request\":" REQUEST ",\"result\":{\"status\":\"finished\",\"phones\":[]},"
         "\"source\":\"callback\",\"received_at\":\"2026-01-31T23:59:59.123Z\","
         "\"raw\":{\"b\":1e400,\"a\":2}}"},
        {{.event = EVENT_FAILED, .hook = "h", .delivery_id = "d", .attempt = 2},
         "{\"id\":\"r\",\"error\":\"Pronto's words\"}",
         NULL,
         NULL,
         NULL,
         "{\"event\":\"failed\",\"hook\":\"h\",\"delivery_id\":\"d\",\"attempt\":2,"
         "\"request\":{\"id\":\"r\",\"error\":\"Pronto's words\"},\"result\":null,\"source\":null,"
         "\"received_at\":null,\"raw\":null}"},
        {{.event = EVENT_EXPIRED, .hook = "h", .delivery_id = "d", .attempt = 1},
         "{}",
         NULL,
         NULL,
         "{\"no\":\"not of this event\"}",
         "{\"event\":\"expired\",\"hook\":\"h\",\"delivery_id\":\"d\",\"attempt\":1,\"request\":{},"
         "\"result\":null,\"source\":null,\"received_at\":null,\"raw\":null}"},
        {{.event = EVENT_UNMATCHED,
          .hook = "h",
          .delivery_id = "d",
          .attempt = 1,
          .source = SOURCE_POLL,
          .received_at = 1},
         NULL,
         "{}",
         "{}",
         NULL,
         "{\"event\":\"unmatched\",\"hook\":\"h\",\"delivery_id\":\"d\",\"attempt\":1,"
         "\"request\":null,\"result\":{},\"source\":\"poll\","
         "\"received_at\":\"1970-01-01T00:00:00.001Z\",\"raw\":{}}"},
        {{.event = EVENT_DEAD,
          .hook = "h",
          .delivery_id = "d",
          .attempt = 1,
          .source = SOURCE_FETCH},
         "{}",
         NULL,
         NULL,
         "{\"hook\":\"crm\"}",
         "{\"event\":\"dead\",\"hook\":\"h\",\"delivery_id\":\"d\",\"attempt\":1,\"request\":{},"
         "\"result\":null,\"source\":\"fetch\",\"received_at\":null,\"raw\":null,"
         "\"dead\":{\"hook\":\"crm\"}}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check(&cases[i]);
}
