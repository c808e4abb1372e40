#include "model/wire.h"

#include "cases.h"

#include <errno.h>

Test(wire, egress_jobs)
{
    static const struct {
        struct egress_job job;
        const char *head;
    } cases[] = {
        {{.id = 1, .call = EGRESS_SINGLE_ENRICH}, "{\"id\":1,\"call\":\"single_enrich\"}"},
        {{.id = 2, .call = EGRESS_BULK_ENRICH}, "{\"id\":2,\"call\":\"bulk_enrich\"}"},
        {{.id = INT64_MAX, .call = EGRESS_CONTACT, .contact = "e-1"},
         "{\"id\":9223372036854775807,\"call\":\"contact\",\"contact\":\"e-1\"}"},
        {{.id = 0, .call = EGRESS_CREDITS}, "{\"id\":0,\"call\":\"credits\"}"},
        {{.id = -1, .call = EGRESS_ACCOUNT}, "{\"id\":-1,\"call\":\"account\"}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *head = NULL;
        struct egress_job job;

        cr_assert_eq(egress_job_encode(&cases[i].job, &head), 0);
        expect_json(head, cases[i].head, "job");
        cr_assert_eq(egress_job_decode(head, &job), 0);
        cr_expect_eq(job.id, cases[i].job.id);
        cr_expect_eq(job.call, cases[i].job.call);
        expect_text(job.contact, cases[i].job.contact, "contact");
    }
}

Test(wire, egress_jobs_that_are_none)
{
    static const char *const heads[] = {
        "{}",
        "[]",
        "{\"call\":\"credits\"}",
        "{\"id\":\"1\",\"call\":\"credits\"}",
        "{\"id\":1.5,\"call\":\"credits\"}",
        "{\"id\":1,\"call\":\"delete\"}",
        "{\"id\":1,\"call\":7}",
        "{\"id\":1,\"call\":\"contact\"}",
        "{\"id\":1,\"call\":\"contact\",\"contact\":\"\"}",
        "{\"id\":1,\"call\":\"contact\",\"contact\":\"a\\u0000b\"}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        cleanup_json struct json_object *head = tree(heads[i]);
        struct egress_job job;

        cr_expect_eq(egress_job_decode(head, &job), -EPROTO, "%s", heads[i]);
    }
}

Test(wire, egress_outcomes)
{
    static const struct {
        struct call_answer answer;
        const char *head, *error;
    } cases[] = {
        {{.fate = CALL_ANSWERED, .status = 202, .retry_after_ms = -1},
         "{\"id\":5,\"fate\":\"answered\",\"status\":202,\"retry_after_ms\":-1,\"error\":null}",
         NULL},
        {{.fate = CALL_NOT_SENT, .retry_after_ms = 0, .error = "no\nhost\xff"},
         "{\"id\":5,\"fate\":\"not_sent\",\"status\":0,\"retry_after_ms\":0,\"error\":\"no "
         "host?\"}",
         "no host?"},
        {{.fate = CALL_MAYBE_SENT, .retry_after_ms = -1, .error = "reset"},
         "{\"id\":5,\"fate\":\"maybe_sent\",\"status\":0,\"retry_after_ms\":-1,\"error\":"
         "\"reset\"}",
         "reset"},
        {{.fate = CALL_NO_KEY, .retry_after_ms = 3600000},
         "{\"id\":5,\"fate\":\"no_key\",\"status\":0,\"retry_after_ms\":3600000,\"error\":null}",
         NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *head = NULL;
        struct call_answer answer;
        int64_t id;

        cr_assert_eq(egress_outcome_encode(5, &cases[i].answer, &head), 0);
        expect_json(head, cases[i].head, "outcome");
        cr_assert_eq(egress_outcome_decode(head, "body", 4, &id, &answer), 0);
        cr_expect_eq(id, 5);
        cr_expect_eq(answer.fate, cases[i].answer.fate);
        cr_expect_eq(answer.status, cases[i].answer.status);
        cr_expect_eq(answer.retry_after_ms, cases[i].answer.retry_after_ms);
        expect_text(answer.error, cases[i].error, "error");
        expect_text(answer.body, "body", "body");
        cr_expect_eq(answer.body_size, 4);
    }
}

Test(wire, egress_outcomes_that_are_none)
{
    static const char *const heads[] = {
        "{}",
        "{\"id\":1,\"fate\":\"lost\",\"status\":0,\"retry_after_ms\":-1}",
        "{\"fate\":\"answered\",\"status\":200,\"retry_after_ms\":-1}",
        "{\"id\":1,\"fate\":\"answered\",\"retry_after_ms\":-1}",
        "{\"id\":1,\"fate\":\"answered\",\"status\":1000,\"retry_after_ms\":-1}",
        "{\"id\":1,\"fate\":\"answered\",\"status\":-1,\"retry_after_ms\":-1}",
        "{\"id\":1,\"fate\":\"answered\",\"status\":200}",
        "{\"id\":1,\"fate\":\"answered\",\"status\":200,\"retry_after_ms\":-2}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        cleanup_json struct json_object *head = tree(heads[i]);
        struct call_answer answer;
        int64_t id;

        cr_expect_eq(egress_outcome_decode(head, NULL, 0, &id, &answer), -EPROTO, "%s", heads[i]);
    }
}

Test(wire, hook_jobs)
{
    cleanup_json struct json_object *env = tree("[\"A=1\",\"B=\",\"C=x=y\"]");
    cleanup_json struct json_object *head = NULL;
    const struct hook_job job = {.id = 7, .hook = "crm", .env = env};
    struct hook_job got;

    cr_assert_eq(hook_job_encode(&job, &head), 0);
    expect_json(head, "{\"id\":7,\"hook\":\"crm\",\"env\":[\"A=1\",\"B=\",\"C=x=y\"]}", "job");
    cr_assert_eq(hook_job_decode(head, &got), 0);
    cr_expect_eq(got.id, 7);
    expect_text(got.hook, "crm", "hook");
    cr_expect_eq(got.env, env);
}

Test(wire, hook_jobs_that_are_none)
{
    static const char *const heads[] = {
        "{}",
        "{\"id\":1,\"hook\":\"h\"}",
        "{\"id\":1,\"hook\":\"h\",\"env\":{}}",
        "{\"id\":1,\"hook\":\"h\",\"env\":[7]}",
        "{\"id\":1,\"hook\":\"h\",\"env\":[null]}",
        "{\"id\":1,\"hook\":\"h\",\"env\":[\"A\"]}",
        "{\"id\":1,\"hook\":\"h\",\"env\":[\"=1\"]}",
        "{\"id\":1,\"hook\":\"h\",\"env\":[\"A=1\",\"B=\\u0000\"]}",
        "{\"id\":1,\"env\":[]}",
        "{\"hook\":\"h\",\"env\":[]}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        cleanup_json struct json_object *head = tree(heads[i]);
        struct hook_job job;

        cr_expect_eq(hook_job_decode(head, &job), -EPROTO, "%s", heads[i]);
    }
}

#define TIMES "\"id\":3,\"started_at\":1000,\"duration_ms\":20"

Test(wire, hook_outcomes)
{
    static const struct {
        struct hook_outcome outcome;
        const char *head;
    } cases[] = {
        {{.id = 3,
          .started_at = 1000,
          .duration_ms = 20,
          .cpu_ms = 12,
          .memory_bytes = -1,
          .end = {.exit_code = 0}},
         "{" TIMES ",\"cpu_ms\":12,\"memory_bytes\":-1,\"exit_code\":0,\"signal\":0,\"timed_out\":"
         "false,\"interrupted\":false,"
         "\"not_started\":false,\"error\":null}"},
        {{.id = 3,
          .started_at = 1000,
          .duration_ms = 20,
          .end = {.exit_code = -1, .signal = 9, .timed_out = true},
          .error = "killed"},
         "{" TIMES ",\"cpu_ms\":0,\"memory_bytes\":0,\"exit_code\":-1,\"signal\":9,\"timed_out\":"
         "true,\"interrupted\":false,"
         "\"not_started\":false,\"error\":\"killed\"}"},
        {{.id = 3,
          .started_at = 1000,
          .duration_ms = 0,
          .end = {.exit_code = 255, .interrupted = true, .not_started = true}},
         "{\"id\":3,\"started_at\":1000,\"duration_ms\":0,\"cpu_ms\":0,\"memory_bytes\":0,\"exit_"
         "code\":255,\"signal\":0,\"timed_"
         "out\":false,\"interrupted\":true,"
         "\"not_started\":true,\"error\":null}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct hook_outcome *outcome = &cases[i].outcome;
        cleanup_json struct json_object *head = NULL;
        struct hook_outcome got;

        cr_assert_eq(hook_outcome_encode(outcome, &head), 0);
        expect_json(head, cases[i].head, "outcome");
        cr_assert_eq(hook_outcome_decode(head, &got), 0);
        cr_expect_eq(got.id, 3);
        cr_expect_eq(got.started_at, 1000);
        cr_expect_eq(got.duration_ms, outcome->duration_ms);
        cr_expect_eq(got.cpu_ms, outcome->cpu_ms);
        cr_expect_eq(got.memory_bytes, outcome->memory_bytes);
        cr_expect_eq(got.end.exit_code, outcome->end.exit_code);
        cr_expect_eq(got.end.signal, outcome->end.signal);
        cr_expect_eq(got.end.timed_out, outcome->end.timed_out);
        cr_expect_eq(got.end.interrupted, outcome->end.interrupted);
        cr_expect_eq(got.end.not_started, outcome->end.not_started);
        expect_text(got.error, outcome->error, "error");
    }
}

/* Each of its members is needed, and has its range. */
Test(wire, hook_outcomes_that_are_none)
{
    static const char *const members[] = {"id",           "started_at", "duration_ms", "cpu_ms",
                                          "memory_bytes", "exit_code",  "signal",      "timed_out",
                                          "interrupted",  "not_started"};
    static const struct {
        const char *member;
        int64_t value;
    } wrong[] = {{"duration_ms", -1}, {"cpu_ms", -2},     {"memory_bytes", -2},
                 {"exit_code", -2},   {"exit_code", 256}, {"signal", -1}};
    const struct hook_outcome outcome = {.id = 1};

    for (size_t i = 0; i < ARRAY_SIZE(members) + ARRAY_SIZE(wrong); i++) {
        cleanup_json struct json_object *head = NULL;
        struct hook_outcome got;

        cr_assert_eq(hook_outcome_encode(&outcome, &head), 0);
        if (i < ARRAY_SIZE(members))
            json_object_object_del(head, members[i]);
        else
            json_add_int64(head, wrong[i - ARRAY_SIZE(members)].member,
                           wrong[i - ARRAY_SIZE(members)].value);
        cr_expect_eq(hook_outcome_decode(head, &got), -EPROTO, "case %zu", i);
    }
}

Test(wire, controls)
{
    static const struct {
        const char *control, *state, *detail, *head;
    } cases[] = {
        {"reload", NULL, NULL, "{\"control\":\"reload\"}"},
        {"ready", "no_key", "no\nfile",
         "{\"control\":\"ready\",\"state\":\"no_key\",\"detail\":\"no file\"}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *head = NULL;
        const char *state = "unset";
        const char *detail = "unset";

        cr_assert_eq(control_encode(cases[i].control, cases[i].state, cases[i].detail, &head), 0);
        expect_json(head, cases[i].head, "control");
        expect_text(control_decode(head, &state, &detail), cases[i].control, "control");
        expect_text(state, cases[i].state, "state");
        expect_text(detail, cases[i].detail != NULL ? "no file" : NULL, "detail");
    }
}

Test(wire, cancelling_a_job_is_a_control)
{
    cleanup_json struct json_object *head = NULL, *none = tree("{\"control\":\"cancel\"}");
    const char *state, *detail;
    int64_t id;

    cr_assert_eq(hook_cancel_encode(INT64_C(1) << 40, &head), 0);
    expect_json(head, "{\"id\":1099511627776,\"control\":\"cancel\"}", "cancel");
    expect_text(control_decode(head, &state, &detail), "cancel", "control");
    cr_assert_eq(hook_cancel_decode(head, &id), 0);
    cr_expect_eq(id, INT64_C(1) << 40);
    cr_expect_eq(hook_cancel_decode(none, &id), -EPROTO);
}

Test(wire, other_frames_are_no_controls)
{
    cleanup_json struct json_object *head = tree("{\"id\":1}");
    const char *state;
    const char *detail;

    cr_expect_null(control_decode(head, &state, &detail));
    cr_expect_null(control_decode(NULL, &state, &detail));
}
