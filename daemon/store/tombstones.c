/* Digests of erased persons, keyed with a secret of this database: they tell nothing without it,
 * and a late callback does not bring a person back. */
#include "store/writer.h"

#include <string.h>

static int add(struct writer *writer, const struct digest *digest, int64_t now)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_INSERT_TOMBSTONE);
    int r;

    query_bind_digest(&query, digest);
    query_bind_int(&query, now);
    r = query_run(&query);
    if (r == 0)
        count_tombstones(writer, sqlite3_changes(writer->database.connection));
    return r;
}

static int has(struct writer *writer, const struct digest *digest)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_TOMBSTONE);
    int64_t at;

    query_bind_digest(&query, digest);
    return query_get_int(&query, &at);
}

static void digest_of_id(const struct writer *writer, const char *enrichment_id, struct digest *ret)
{
    struct digest_part parts[] = {{"id", 2}, {enrichment_id, strlen(enrichment_id)}};

    digest_compute(writer->secret, parts, 2, ret);
}

int tombstone_add_id(struct writer *writer, const char *enrichment_id, int64_t now)
{
    struct digest digest;

    digest_of_id(writer, enrichment_id, &digest);
    return add(writer, &digest, now);
}

int tombstone_has_id(struct writer *writer, const char *enrichment_id)
{
    struct digest digest;

    digest_of_id(writer, enrichment_id, &digest);
    return has(writer, &digest);
}

/* What of a contact a digest is made of; the number is part of it. */
enum of_contact {
    OF_CUSTOM = 1,
    OF_NAMES = 2,
    OF_BOTH = OF_CUSTOM | OF_NAMES,
};

static bool has_names(const struct erased_contact *contact)
{
    return contact->first_name != NULL && contact->last_name != NULL;
}

/* False when it has none of that. Absent custom is a custom like any other where names are there,
 * too. */
static bool digest_of_contact(const struct writer *writer, const struct erased_contact *contact,
                              enum of_contact of, struct digest *ret)
{
    uint8_t kind = (uint8_t)of;
    struct digest_part parts[5] = {
        {&kind, sizeof(kind)},
        {&contact->submission, sizeof(contact->submission)},
    };

    if ((of & OF_NAMES) && !has_names(contact))
        return false;
    if (of == OF_CUSTOM && contact->custom == NULL)
        return false;
    if ((of & OF_CUSTOM) && contact->custom)
        parts[2] = (struct digest_part){contact->custom->bytes, DIGEST_BYTES};
    if (of & OF_NAMES) {
        parts[3] = (struct digest_part){contact->first_name, strlen(contact->first_name)};
        parts[4] = (struct digest_part){contact->last_name, strlen(contact->last_name)};
    }
    digest_compute(writer->secret, parts, 5, ret);
    return true;
}

int tombstone_add_contact(struct writer *writer, const struct erased_contact *contact, int64_t now)
{
    static const enum of_contact all[] = {OF_BOTH, OF_CUSTOM, OF_NAMES};
    struct digest digest;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!digest_of_contact(writer, contact, all[i], &digest))
            continue;
        int r = add(writer, &digest, now);
        if (r < 0)
            return r;
    }
    return 0;
}

int tombstone_has_contact(struct writer *writer, const struct erased_contact *contact, bool loosely)
{
    struct digest digest;
    int r = 0;

    if (!loosely)
        return digest_of_contact(writer, contact, OF_BOTH, &digest) ? has(writer, &digest) : 0;
    if (digest_of_contact(writer, contact, OF_CUSTOM, &digest))
        r = has(writer, &digest);
    if (r == 0 && digest_of_contact(writer, contact, OF_NAMES, &digest))
        r = has(writer, &digest);
    return r;
}

int tombstones_trim(struct writer *writer, int64_t before, int64_t max, int64_t *ret_n)
{
    int64_t beyond = counted_tombstones(writer) - TOMBSTONES_MAX;
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_OLD_TOMBSTONES);
    int r;

    if (beyond > 0) { /* whatever their age */
        before = INT64_MAX;
        max = beyond < max ? beyond : max;
    }
    query_bind_int(&query, before);
    query_bind_int(&query, max);
    r = query_run(&query);
    *ret_n = r == 0 ? sqlite3_changes(writer->database.connection) : 0;
    count_tombstones(writer, -*ret_n);
    return r;
}
