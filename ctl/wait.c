#include "ctl/wait.h"

#include "common/parse.h"
#include "common/timestamp.h"

#include <string.h>

/* One long poll: short while it is not sent yet, so that a refused key is noticed. */
#define POLL_QUEUED_MS  1000
#define POLL_PENDING_MS 30000

int wait_parse(const struct context *context, const char *text, int64_t *ret_ms)
{
    int64_t seconds;

    if (parse_integer(text, 0, 100000000, &seconds) == 0) {
        *ret_ms = seconds * 1000;
        return EXIT_OK;
    }
    if (parse_duration_ms(text, ret_ms) == 0)
        return EXIT_OK;
    return usage_error(context, "'%s' is no time to wait (seconds, or 500ms, 10m)", text);
}

int wait_cannot_submit(struct json_object *status, const char **ret_detail)
{
    struct json_object *submitting = json_get(status, "submitting");
    const char *state = json_get_string(submitting, "state");
    const char *detail = json_get_string(submitting, "detail");

    *ret_detail = detail ? detail : state;
    if (!state)
        return EXIT_OK;
    if (strcmp(state, "key_refused") == 0 || strcmp(state, "no_key") == 0)
        return EXIT_AUTHENTICATION;
    if (strcmp(state, "out_of_credits") == 0 || strcmp(state, "out_of_budget") == 0)
        return EXIT_CREDITS;
    return EXIT_OK;
}

static int submitting_status(struct context *context)
{
    struct answer answer = {0};
    int status = call(context, "GET", "/v1/status", NULL, NULL, &answer);
    const char *detail;

    if (status == EXIT_OK) {
        status = wait_cannot_submit(answer.json, &detail);
        if (status != EXIT_OK)
            fail(status, "the request stays queued: %s", detail);
    }
    answer_done(&answer);
    return status;
}

static int poll_once(struct context *context, const char *id, int64_t wait_ms, struct answer *ret)
{
    struct path path;
    char seconds[32];

    snprintf(seconds, sizeof(seconds), "%lld.%03d", (long long)(wait_ms / 1000),
             (int)(wait_ms % 1000));
    path_begin(&path, "/v1/requests");
    path_part(&path, id);
    path_add(&path, "wait", seconds);
    return call_path(context, "GET", &path, NULL, ret);
}

static int settled_status(struct context *context, struct answer *answer, const char *state)
{
    output_object(stdout, context->format, answer->json, request_columns_of(context));
    if (strcmp(state, "finished") == 0)
        return EXIT_OK;
    if (strcmp(state, "failed") == 0 || strcmp(state, "expired") == 0) {
        const char *error = json_get_string(answer->json, "error");

        return fail(EXIT_ERROR, "the request is %s%s%s", state, error ? ": " : "",
                    error ? error : "");
    }
    return fail(EXIT_ERROR, "the request is still %s", state);
}

int wait_for(struct context *context, const char *id, int64_t timeout_ms, bool submitting)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : time_boot_ms() + timeout_ms;
    int64_t slice = submitting ? 0 : POLL_PENDING_MS;

    for (;;) {
        struct answer answer = {0};
        int64_t left = end - time_boot_ms();
        const char *state;
        int status;

        status = poll_once(context, id, left < 0 ? 0 : left < slice ? left : slice, &answer);
        if (status != EXIT_OK)
            return status;
        state = json_get_string(answer.json, "state");
        if (!state)
            state = "";
        if ((strcmp(state, "queued") != 0 && strcmp(state, "pending") != 0) ||
            time_boot_ms() >= end) {
            status = settled_status(context, &answer, state);
            answer_done(&answer);
            return status;
        }
        slice = strcmp(state, "queued") == 0 ? POLL_QUEUED_MS : POLL_PENDING_MS;
        if (submitting && slice == POLL_QUEUED_MS) {
            status = submitting_status(context);
            if (status != EXIT_OK)
                output_object(stdout, context->format, answer.json, request_columns_of(context));
        }
        answer_done(&answer);
        if (status != EXIT_OK)
            return status;
    }
}
