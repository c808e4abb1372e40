/* Submissions that were accepted, and their contacts. A job is one call to single_enrich or
 * bulk_enrich. */
#pragma once

#include "simulator/sighting.h"

#include "common/json.h"
#include "common/uuid.h"

#include <json-c/linkhash.h>
#include <stdbool.h>
#include <stdint.h>

/* The oldest finished jobs are forgotten beyond this: a GET for one is answered 404. */
#define LIMIT_JOBS 200000

enum enrichment_type {
    TYPE_EMAIL,
    TYPE_PHONE,
    TYPE_PERSONAL_EMAIL,
};

struct job_contact {
    struct job *job;
    struct json_object *fields; /* as submitted; owned */
    struct sighting *sighting;  /* of the same contact; NULL: not noted yet; a reference */
    uint64_t number;            /* numbers decisions about it */
    bool found;                 /* there is data about it */
    bool finished;
};

struct job {
    char id[UUID_TEXT_SIZE]; /* the enrichment_id */
    enum enrichment_type type;
    bool bulk;
    char *webhook_url;                 /* NULL: only polling */
    struct json_object *country_codes; /* NULL: not given; owned */
    unsigned n_contacts;
    unsigned n_finished;
    struct job *next; /* by age */
    struct job_contact contacts[];
};

struct jobs {
    struct lh_table *by_id;
    struct sightings sightings;
    uint64_t next_number; /* numbers enrichment ids; never starts again, so that they stay unique */
    struct job *oldest, *newest;
    unsigned n;
};

/* Returns 0 or -ENOMEM. */
int jobs_init(struct jobs *ret);
void jobs_release(struct jobs *jobs);

/* A job with @n contacts without fields, not yet in the table. Returns 0 or -ENOMEM. */
int job_new(unsigned n, struct job **ret);
void job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free);

/* Gives the job its id and takes it over. Returns 0, or -ENOMEM: then it is still the caller's. */
int jobs_add(struct jobs *jobs, uint64_t seed, struct job *job);

/* By enrichment_id, in any case; NULL when there is none. */
struct job *jobs_find(struct jobs *jobs, const char *id);

/* Looks whether the same contact was submitted before, custom included, and notes it: sets
 * contact->sighting. *ret: it was. Returns 0 or -ENOMEM. */
int jobs_note(struct jobs *jobs, struct job_contact *contact, bool *ret);

/* The word of the API for a type. */
const char *enrichment_type_word(enum enrichment_type type);
/* The reverse; false when unknown. */
bool enrichment_type_parse(const char *word, enum enrichment_type *ret);
