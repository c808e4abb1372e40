/* What the other rooms do to the store meanwhile. */
#include "server.h"

#include "common/timestamp.h"

#include <stdio.h>
#include <string.h>

void submit(struct server *server, const char *body, char ret_id[static UUID_TEXT_SIZE])
{
    cleanup_reply struct reply reply = post(server, "/v1/requests", body);

    expect_status(reply, 202);
    snprintf(ret_id, UUID_TEXT_SIZE, "%s", json_get_string(reply.json, "id"));
}

store_key accept_one(struct server *server, const char *enrichment_id)
{
    struct store_claim_submissions claim = {.max = 1, .now = time_now()};
    struct store_finish_call end = {
        .outcome = SUBMISSION_ACCEPTED, .enrichment_id = enrichment_id, .counts = true};
    store_key submission;

    cr_assert_eq(server_apply(server, &claim, STORE_CLAIM_SUBMISSIONS), STORE_OK);
    cr_assert_eq(claim.n, 1);
    submission = claim.jobs[0]->submission;
    end.call = claim.jobs[0]->call;
    end.now = time_now();
    submission_job_free(claim.jobs[0]);
    cr_assert_eq(server_apply(server, &end, STORE_FINISH_CALL), STORE_OK);
    return submission;
}

enum callback_state receive(struct server *server, store_key submission, const char *body,
                            char ret_id[static UUID_TEXT_SIZE])
{
    cleanup_json struct json_object *parsed = NULL;
    struct store_receive command = {.submission = submission,
                                    .body = body,
                                    .body_size = strlen(body),
                                    .client = "192.0.2.1",
                                    .headers = "{\"Content-Type\":\"application/json\"}",
                                    .received_at = time_now()};

    if (json_parse_strict(body, strlen(body), true, &parsed) == 0)
        cr_assert_eq(reading_parse(parsed, &command.reading), 0);
    else
        command.rejected = REASON_NOT_UTF8;
    cr_assert_eq(server_apply(server, &command, STORE_RECEIVE), STORE_OK);
    snprintf(ret_id, UUID_TEXT_SIZE, "%s", command.id);
    reading_done(&command.reading);
    return command.state;
}

void attempt(struct server *server, enum attempt_outcome outcome, const char *output, size_t size)
{
    struct hook_capacity capacity = {.hook = "crm", .free = 1};
    static struct store_claim_deliveries claim;

    struct store_finish_attempt end = {.outcome = outcome,
                                       .started_at = time_now(),
                                       .duration_ms = 5,
                                       .end = {.exit_code = outcome == ATTEMPT_SUCCEEDED ? 0 : 65},
                                       .output = output,
                                       .output_size = size,
                                       .next_at = time_now() + 60000,
                                       .now = time_now()};

    claim = (struct store_claim_deliveries){.hooks = &capacity, .n_hooks = 1, .now = time_now()};
    cr_assert_eq(server_apply(server, &claim, STORE_CLAIM_DELIVERIES), STORE_OK);
    cr_assert_eq(claim.n, 1);
    end.delivery = claim.jobs[0].key;
    cr_assert_eq(server_apply(server, &end, STORE_FINISH_ATTEMPT), STORE_OK);
}
