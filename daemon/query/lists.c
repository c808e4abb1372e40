#include "query/query_internal.h"

#include "common/limits.h"
#include "common/parse.h"
#include "common/timestamp.h"
#include "query/json_build.h"

#include <errno.h>

int page_read(struct call *call, struct page *ret)
{
    const char *limit = params_get(&call->params, "limit");
    int64_t n = LIMIT_PAGE_DEFAULT;

    if (limit && parse_integer(limit, 1, LIMIT_PAGE_MAX, &n) < 0) {
        int r = answer_problem(call, 400, "limit is a number from 1 to %d", LIMIT_PAGE_MAX);

        return r < 0 ? r : PAGE_ANSWERED;
    }
    ret->limit = (size_t)n;
    ret->after = params_get(&call->params, "after");
    return 0;
}

const char *times_read(const char *since, const char *until, int64_t *ret_since, int64_t *ret_until)
{
    if (since && time_parse_rfc3339(since, ret_since) < 0)
        return "since is no time (RFC 3339, or a date)";
    if (until && time_parse_rfc3339(until, ret_until) < 0)
        return "until is no time (RFC 3339, or a date)";
    if (*ret_since < 0)
        *ret_since = 0; /* open; nothing is older */
    if (until && *ret_until < 1)
        *ret_until = 1; /* not open */
    return NULL;
}

int page_answer(struct call *call, struct json_object *items, const char *next)
{
    struct builder b = build_begin();
    struct json_object *page;

    build_value(&b, "items", items);
    build_string(&b, "next", next);
    page = build_end(&b);
    return page ? answer_json(call, 200, page) : -ENOMEM;
}

int page_refused(struct call *call, int result)
{
    if (result < 0)
        return result;
    return answer_problem(call, 400, "after is no cursor of this list");
}
