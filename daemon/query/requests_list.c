/* GET /v1/requests. */
#include "query/json_records.h"
#include "query/requests.h"

#include <errno.h>
#include <string.h>

#define CUSTOM_FILTERS_MAX 16

struct filters {
    struct request_filter filter;
    const char *keys[CUSTOM_FILTERS_MAX], *values[CUSTOM_FILTERS_MAX];
    struct digest idempotency_key;
};

/* What is wrong with it, or NULL. */
static const char *read_words(const struct params *params, struct request_filter *filter)
{
    const char *state = params_get(params, "state");
    const char *type = params_get(params, "enrichment_type");

    filter->has_state = state != NULL;
    filter->has_type = type != NULL;
    if (state) {
        filter->state = request_state_from_name(state);
        if (filter->state == REQUEST_STATE_INVALID)
            return "state is one of queued, pending, finished, failed, expired";
    }
    if (type) {
        filter->type = enrichment_type_from_name(type);
        if (filter->type == ENRICHMENT_INVALID)
            return "enrichment_type is one of email, phone, personal_email";
    }
    filter->enrichment_id = params_get(params, "enrichment_id");
    return NULL;
}

static const char *read_custom(const struct params *params, struct filters *filters)
{
    static const char prefix[] = "custom.";
    struct request_filter *filter = &filters->filter;

    for (size_t i = 0; i < params->n; i++) {
        const struct param *param = &params->items[i];

        if (strncmp(param->name, prefix, sizeof(prefix) - 1) != 0)
            continue;
        if (filter->n_custom == CUSTOM_FILTERS_MAX)
            return "too many filters of custom";
        filters->keys[filter->n_custom] = param->name + sizeof(prefix) - 1;
        filters->values[filter->n_custom++] = param->value;
    }
    filter->custom_keys = filters->keys;
    filter->custom_values = filters->values;
    return NULL;
}

static const char *read_idempotency_key(const struct params *params, struct filters *filters)
{
    const char *key = params_get(params, "idempotency_key");
    size_t size = key ? strlen(key) : 0;

    if (!key)
        return NULL;
    if (size < 1 || size > IDEMPOTENCY_KEY_MAX)
        return "an idempotency_key has 1 to 255 bytes";
    digest_compute(NULL, &(struct digest_part){key, size}, 1, &filters->idempotency_key);
    filters->filter.idempotency_key = &filters->idempotency_key;
    return NULL;
}

static struct json_object *make_item(const void *item, void *userdata)
{
    (void)userdata;
    return json_request(item);
}

int requests_list(struct call *call)
{
    struct filters filters = {.filter = {.n_custom = 0}};
    struct request_record *records;
    cleanup_free char *next = NULL;
    struct json_object *items;
    const char *wrong;
    struct page page;
    size_t n;
    int r = page_read(call, &page);

    if (r != 0)
        return r < 0 ? r : 0;
    wrong = read_words(&call->params, &filters.filter);
    if (!wrong)
        wrong = times_read(params_get(&call->params, "since"), params_get(&call->params, "until"),
                           &filters.filter.since, &filters.filter.until);
    if (!wrong)
        wrong = read_custom(&call->params, &filters);
    if (!wrong)
        wrong = read_idempotency_key(&call->params, &filters);
    if (wrong)
        return answer_problem(call, 400, "%s", wrong);
    r = reader_requests(call->query->backend.reader, &filters.filter, page.after, page.limit,
                        &records, &n, &next);
    if (r != READER_OK)
        return page_refused(call, r);
    items = build_array(records, n, sizeof(*records), make_item, NULL);
    request_records_free(records, n);
    return page_answer(call, items, next);
}
