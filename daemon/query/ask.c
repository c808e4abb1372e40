/* What Pronto is asked for someone: POST /v1/requests/{id}/poll, GET /v1/credits. */
#include "query/requests.h"

#include "common/problem.h"
#include "common/timestamp.h"
#include "query/json_build.h"

#include <errno.h>
#include <stdio.h>

#define DAY_MS    INT64_C(86400000)
#define DATE_SIZE 11 /* "2026-01-31" and its NUL */

/* prontod's own figures. */

static void format_day(int64_t day, char ret[static DATE_SIZE])
{
    char time[TIME_RFC3339_SIZE];

    time_format_rfc3339(day * DAY_MS, time);
    snprintf(ret, DATE_SIZE, "%.10s", time);
}

static struct json_object *make_prices(const struct credit_prices *prices)
{
    struct builder b = build_begin();

    for (int type = 0; type < ENRICHMENT_MAX_; type++)
        build_int(&b, enrichment_type_name((enum enrichment_type)type), prices->of[type]);
    return build_end(&b);
}

void credits_build(const struct query *query, const struct store_counts *counts,
                   struct builder *builder)
{
    int64_t today = time_now() / DAY_MS, limit = query->config->pronto.daily_credits;
    bool counted = counts->credit_day == today; /* else nothing was, since midnight */
    char day[DATE_SIZE];

    format_day(today, day);
    build_string(builder, "day", day);
    build_int(builder, "reserved", counted ? counts->credits_reserved : 0);
    build_int(builder, "spent", counted ? counts->credits_spent : 0);
    if (limit > 0)
        build_int(builder, "daily_credits", limit);
    else
        build_string(builder, "daily_credits", NULL);
    build_value(builder, "prices", make_prices(&query->config->pronto.prices));
}

static void build_today(struct call *call, struct builder *builder)
{
    struct store_counts counts;

    store_counts(call->query->backend.store, &counts);
    credits_build(call->query, &counts, builder);
}

/* Asking. What comes back is only lent: the answer is made of it at once, and sent when the call is
 * resumed. */

/* The step of a call that has no answer: it was ended, or the answer could not be made. */
static int unanswered(struct call *call)
{
    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping");
    return -ENOMEM;
}

static int begin(struct call *call)
{
    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping");
    call->step = unanswered;
    call->asking = true;
    return CALL_WAITS;
}

/* What an operator can do without having to read: wait, or mend the key or the account. @today may be
 * NULL; consumed. */
static void answer_refused(struct call *call, const struct asked *asked, struct json_object *today)
{
    struct builder b = {problem_object(asked->status, asked->detail)};
    struct json_object *problem;

    if (asked->kind)
        build_string(&b, "kind", asked->kind);
    if (today)
        build_value(&b, "today", today);
    problem = build_end(&b);
    if (problem)
        answer_problem_object(call, asked->status, problem);
}

/* @r: of the backend. */
static int begun(struct call *call, int r)
{
    if (r == 0)
        return CALL_WAITS;
    call->asking = false;
    return r;
}

/* GET /v1/credits */

static void answer_credits(struct call *call, const struct asked *asked)
{
    struct builder b = build_begin();
    struct json_object *object;

    if (asked->status == 200)
        build_shared(&b, "pronto", asked->answer);
    build_today(call, &b);
    object = build_end(&b);
    if (!object)
        return;
    if (asked->status == 200)
        answer_json(call, 200, object);
    else
        answer_refused(call, asked, object);
}

static void on_credits(const struct asked *asked, void *userdata)
{
    struct call *call = userdata;

    call->asking = false;
    answer_credits(call, asked);
    call_resume(call);
}

int credits_show(struct call *call)
{
    const struct query_backend *backend = &call->query->backend;
    int r = begin(call);

    return r == CALL_WAITS ? begun(call, backend->credits(on_credits, call, backend->userdata)) : r;
}

/* POST /v1/requests/{id}/poll */

static int polled(struct call *call)
{
    return request_answer(call, 200, call->key);
}

static void on_polled(const struct asked *asked, void *userdata)
{
    struct call *call = userdata;

    call->asking = false;
    if (asked->status == 200)
        call->step = polled;
    else
        answer_refused(call, asked, NULL);
    call_resume(call);
}

int requests_poll(struct call *call)
{
    const struct query_backend *backend = &call->query->backend;
    int r = request_find(call, call->id, 404, &call->key);

    if (r != 0)
        return r < 0 ? r : 0;
    r = begin(call);
    if (r != CALL_WAITS)
        return r;
    return begun(call, backend->poll(call->key, on_polled, call, backend->userdata));
}
