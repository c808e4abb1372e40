#include "query/json_records.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(struct json_object *object, const char *expected)
{
    char *text;
    size_t size;

    cr_assert_not_null(object);
    cr_assert_eq(json_serialize(object, &text, &size), 0);
    cr_assert_str_eq(text, expected);
    free(text);
    json_object_put(object);
}

static struct json_object *parse(const char *text)
{
    struct json_object *object;

    cr_assert_eq(json_parse_strict(text, strlen(text), false, &object), 0);
    return object;
}

Test(json_records, request_without_anything)
{
    struct request_record record = {.id = "r1", .created_at = 1};

    expect(
        json_request(&record),
        "{\"id\":\"r1\",\"state\":\"queued\",\"enrichment_id\":null,\"enrichment_type\":"
        "\"email\",\"firstname\":null,\"lastname\":null,\"domain\":null,\"company_name\":null,"
        "\"linkedin_url\":null,\"phone_country_codes\":null,\"custom\":null,\"created_at\":"
        "\"1970-01-01T00:00:00.001Z\",\"submitted_at\":null,\"finished_at\":null,\"result\":null,"
        "\"error\":null,\"source\":null}");
}

Test(json_records, request_with_everything)
{
    struct request_record record = {
        .id = "r1",
        .state = REQUEST_FINISHED,
        .type = ENRICHMENT_PHONE,
        .enrichment_id = (char *)"e1",
        .content =
            parse("{\"firstname\":\"A\",\"lastname\":\"L\",\"domain\":\"d\",\"company_name\":"
                  "\"c\",\"linkedin_url\":\"l\",\"phone_country_codes\":[\"FR\"],\"custom\":"
                  "{\"n\":1.50}}"),
        .created_at = 1,
        .submitted_at = 2,
        .finished_at = 3,
        .result = parse("{\"email\":null}"),
        .source = SOURCE_CALLBACK,
        .error = (char *)"e",
        .tries = 4,
        .next_try_at = 5,
        .maybe_sent = true,
    };

    expect(json_request_whole(&record, parse("[1]"), parse("[2]")),
           "{\"id\":\"r1\",\"state\":\"finished\",\"enrichment_id\":\"e1\",\"enrichment_type\":"
           "\"phone\",\"firstname\":\"A\",\"lastname\":\"L\",\"domain\":\"d\",\"company_name\":"
           "\"c\",\"linkedin_url\":\"l\",\"phone_country_codes\":[\"FR\"],\"custom\":{\"n\":1.50},"
           "\"created_at\":\"1970-01-01T00:00:00.001Z\",\"submitted_at\":"
           "\"1970-01-01T00:00:00.002Z\",\"finished_at\":\"1970-01-01T00:00:00.003Z\",\"result\":"
           "{\"email\":null},\"error\":\"e\",\"source\":\"callback\",\"tries\":4,\"next_try_at\":"
           "\"1970-01-01T00:00:00.005Z\",\"next_poll_at\":null,\"maybe_sent\":true,\"callbacks\":["
           "1],\"deliveries\":[2]}");
    cr_assert_null(json_request_whole(&record, NULL, parse("[]")));
    json_object_put(record.content);
    json_object_put(record.result);
}

Test(json_records, callback)
{
    struct callback_record record = {.id = "c1",
                                     .state = CALLBACK_UNMATCHED,
                                     .reason = REASON_NO_REQUEST,
                                     .received_at = 1,
                                     .headers = parse("{\"A\":\"b\"}"),
                                     .body = (char *)"{\"\xc3\xa9\"",
                                     .body_size = 4};

    expect(
        json_callback(&record, false),
        "{\"id\":\"c1\",\"state\":\"unmatched\",\"reason\":\"no_request\",\"differs\":false,"
        "\"request_id\":null,\"enrichment_id\":null,\"received_at\":\"1970-01-01T00:00:00.001Z\","
        "\"client\":null,\"headers\":{\"A\":\"b\"}}");
    record.state = CALLBACK_DUPLICATE;
    record.reason = REASON_NONE;
    record.differs = true;
    record.client = (char *)"::1";
    record.enrichment_id = (char *)"e1";
    strcpy(record.request_id, "r1");
    expect(json_callback(&record, true),
           "{\"id\":\"c1\",\"state\":\"duplicate\",\"reason\":null,\"differs\":true,"
           "\"request_id\":\"r1\",\"enrichment_id\":\"e1\",\"received_at\":"
           "\"1970-01-01T00:00:00.001Z\",\"client\":\"::1\",\"headers\":{\"A\":\"b\"},\"body\":"
           "\"{\\\"\xc3\xa9\"}");
    json_object_put(record.headers);
}

static void expect_body(const char *bytes, size_t size, const char *member, const char *value)
{
    struct callback_record record = {.body = (char *)bytes, .body_size = size};
    struct json_object *object = json_callback(&record, true), *found;

    cr_assert(json_object_object_get_ex(object, member, &found), "%s", member);
    cr_assert_str_eq(json_object_get_string(found), value);
    cr_assert_eq(json_object_object_length(object), 10, "one of body and body_base64");
    json_object_put(object);
}

Test(json_records, bodies_of_any_bytes)
{
    expect_body("", 0, "body", "");
    expect_body("x", 1, "body", "x");
    expect_body("\xff", 1, "body_base64", "/w==");
    expect_body("\xff\xfe", 2, "body_base64", "//4=");
    expect_body("\xff\xfe\xfd", 3, "body_base64", "//79");
    expect_body("\xff\xfe\xfd\0", 4, "body_base64", "//79AA==");
    expect_body("a\xc3", 2, "body_base64", "YcM=");
}

Test(json_records, body_with_nul)
{
    struct callback_record record = {.body = (char *)"a\0b", .body_size = 3};
    struct json_object *object = json_callback(&record, true);

    cr_assert_eq(json_object_get_string_len(json_get(object, "body")), 3);
    json_object_put(object);
}

static struct hook_config hook = {.name = (char *)"crm",
                                  .command_text = (char *)"/bin/true -x",
                                  .on = 1U << EVENT_FAILED | 1U << EVENT_DEAD,
                                  .give_up_ms = 1000};
static const struct config config = {.hooks = &hook, .n_hooks = 1};

Test(json_records, delivery)
{
    struct attempt_record attempts[] = {
        {.number = 1,
         .started_at = 7,
         .duration_ms = 8,
         .cpu_ms = -1,
         .memory_bytes = -1,
         .exit_code = -1,
         .signal = 9,
         .timed_out = true,
         .error = (char *)"late"},
        {.number = 2,
         .started_at = 9,
         .cpu_ms = 0,
         .memory_bytes = 4096,
         .exit_code = 0,
         .interrupted = true,
         .output = (char *)"a\xff\0b",
         .output_size = 4},
    };
    struct delivery_record record = {.id = "d1",
                                     .state = DELIVERY_RETRYING,
                                     .event = EVENT_FINISHED,
                                     .hook = (char *)"crm",
                                     .request_id = "r1",
                                     .created_at = 1,
                                     .since = 5,
                                     .next_attempt_at = 2,
                                     .attempts = attempts,
                                     .n_attempt_records = 2};

    expect(json_delivery(&record, &config, -1),
           "{\"id\":\"d1\",\"state\":\"retrying\",\"event\":\"finished\",\"hook\":\"crm\","
           "\"request_id\":\"r1\",\"created_at\":\"1970-01-01T00:00:00.001Z\",\"next_attempt_at\":"
           "\"1970-01-01T00:00:00.002Z\",\"gives_up_at\":\"1970-01-01T00:00:01.005Z\","
           "\"finished_at\":null}");
    record.state = DELIVERY_DEAD;
    record.finished_at = 3;
    record.next_attempt_at = 0;
    record.request_id[0] = '\0';
    expect(
        json_delivery(&record, &config, 100),
        "{\"id\":\"d1\",\"state\":\"dead\",\"event\":\"finished\",\"hook\":\"crm\","
        "\"request_id\":null,\"created_at\":\"1970-01-01T00:00:00.001Z\",\"next_attempt_at\":"
        "null,\"gives_up_at\":null,\"finished_at\":\"1970-01-01T00:00:00.003Z\",\"attempts\":["
        "{\"number\":1,\"started_at\":\"1970-01-01T00:00:00.007Z\",\"duration_ms\":8,"
        "\"exit_code\":null,\"signal\":9,\"timed_out\":true,\"interrupted\":false,\"cpu_ms\":null,"
        "\"memory_bytes\":null,\"error\":\"late\",\"output\":\"\"},{\"number\":2,\"started_at\":"
        "\"1970-01-01T00:00:00.009Z\","
        "\"duration_ms\":0,\"exit_code\":0,\"signal\":null,\"timed_out\":false,\"interrupted\":"
        "true,\"cpu_ms\":0,\"memory_bytes\":4096,\"error\":null,\"output\":"
        "\"a\xef\xbf\xbd\\u0000b\"}]}");
}

Test(json_records, only_the_last_attempts)
{
    struct attempt_record attempts[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct delivery_record record = {
        .hook = (char *)"gone", .attempts = attempts, .n_attempt_records = 3};
    struct json_object *object = json_delivery(&record, &config, 2), *array;
    int64_t number;

    array = json_get(object, "attempts");
    cr_assert_eq(json_object_array_length(array), 2);
    cr_assert(json_get_int64(json_object_array_get_idx(array, 0), "number", &number));
    cr_assert_eq(number, 2);
    cr_assert_null(json_get(object, "gives_up_at"), "nobody knows, without the hook");
    json_object_put(object);
}

Test(json_records, event)
{
    struct event_record record = {.id = "v1",
                                  .at = 1,
                                  .name = "request.finished",
                                  .request_id = "r1",
                                  .enrichment_id = (char *)"e1"};

    expect(json_event(&record),
           "{\"id\":\"v1\",\"time\":\"1970-01-01T00:00:00.001Z\",\"event\":\"request.finished\","
           "\"request_id\":\"r1\",\"enrichment_id\":\"e1\",\"delivery_id\":null,\"hook\":null}");
}

Test(json_records, hook)
{
    struct hook_counts counts = {.of = {1, 2, 3, 4, 5}, .last_success_at = 6};
    struct hook_live live = {.state = "broken", .error = "missing", .retry_at = 1500};

    expect(json_hook("crm", &hook, &counts, &live),
           "{\"name\":\"crm\",\"command\":\"/bin/true -x\",\"mode\":\"exec\",\"on\":[\"failed\","
           "\"dead\"],\"state\":\"broken\",\"queued\":1,\"running\":2,\"retrying\":3,\"succeeded\":"
           "4,\"dead\":5,\"last_success_at\":\"1970-01-01T00:00:00.006Z\",\"last_failure\":null,"
           "\"error\":\"missing\",\"retry_at\":\"1970-01-01T00:00:01.500Z\"}");
}

Test(json_records, hook_that_left_the_configuration)
{
    struct hook_counts counts = {.of = {1}};
    struct hook_live live = {.state = "paused", .error = "gone"};

    expect(json_hook("old", NULL, &counts, &live),
           "{\"name\":\"old\",\"command\":null,\"mode\":null,\"on\":[],\"state\":\"paused\","
           "\"queued\":1,\"running\":0,\"retrying\":0,\"succeeded\":0,\"dead\":0,"
           "\"last_success_at\":null,\"last_failure\":null,\"error\":\"gone\",\"retry_at\":null}");
}
