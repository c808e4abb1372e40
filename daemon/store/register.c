/* A request that other software submitted. Its enrichment_id may be known already: from an earlier
 * registration, or because prontod submitted it itself. */
#include "store/writer.h"

#include <errno.h>

static int is_same(struct writer *writer, const struct request_row *row,
                   const struct contact *contact)
{
    cleanup_json struct json_object *content = NULL;
    int r;

    if (row->type != contact->type || !digest_equal(&row->custom_digest, &contact->custom_digest))
        return 0;
    r = request_content(writer, row->key, &content);
    return r < 0 ? r : json_equal(content, contact->content, false);
}

/* 1 with *ret when a request of @rows is the one, 0, or a negative errno. */
static int find_same(struct writer *writer, const struct request_rows *rows,
                     const struct contact *contact, store_key *ret)
{
    for (size_t i = 0; i < rows->n; i++) {
        int r = is_same(writer, &rows->items[i], contact);

        if (r < 0)
            return r;
        if (r > 0) {
            *ret = rows->items[i].key;
            return 1;
        }
    }
    return 0;
}

static int register_new(struct writer *writer, struct store_register *command)
{
    struct new_submission new_submission = {
        .state = SUBMISSION_REGISTERED,
        .type = command->contact->type,
    };
    struct new_request new_request = {
        .contact = command->contact,
        .state = REQUEST_PENDING,
        .enrichment_id = command->enrichment_id,
        .now = command->now,
    };
    int r = submission_create(writer, &new_submission, &new_request.submission);

    if (r == 0)
        r = request_create(writer, &new_request, &command->key);
    if (r == 0)
        r = callbacks_match_waiting(writer, command->enrichment_id, command->now);
    return r;
}

int apply_register(struct writer *writer, struct store_command *base)
{
    struct store_register *command = (struct store_register *)base;
    struct request_rows rows;
    bool any;
    int r;

    command->existing = false;
    if (writer->disk_low)
        return (int)STORE_E_FULL;
    r = requests_of_enrichment_id(writer, command->enrichment_id, &rows);
    if (r < 0)
        return r;
    any = rows.n > 0;
    r = find_same(writer, &rows, command->contact, &command->key);
    request_rows_done(&rows);
    if (r < 0)
        return r;
    if (r > 0) {
        command->existing = true;
        return 0;
    }
    return any ? (int)STORE_E_CONFLICT : register_new(writer, command);
}
