/* The same contact seen again: a table from what identifies a contact (type, fields and custom) to
 * what is known of its earlier submissions. */
#pragma once

#include "common/uuid.h"

#include <json-c/linkhash.h>

/* Shared by the table, the contacts and the callbacks that wait. */
struct sighting {
    unsigned n_refs;
    unsigned n_waiting;            /* final callbacks that wait or are being sent */
    char first_id[UUID_TEXT_SIZE]; /* the enrichment_id that it had first */
};

struct sightings {
    struct lh_table *table;
};

/* Returns 0 or -ENOMEM. */
int sightings_init(struct sightings *ret);
void sightings_release(struct sightings *sightings);

/* What is known of the contact with the text @key; NULL: it is new. Borrowed. */
struct sighting *sightings_find(struct sightings *sightings, const char *key);

/* Notes a contact that is new, with the enrichment_id that it has. When the table is full, all the
 * others are forgotten. *ret is borrowed. Returns 0 or -ENOMEM. */
int sightings_add(struct sightings *sightings, const char *key, const char *id,
                  struct sighting **ret);

/* One more owner; returns its argument. NULL is allowed in both. */
struct sighting *sighting_ref(struct sighting *sighting);
void sighting_unref(struct sighting *sighting);
