/* New requests of local clients, to be submitted to Pronto. What is known by its idempotency key is
 * found first; only then, when nothing refuses any more, is the rest written. */
#include "store/writer.h"

#include <errno.h>
#include <string.h>

/* The whole is one thing: those of its requests that were not erased. */
static int submit_again(struct writer *writer, struct store_submit *submit,
                        const struct idempotent *known)
{
    if (known->conflict)
        return (int)STORE_E_CONFLICT;
    submit->existing = true;
    return idempotency_requests(writer, known, submit->keys, LIMIT_BATCH, &submit->n_keys);
}

/* What each contact is, by place. */
struct plan {
    size_t news[LIMIT_BATCH]; /* places of those that are to be created */
    size_t n_news;
    size_t same_as[LIMIT_BATCH]; /* the place of the first with the same key; else its own */
};

static void plan_all(const struct store_submit *submit, struct plan *plan)
{
    for (size_t i = 0; i < submit->n_contacts; i++) {
        plan->same_as[i] = i;
        plan->news[plan->n_news++] = i;
    }
}

/* The first of this array with the same key. */
static size_t find_same(const struct store_submit *submit, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (digest_equal(&submit->each[j].key, &submit->each[i].key))
            return j;
    return i;
}

/* 1 when the key is known, with the request or a conflict, 0, or a negative errno. */
static int find_known(struct writer *writer, struct store_submit *submit, size_t i,
                      bool *ret_conflict)
{
    struct idempotent known;
    size_t n;
    int r = idempotency_get(writer, &submit->each[i], &known);

    if (r <= 0)
        return r;
    *ret_conflict = known.conflict;
    if (known.conflict)
        return 1;
    r = idempotency_requests(writer, &known, &submit->keys[i], 1, &n);
    if (r < 0)
        return r;
    return n > 0 ? 1 : -EUCLEAN; /* the key goes with its last request */
}

/* 0, STORE_E_CONFLICT, or a negative errno. */
static int plan_each(struct writer *writer, struct store_submit *submit, struct plan *plan)
{
    for (size_t i = 0; i < submit->n_contacts; i++) {
        size_t first = find_same(submit, i);
        bool conflict = false;
        int r = 1;

        plan->same_as[i] = first;
        if (first == i)
            r = find_known(writer, submit, i, &conflict);
        else
            conflict = !digest_equal(&submit->each[first].body, &submit->each[i].body);
        if (r < 0)
            return r;
        if (conflict)
            return (int)STORE_E_CONFLICT;
        if (r == 0)
            plan->news[plan->n_news++] = i;
    }
    return 0;
}

static int create_requests(struct writer *writer, struct store_submit *submit,
                           const struct plan *plan)
{
    bool lone = plan->n_news == 1;
    struct new_submission new_submission = {
        .state = SUBMISSION_WAITING,
        .type = submit->contacts[0].type,
        .bulk = !lone,
        .next_at = submit->now + (lone ? grouping_delay(writer) : 0),
    };
    struct new_request new_request = {.state = REQUEST_QUEUED, .now = submit->now};
    int r;

    r = submission_create(writer, &new_submission, &new_request.submission);
    for (size_t i = 0; r == 0 && i < plan->n_news; i++) {
        new_request.contact = &submit->contacts[plan->news[i]];
        r = request_create(writer, &new_request, &submit->keys[plan->news[i]]);
    }
    if (r == 0)
        r = submission_reuse(writer, new_request.submission, submit->now);
    writer->changes.submissions = true;
    return r;
}

static int create_keys(struct writer *writer, const struct store_submit *submit,
                       const struct plan *plan)
{
    int r = 0;

    if (submit->has_idempotency)
        return idempotency_create(writer, &submit->idempotency, submit->keys[0], submit->n_contacts,
                                  submit->now);
    for (size_t i = 0; submit->each && r == 0 && i < plan->n_news; i++)
        r = idempotency_create(writer, &submit->each[plan->news[i]], submit->keys[plan->news[i]], 1,
                               submit->now);
    return r;
}

static int submit_planned(struct writer *writer, struct store_submit *submit,
                          const struct plan *plan)
{
    int r = 0;

    if (plan->n_news > 0)
        r = create_requests(writer, submit, plan);
    if (r == 0)
        r = create_keys(writer, submit, plan);
    if (r < 0)
        return r;
    for (size_t i = 0; i < submit->n_contacts; i++)
        submit->keys[i] = submit->keys[plan->same_as[i]];
    submit->n_keys = submit->n_contacts;
    submit->existing = plan->n_news == 0;
    return 0;
}

int apply_submit(struct writer *writer, struct store_command *command)
{
    struct store_submit *submit = (struct store_submit *)command;
    struct plan plan = {.n_news = 0};
    struct idempotent known;
    int r = 0;

    submit->n_keys = 0;
    submit->existing = false;
    if (writer->disk_low)
        return (int)STORE_E_FULL;
    if (submit->has_idempotency)
        r = idempotency_get(writer, &submit->idempotency, &known);
    if (r != 0)
        return r < 0 ? r : submit_again(writer, submit, &known);
    if (submit->each)
        r = plan_each(writer, submit, &plan);
    else
        plan_all(submit, &plan);
    return r != 0 ? r : submit_planned(writer, submit, &plan);
}
