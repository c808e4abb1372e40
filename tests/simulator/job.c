#include "simulator/job.h"

#include "simulator/dice.h"

#include <errno.h>
#include <string.h>

static const char *const type_words[] = {
    [TYPE_EMAIL] = "email",
    [TYPE_PHONE] = "phone",
    [TYPE_PERSONAL_EMAIL] = "personal_email",
};

const char *enrichment_type_word(enum enrichment_type type)
{
    return type_words[type];
}

bool enrichment_type_parse(const char *word, enum enrichment_type *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(type_words); i++)
        if (strcmp(type_words[i], word) == 0) {
            *ret = (enum enrichment_type)i;
            return true;
        }
    return false;
}

int jobs_init(struct jobs *ret)
{
    *ret = (struct jobs){
        .by_id = lh_kchar_table_new(1024, NULL),
    };
    if (ret->by_id && sightings_init(&ret->sightings) == 0)
        return 0;
    jobs_release(ret);
    return -ENOMEM;
}

void jobs_release(struct jobs *jobs)
{
    if (jobs->by_id)
        lh_table_free(jobs->by_id);
    sightings_release(&jobs->sightings);
    while (jobs->oldest) {
        struct job *job = jobs->oldest;
        jobs->oldest = job->next;
        job_free(job);
    }
    *jobs = (struct jobs){0};
}

int job_new(unsigned n, struct job **ret)
{
    struct job *job = calloc(1, sizeof(*job) + n * sizeof(job->contacts[0]));

    if (!job)
        return -ENOMEM;
    job->n_contacts = n;
    for (unsigned i = 0; i < n; i++)
        job->contacts[i].job = job;
    *ret = job;
    return 0;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    for (unsigned i = 0; i < job->n_contacts; i++) {
        json_object_put(job->contacts[i].fields);
        sighting_unref(job->contacts[i].sighting);
    }
    json_object_put(job->country_codes);
    free(job->webhook_url);
    free(job);
}

/* Only finished ones go: the queue of callbacks points to the others. */
static void forget_oldest(struct jobs *jobs)
{
    while (jobs->n > LIMIT_JOBS && jobs->oldest->n_finished == jobs->oldest->n_contacts) {
        struct job *job = jobs->oldest;
        jobs->oldest = job->next;
        jobs->n--;
        lh_table_delete(jobs->by_id, job->id);
        job_free(job);
    }
}

int jobs_add(struct jobs *jobs, uint64_t seed, struct job *job)
{
    struct uuid id;

    dice_uuid(seed, "enrichment_id", jobs->next_number, &id);
    uuid_format(&id, job->id);
    if (lh_table_insert(jobs->by_id, job->id, job) < 0)
        return -ENOMEM;
    jobs->next_number++;
    if (jobs->newest)
        jobs->newest->next = job;
    else
        jobs->oldest = job;
    jobs->newest = job;
    jobs->n++;
    forget_oldest(jobs);
    return 0;
}

struct job *jobs_find(struct jobs *jobs, const char *id)
{
    char lower[UUID_TEXT_SIZE];
    void *found = NULL;
    struct uuid uuid;

    if (uuid_parse(id, &uuid) < 0)
        return NULL;
    uuid_format(&uuid, lower);
    lh_table_lookup_ex(jobs->by_id, lower, &found);
    return found;
}

int jobs_note(struct jobs *jobs, struct job_contact *contact, bool *ret)
{
    cleanup_free char *canonical = NULL, *key = NULL;
    struct sighting *sighting;
    size_t size;
    int r = json_canonical(contact->fields, &canonical, &size);

    if (r < 0)
        return r;
    if (asprintf(&key, "%s %s", enrichment_type_word(contact->job->type), canonical) < 0)
        return -ENOMEM;
    sighting = sightings_find(&jobs->sightings, key);
    *ret = sighting != NULL;
    if (!sighting)
        r = sightings_add(&jobs->sightings, key, contact->job->id, &sighting);
    if (r == 0)
        contact->sighting = sighting_ref(sighting);
    return r;
}
