#include "simulator/fault.h"

#include "simulator/call.h"
#include "simulator/dice.h"
#include "simulator/sim.h"

#include "common/parse.h"
#include "common/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Whether something that happens to a @share, at most @count times (0: for ever), happens now. */
static bool happens(struct sim *sim, const char *purpose, double share, int64_t count,
                    int64_t *happened)
{
    if (count > 0 && *happened >= count)
        return false;
    if (!dice_share(sim->seed, purpose, sim->next_draw++, share))
        return false;
    ++*happened;
    return true;
}

static enum fault other_fault(const struct fault_rules *rules)
{
    if (rules->hang != HANG_NOT)
        return FAULT_HANG;
    if (rules->close)
        return FAULT_CLOSE;
    if (*rules->redirect)
        return FAULT_REDIRECT;
    if (rules->huge != HUGE_NOT)
        return FAULT_HUGE;
    if (rules->garbage)
        return FAULT_GARBAGE;
    return rules->drip_ms > 0 ? FAULT_DRIP : FAULT_NONE;
}

enum fault fault_choose(struct sim *sim, enum group group)
{
    const struct fault_rules *rules = &sim->behaviours.faults[group];
    struct fault_state *state = &sim->faults[group];
    enum fault other = other_fault(rules);

    if (rules->status > 0 &&
        happens(sim, "status", rules->status_share, rules->status_count, &state->statuses))
        return FAULT_STATUS;
    if (other != FAULT_NONE && happens(sim, "fault", rules->share, rules->count, &state->others))
        return other;
    return FAULT_NONE;
}

bool fault_replaces(enum fault fault)
{
    return fault != FAULT_NONE && fault != FAULT_DRIP;
}

void fault_retry_after(const char *rule, char ret[static RETRY_AFTER_SIZE])
{
    int64_t seconds = 1;
    struct tm tm;
    time_t at;

    if (strcmp(rule, "date") != 0 &&
        (strncmp(rule, "date:", 5) != 0 || parse_integer(rule + 5, 0, INT32_MAX, &seconds) < 0)) {
        snprintf(ret, RETRY_AFTER_SIZE, "%s", rule);
        return;
    }
    /* Rounded up: a date has whole seconds, and the wait asked for must not become shorter. */
    at = (time_t)((time_now() + 999) / 1000 + seconds);
    gmtime_r(&at, &tm);
    strftime(ret, RETRY_AFTER_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static const char *status_text(int64_t status)
{
    switch (status) {
    case 401:
    case 403:
        return "Unauthorized";
    case 404:
        return "Not found";
    case 422:
        return "The contact cannot be processed";
    case 429:
        return "Too many requests";
    case 502:
        return "Bad gateway";
    case 503:
        return "Service unavailable";
    default:
        return status >= 500 ? "Internal server error" : "Error";
    }
}

static int apply_status(const struct behaviours *b, const struct fault_rules *rules,
                        struct call *call, const char *key)
{
    fault_retry_after(rules->retry_after, call->answer.retry_after);
    if (rules->status < 300)
        return answer_text(&call->answer, (unsigned)rules->status, "application/json", "{}");
    return answer_refusal_text(&call->answer, (unsigned)rules->status,
                               (enum error_form)b->error_form, status_text(rules->status),
                               b->echo_key_in_error ? key : NULL);
}

int fault_apply(struct sim *sim, struct call *call, enum group group, enum fault fault,
                const char *key)
{
    const struct fault_rules *rules = &sim->behaviours.faults[group];
    struct answer *answer = &call->answer;

    switch (fault) {
    case FAULT_NONE:
        return 0;
    case FAULT_STATUS:
        return apply_status(&sim->behaviours, rules, call, key);
    case FAULT_GARBAGE:
        return answer_text(answer, 200, "application/json",
                           "{\"enrichment_id\": \x01\xff not JSON");
    case FAULT_REDIRECT:
        snprintf(answer->location, sizeof(answer->location), "%s", rules->redirect);
        return answer_text(answer, 302, "text/html", "<html><body>Moved</body></html>\n");
    case FAULT_HANG:
        answer->manner = rules->hang == HANG_AFTER_HEADERS ? ANSWER_HANG_BODY : ANSWER_HANG;
        break;
    case FAULT_DRIP:
        answer->manner = ANSWER_DRIP;
        answer->drip_ms = rules->drip_ms;
        return 0;
    case FAULT_CLOSE:
        answer->manner = ANSWER_CLOSE;
        break;
    case FAULT_HUGE:
        answer->manner = rules->huge == HUGE_CHUNKED ? ANSWER_HUGE_CHUNKED : ANSWER_HUGE;
        break;
    }
    return answer->status > 0 ? 0 : answer_text(answer, 200, "application/json", "{}");
}
