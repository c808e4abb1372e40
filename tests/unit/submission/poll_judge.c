#include "submission/poll_judge.h"

#include <criterion/criterion.h>
#include <string.h>

static enum poll_outcome judge(struct call_answer answer, struct poll_verdict *ret)
{
    cr_assert_eq(poll_judge(&answer, ret), 0);
    return ret->outcome;
}

static struct call_answer answered(int status, const char *body)
{
    return (struct call_answer){.fate = CALL_ANSWERED,
                                .status = status,
                                .retry_after_ms = -1,
                                .body = body,
                                .body_size = body ? strlen(body) : 0};
}

static void expect(struct call_answer answer, enum poll_outcome outcome, const char *error)
{
    struct poll_verdict verdict;

    cr_expect_eq(judge(answer, &verdict), outcome, "status %d", answer.status);
    cr_expect_eq(verdict.error[0] != '\0', outcome == POLL_FAILED);
    if (error)
        cr_expect_not_null(strstr(verdict.error, error), "%s", verdict.error);
    poll_verdict_done(&verdict);
}

Test(poll_judge, a_result)
{
    struct poll_verdict verdict;

    cr_assert_eq(judge(answered(200, "{\"enrichment_id\": \"e-1\", \"status\": \"finished\", "
                                     "\"email\": \"ada@example.com\"}"),
                       &verdict),
                 POLL_FINISHED);
    cr_expect_str_eq(verdict.reading.enrichment_id, "e-1");
    cr_expect(verdict.reading.found);
    poll_verdict_done(&verdict);
    expect(answered(200, "{\"id\": \"e-1\"}"), POLL_FINISHED, NULL);
    expect(answered(203, "{\"status\": \"success\"}"), POLL_FINISHED, NULL);
}

Test(poll_judge, no_result_yet)
{
    expect(answered(200, "{\"id\": \"e-1\", \"status\": \"pending\"}"), POLL_PENDING, NULL);
    expect(answered(200, "{\"id\": \"e-1\", \"status\": \"who knows\"}"), POLL_PENDING, NULL);
    expect(answered(404, "{\"error\": \"Not found\"}"), POLL_PENDING, NULL);
    expect(answered(410, NULL), POLL_PENDING, NULL);
}

Test(poll_judge, what_is_no_contact_is_no_result)
{
    expect(answered(200, "{\"error\": \"Internal\"}"), POLL_FAILED, "no contact");
    expect(answered(200, "{}"), POLL_FAILED, "no contact");
    expect(answered(200, "[]"), POLL_FAILED, "no JSON object");
    expect(answered(200, "<html>"), POLL_FAILED, "no JSON object");
    expect(answered(200, NULL), POLL_FAILED, "no JSON object");
}

Test(poll_judge, failures)
{
    expect(answered(500, "{\"id\": \"e-1\", \"status\": \"finished\"}"), POLL_FAILED, "status 500");
    expect(answered(302, NULL), POLL_FAILED, "status 302");
    expect((struct call_answer){.fate = CALL_MAYBE_SENT, .error = "Timeout was reached"},
           POLL_FAILED, "Timeout was reached");
    expect((struct call_answer){.fate = CALL_NOT_SENT}, POLL_FAILED, "unknown reason");
}

Test(poll_judge, what_stops_all_calls_was_not_asked)
{
    expect((struct call_answer){.fate = CALL_NO_KEY}, POLL_NOT_ASKED, NULL);
    expect(answered(401, NULL), POLL_NOT_ASKED, NULL);
    expect(answered(403, NULL), POLL_NOT_ASKED, NULL);
    expect(answered(429, NULL), POLL_NOT_ASKED, NULL);
}
