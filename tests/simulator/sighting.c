#include "simulator/sighting.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

/* Contacts remembered. */
#define LIMIT_SIGHTINGS 200000

static void free_entry(struct lh_entry *entry)
{
    free(lh_entry_k(entry));
    sighting_unref(lh_entry_v(entry));
}

int sightings_init(struct sightings *ret)
{
    ret->table = lh_kchar_table_new(1024, free_entry);
    return ret->table ? 0 : -ENOMEM;
}

void sightings_release(struct sightings *sightings)
{
    if (sightings->table)
        lh_table_free(sightings->table);
    sightings->table = NULL;
}

struct sighting *sightings_find(struct sightings *sightings, const char *key)
{
    void *found = NULL;

    lh_table_lookup_ex(sightings->table, key, &found);
    return found;
}

static int make_room(struct sightings *sightings)
{
    struct sightings empty;

    if (lh_table_length(sightings->table) < LIMIT_SIGHTINGS)
        return 0;
    if (sightings_init(&empty) < 0)
        return -ENOMEM;
    sightings_release(sightings);
    *sightings = empty;
    return 0;
}

int sightings_add(struct sightings *sightings, const char *key, const char *id,
                  struct sighting **ret)
{
    cleanup_free struct sighting *sighting = calloc(1, sizeof(*sighting));
    cleanup_free char *kept = strdup(key);

    if (!sighting || !kept || make_room(sightings) < 0 ||
        lh_table_insert(sightings->table, kept, sighting) < 0)
        return -ENOMEM;
    kept = NULL; /* the table's */
    sighting->n_refs = 1;
    snprintf(sighting->first_id, sizeof(sighting->first_id), "%s", id);
    *ret = TAKE_PTR(sighting);
    return 0;
}

struct sighting *sighting_ref(struct sighting *sighting)
{
    if (sighting)
        sighting->n_refs++;
    return sighting;
}

void sighting_unref(struct sighting *sighting)
{
    if (sighting && --sighting->n_refs == 0)
        free(sighting);
}
