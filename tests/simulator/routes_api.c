#include "simulator/routes.h"

#include "simulator/contact.h"
#include "simulator/dice.h"
#include "simulator/fault.h"
#include "simulator/result.h"
#include "simulator/sim.h"
#include "simulator/submit.h"

#include "common/timestamp.h"

#include <errno.h>
#include <string.h>

static bool is_authorized(const struct sim *sim, const char *key)
{
    return key && *key && (!sim->api_key || strcmp(key, sim->api_key) == 0);
}

static bool is_over_limit(const struct sim *sim, const struct call *call)
{
    const struct behaviours *b = &sim->behaviours;

    return (b->rate_limit > 0 && call->rate > b->rate_limit) ||
           (b->concurrency_limit > 0 && sim->record.concurrent > b->concurrency_limit);
}

static int refuse_over_limit(struct sim *sim, struct call *call)
{
    const char *rule = sim->behaviours.faults[call->route->group].retry_after;

    fault_retry_after(*rule ? rule : "1", call->answer.retry_after);
    return answer_refusal_text(&call->answer, MHD_HTTP_TOO_MANY_REQUESTS,
                               (enum error_form)sim->behaviours.error_form, "Too many requests",
                               NULL);
}

int api_call(struct sim *sim, struct call *call)
{
    const struct behaviours *b = &sim->behaviours;
    const char *key = call_header(call, "X-API-KEY");
    enum group group = call->route->group;
    const struct range *delay = &b->faults[group].answer_delay;
    enum fault fault;
    int r = 0;

    call->not_before = time_boot_ms() + dice_between(sim->seed, "answer_delay", call->number,
                                                     delay->min_ms, delay->max_ms);
    if (is_over_limit(sim, call))
        return refuse_over_limit(sim, call);
    fault = fault_choose(sim, group);
    if (!fault_replaces(fault) || (b->accept_anyway && group == GROUP_SUBMIT)) {
        if (is_authorized(sim, key))
            r = call->route->handler(sim, call);
        else
            r = answer_refusal_text(&call->answer, MHD_HTTP_UNAUTHORIZED,
                                    (enum error_form)b->error_form, "Unauthorized",
                                    b->echo_key_in_error ? key : NULL);
    }
    return r < 0 ? r : fault_apply(sim, call, group, fault, key);
}

static int refuse(struct sim *sim, struct call *call, const char *text)
{
    const struct behaviours *b = &sim->behaviours;

    return answer_refusal_text(&call->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
                               (enum error_form)b->error_form, text,
                               b->echo_key_in_error ? call_header(call, "X-API-KEY") : NULL);
}

/* Whether a well-formed contact is one that Pronto does not want. */
static bool has_refused_name(const struct behaviours *b, const struct job *job)
{
    for (unsigned i = 0; *b->refuse_name && i < job->n_contacts; i++)
        if (strcmp(json_get_string(job->contacts[i].fields, "firstname"), b->refuse_name) == 0)
            return true;
    return false;
}

/* Why a valid submission is refused all the same; NULL: it is not. */
static const char *refusal(const struct sim *sim, const struct job *job)
{
    const struct behaviours *b = &sim->behaviours;

    if (job->type == TYPE_PERSONAL_EMAIL && !b->consent)
        return "You can't use the personal email enrichment feature without consenting with our "
               "terms "
               "of use";
    if (has_refused_name(b, job))
        return "The contact cannot be enriched";
    if (b->plan_limit)
        return "You have reached the import limits of your plan (plan limit)";
    if (b->out_of_credits || sim_price(b, job->type) * job->n_contacts > b->credits - sim->spent)
        return "You don't have enough enrichment credits (insufficient credits)";
    return NULL;
}

typedef int (*contact_reader)(struct json_object *body, struct job **ret_job,
                              struct json_object **ret_errors);

static int submit(struct sim *sim, struct call *call, contact_reader reader)
{
    cleanup_json struct json_object *body = NULL, *errors = NULL;
    __attribute__((cleanup(job_free_p))) struct job *job = NULL;
    const struct behaviours *b = &sim->behaviours;
    const char *text;
    int r = json_parse_strict(call->body ? call->body : "", call->size, true, &body);

    if (r < 0)
        return r;
    if (r > 0)
        return answer_refusal_text(&call->answer, MHD_HTTP_BAD_REQUEST,
                                   (enum error_form)b->error_form, "The body must be a JSON object",
                                   NULL);
    r = reader(body, &job, &errors);
    if (r < 0)
        return r;
    if (errors)
        return answer_refusal(&call->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
                              (enum error_form)b->error_form, errors,
                              b->echo_key_in_error ? call_header(call, "X-API-KEY") : NULL);
    text = refusal(sim, job);
    return text ? refuse(sim, call, text) : submit_accept(sim, call, TAKE_PTR(job));
}

int api_single(struct sim *sim, struct call *call)
{
    return submit(sim, call, contact_read_single);
}

int api_bulk(struct sim *sim, struct call *call)
{
    return submit(sim, call, contact_read_bulk);
}

int api_contact(struct sim *sim, struct call *call)
{
    const struct behaviours *b = &sim->behaviours;
    struct job *job = jobs_find(&sim->jobs, call->id);
    cleanup_json struct json_object *object = NULL;
    struct json_object *custom;
    struct result_form form = {.seed = sim->seed, .spelling = b->spelling};
    char other_id[UUID_TEXT_SIZE];
    int r;

    sim->record.counts[COUNT_POLLS]++;
    if (!job || job->bulk) /* the result of a batch comes by its callbacks only */
        return answer_error(&call->answer, MHD_HTTP_NOT_FOUND, "Not found");
    form.id = job->id;
    if (b->wrong_id) {
        struct uuid id;
        dice_uuid(sim->seed, "wrong_id", call->number, &id);
        uuid_format(&id, other_id);
        form.id = other_id;
    }
    form.status = b->poll_pending || !job->contacts[0].finished ? "pending"
                  : b->spelling & SPELL_SUCCESS                 ? "success"
                                                                : b->final_status;
    form.with_data = job->contacts[0].found;
    r = result_to_json(&job->contacts[0], &form, &object);
    custom = json_get(job->contacts[0].fields, "custom");
    if (r == 0 && custom)
        r = json_add(object, "custom", json_object_get(custom));
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

int api_credits(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r =
        object ? json_add_int64(object, "credits", sim->behaviours.credits - sim->spent) : -ENOMEM;

    if (r == 0)
        r = json_add_int64(object, "credits_spent", sim->spent);
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}

int api_account(struct sim *sim, struct call *call)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? json_add_string(object, "name", "Pronto simulator") : -ENOMEM;

    if (r == 0)
        r = json_add_string(object, "email", "account@example.com");
    if (r == 0)
        r = json_add_bool(object, "personal_email_consent", sim->behaviours.consent);
    return r < 0 ? r : answer_json(&call->answer, MHD_HTTP_OK, object);
}
