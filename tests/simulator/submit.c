#include "simulator/submit.h"

#include "simulator/dice.h"
#include "simulator/result.h"
#include "simulator/schedule.h"
#include "simulator/sender.h"
#include "simulator/sim.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static unsigned contact_index(const struct job_contact *contact)
{
    return (unsigned)(contact - contact->job->contacts);
}

int submit_callback(struct sim *sim, const struct job_contact *contact, const char *url,
                    enum callback_kind kind, struct callback **ret)
{
    const struct behaviours *b = &sim->behaviours;
    __attribute__((cleanup(callback_free_p))) struct callback *callback = callback_new();
    int r;

    if (!callback)
        return -ENOMEM;
    callback->url = strdup(url);
    if (!callback->url)
        return -ENOMEM;
    r = callback_body(b, sim->seed, contact, kind, &callback->body, &callback->size);
    if (r < 0)
        return r;
    memcpy(callback->content_type, b->content_type, sizeof(callback->content_type));
    memcpy(callback->enrichment_id, contact->job->id, sizeof(callback->enrichment_id));
    callback->chunked = b->chunked;
    callback->timeout_ms = b->callback_timeout_ms;
    callback->contact = contact_index(contact);
    callback->number = contact->number;
    callback->kind = kind;
    callback->retries_left = b->retry;
    callback->retry_delay = b->retry_delay;
    *ret = TAKE_PTR(callback);
    return 0;
}

/* Appends the copies that follow a final callback. */
static int add_copies(struct sim *sim, const struct job_contact *contact, struct callback *final)
{
    const struct behaviours *b = &sim->behaviours;

    if (!dice_share(sim->seed, "repeat", contact->number, b->repeat_share))
        return 0;
    for (int64_t i = 0; i < b->repeat; i++) {
        struct callback *copy;
        int r = submit_callback(sim, contact, final->url, CALLBACK_COPY, &copy);

        if (r < 0)
            return r;
        copy->copy = final->copy + 1;
        final->next = copy;
        final->next_delay_ms = dice_between(sim->seed, "repeat_delay", contact->number + copy->copy,
                                            b->repeat_delay.min_ms, b->repeat_delay.max_ms);
        final = copy;
    }
    return 0;
}

/* Everything that will be sent for one contact, one after the other. */
static int make_chain(struct sim *sim, struct call *call, struct job_contact *contact,
                      struct callback **ret)
{
    const struct behaviours *b = &sim->behaviours;
    const char *url = contact->job->webhook_url;
    __attribute__((cleanup(callback_free_p))) struct callback *first = NULL;
    struct callback *final;
    bool early;
    int r;

    if (!url || dice_share(sim->seed, "lose", contact->number, b->lose)) {
        *ret = callback_new();
        if (!*ret)
            return -ENOMEM;
        (*ret)->lost = url != NULL;
        (*ret)->finishes = contact;
        return 0;
    }
    r = submit_callback(sim, contact, url, CALLBACK_FINAL, &final);
    if (r < 0)
        return r;
    first = final;
    early = dice_share(sim->seed, "early", contact->number, b->early);
    final->finishes = contact;
    callback_await(final, contact->sighting);
    final->held_call = early ? call->number : 0;
    r = add_copies(sim, contact, final);
    if (r == 0 && dice_share(sim->seed, "interim", contact->number, b->interim)) {
        struct callback *interim;

        r = submit_callback(sim, contact, url, CALLBACK_INTERIM, &interim);
        if (r == 0) {
            interim->next = first;
            first = interim;
        }
    }
    if (r < 0)
        return r;
    call->awaited_callbacks += early;
    first->flushed = early;
    *ret = TAKE_PTR(first);
    return 0;
}

static int schedule(struct sim *sim, struct call *call, struct job_contact *contact)
{
    const struct behaviours *b = &sim->behaviours;
    struct callback *first;
    int r = make_chain(sim, call, contact, &first);

    if (r < 0)
        return r;
    first->due = time_boot_ms();
    if (!first->flushed)
        first->due +=
            dice_between(sim->seed, "delay", contact->number, b->delay.min_ms, b->delay.max_ms) +
            dice_between(sim->seed, "reorder", contact->number, 0, b->reorder_ms);
    first->flushed = false;
    r = sender_add(sim->sender, first);
    if (r < 0)
        callback_free(first);
    return r;
}

/* Contacts of a submission that were submitted before. */
struct repeats {
    int64_t all;
    int64_t while_waiting; /* while a callback was on its way */
};

static int note_contact(struct sim *sim, struct job_contact *contact, struct json_object *contacts,
                        struct repeats *repeats)
{
    cleanup_json struct json_object *entry = json_object_new_object();
    bool again = false;
    int r = entry ? jobs_note(&sim->jobs, contact, &again) : -ENOMEM;

    if (r == 0)
        r = json_add_string(entry, "repeat_of", again ? contact->sighting->first_id : NULL);
    if (r == 0)
        r = json_add_int64(entry, "repeat_while_waiting", contact->sighting->n_waiting);
    if (r < 0)
        return r;
    repeats->all += again;
    repeats->while_waiting += contact->sighting->n_waiting > 0;
    json_object_object_foreach(contact->fields, key, value)
    {
        if (r == 0)
            r = json_add(entry, key, json_object_get(value));
    }
    return r < 0 ? r : json_append(contacts, TAKE_PTR(entry));
}

static int note(struct sim *sim, const struct call *call, struct job *job)
{
    cleanup_json struct json_object *entry = json_object_new_object();
    struct json_object *contacts = json_object_new_array();
    struct repeats repeats = {0};
    int r = entry && contacts ? 0 : -ENOMEM;

    if (r < 0) {
        json_object_put(contacts);
        return r;
    }
    r = json_add(entry, "contacts", contacts);
    for (unsigned i = 0; r == 0 && i < job->n_contacts; i++)
        r = note_contact(sim, &job->contacts[i], contacts, &repeats);
    r = r ? r : json_add_time(entry, "time", time_now());
    r = r ? r : json_add_string(entry, "enrichment_id", job->id);
    r = r ? r : json_add_string(entry, "endpoint", job->bulk ? "bulk_enrich" : "single_enrich");
    r = r ? r : json_add_string(entry, "path", call->path);
    r = r ? r : json_add_string(entry, "enrichment_type", enrichment_type_word(job->type));
    r = r ? r : json_add_string(entry, "webhook_url", job->webhook_url);
    r = r ? r : json_add(entry, "phone_country_codes", json_object_get(job->country_codes));
    r = r ? r : json_add_int64(entry, "repeats", repeats.all);
    r = r ? r : record_append(&sim->record, RECORD_SUBMISSIONS, TAKE_PTR(entry));
    if (r == 0) {
        sim->record.counts[COUNT_SUBMISSIONS]++;
        sim->record.counts[COUNT_CONTACTS] += job->n_contacts;
        sim->record.counts[COUNT_REPEATS] += repeats.all;
        sim->record.counts[COUNT_REPEAT_WHILE_WAITING] += repeats.while_waiting;
    }
    return r;
}

static int answer_accepted(struct sim *sim, struct call *call, const struct job *job)
{
    const struct behaviours *b = &sim->behaviours;
    cleanup_json struct json_object *object = json_object_new_object();
    struct json_object *fields = job->contacts[0].fields, *custom;
    int r = object ? result_add_id(object, b->spelling, job->id) : -ENOMEM;

    if (r == 0 && job->bulk) {
        r = json_add_string(object, "status", "queued");
        return r < 0 ? r : answer_json(&call->answer, (unsigned)b->success_status, object);
    }
    r = r ? r : json_add_string(object, "first_name", json_get_string(fields, "firstname"));
    r = r ? r : json_add_string(object, "last_name", json_get_string(fields, "lastname"));
    r = r ? r : json_add_string(object, "status", "pending");
    custom = json_get(fields, "custom");
    if (r == 0 && custom)
        r = json_add(object, "custom", json_object_get(custom));
    return r < 0 ? r : answer_json(&call->answer, (unsigned)b->success_status, object);
}

int submit_accept(struct sim *sim, struct call *call, struct job *job)
{
    unsigned i;
    int r = jobs_add(&sim->jobs, sim->seed, job);

    if (r < 0) {
        job_free(job);
        return r;
    }
    for (i = 0; i < job->n_contacts; i++) {
        job->contacts[i].number = sim->next_contact++;
        job->contacts[i].found =
            result_found(sim->seed, &job->contacts[i], sim->behaviours.empty_share);
    }
    r = note(sim, call, job);
    for (i = 0; r == 0 && i < job->n_contacts; i++) {
        r = schedule(sim, call, &job->contacts[i]);
        if (r < 0)
            break;
    }
    for (; r < 0 && i < job->n_contacts; i++) { /* nothing will come for these */
        job->contacts[i].finished = true;
        job->n_finished++;
    }
    return r < 0 ? r : answer_accepted(sim, call, job);
}
