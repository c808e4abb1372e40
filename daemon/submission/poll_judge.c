/*   no key, 401, 403, 429                     NOT_ASKED   the client pauses; it is due again at once
 *   200 with a JSON object, status final      FINISHED
 *   200 with a JSON object, else              PENDING
 *   404, other 4xx                            PENDING     Pronto knows nothing of it, perhaps not yet
 *   everything else                           FAILED      not answered, 5xx, 3xx, garbage
 */
#include "submission/poll_judge.h"

#include <stdio.h>

void poll_verdict_done(struct poll_verdict *verdict)
{
    if (verdict->outcome == POLL_FINISHED)
        reading_done(&verdict->reading);
}

/* An object that says neither whose nor which result it is, is some other service's, or an error. */
static bool is_contact(struct json_object *body, const struct reading *reading)
{
    return reading->enrichment_id || json_get_string(body, "status") ||
           json_get_string(json_get(body, "contact"), "status");
}

static int judge_body(const struct call_answer *answer, struct poll_verdict *ret)
{
    cleanup_json struct json_object *body = NULL;
    struct reading reading;
    int r = json_parse_strict(answer->body ? answer->body : "", answer->body_size, true, &body);

    if (r < 0)
        return r;
    if (r > 0) {
        ret->outcome = POLL_FAILED;
        snprintf(ret->error, sizeof(ret->error),
                 "Pronto was asked, and its answer was no JSON object");
        return 0;
    }
    r = reading_parse(body, &reading);
    if (r < 0)
        return r;
    if (!is_contact(body, &reading)) {
        ret->outcome = POLL_FAILED;
        snprintf(ret->error, sizeof(ret->error), "Pronto was asked, and its answer was no contact");
        reading_done(&reading);
    } else if (reading.status == RESULT_FINAL) {
        ret->outcome = POLL_FINISHED;
        ret->reading = reading;
    } else {
        ret->outcome = POLL_PENDING;
        reading_done(&reading);
    }
    return 0;
}

int poll_judge(const struct call_answer *answer, struct poll_verdict *ret)
{
    *ret = (struct poll_verdict){.outcome = POLL_FAILED};
    if (answer->fate == CALL_NO_KEY) {
        ret->outcome = POLL_NOT_ASKED;
    } else if (answer->fate != CALL_ANSWERED) {
        snprintf(ret->error, sizeof(ret->error), "Pronto was asked, without an answer: %.80s",
                 answer->error ? answer->error : "unknown reason");
    } else if (answer->status == 401 || answer->status == 403 || answer->status == 429) {
        ret->outcome = POLL_NOT_ASKED;
    } else if (answer->status >= 200 && answer->status <= 299) {
        return judge_body(answer, ret);
    } else if (answer->status >= 400 && answer->status <= 499) {
        ret->outcome = POLL_PENDING;
    } else {
        snprintf(ret->error, sizeof(ret->error), "Pronto was asked, and answered with status %d",
                 answer->status);
    }
    return 0;
}
