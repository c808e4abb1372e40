/* POST /v1/requests, POST /v1/requests/register, DELETE /v1/requests/{id}. */
#include "query/json_records.h"
#include "query/requests.h"

#include "common/limits.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KEY_MEMBER    "idempotency_key" /* of an item, what the header is for the whole */
#define CLOCK_JUMP_MS 1000              /* it was set back */
#define DETAIL_MAX    8192              /* of what is wrong with the contacts of an array */

/* Whoever gave keys in the body learns of each request whether it was there before. @submit: NULL
 * when there were none. What this command made has its time. */
static int add_existing(const struct store_submit *submit, const struct request_record *record,
                        struct json_object *object)
{
    if (!submit)
        return 0;
    return json_add_bool(object, "existing", submit->existing || record->created_at != submit->now);
}

static int make_request(struct call *call, store_key key, const struct store_submit *keyed,
                        struct json_object **ret)
{
    struct request_record record;
    int r = reader_request(call->query->backend.reader, key, &record);

    if (r == READER_E_NOT_FOUND) {
        r = answer_problem(call, 404, "the request was erased meanwhile");
        return r < 0 ? r : REQUEST_ANSWERED;
    }
    if (r != READER_OK)
        return r < 0 ? r : -EBADMSG;
    *ret = json_request(&record);
    r = *ret ? add_existing(keyed, &record, *ret) : -ENOMEM;
    request_record_done(&record);
    if (r < 0) {
        json_object_put(*ret);
        *ret = NULL;
    }
    return r;
}

static int answer_request(struct call *call, int status, store_key key,
                          const struct store_submit *keyed)
{
    struct json_object *object;
    int r = make_request(call, key, keyed, &object);

    if (r != 0)
        return r < 0 ? r : 0;
    return answer_json(call, status, object);
}

int request_answer(struct call *call, int status, store_key key)
{
    return answer_request(call, status, key, NULL);
}

/* Submitting. */

static int answer_array(struct call *call, const struct store_submit *submit)
{
    cleanup_json struct json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < submit->n_keys; i++) {
        struct json_object *object;
        int r = make_request(call, submit->keys[i], call->idempotency ? submit : NULL, &object);

        if (r != 0)
            return r < 0 ? r : 0;
        if (json_append(array, object) < 0)
            return -ENOMEM;
    }
    return array ? answer_json(call, 202, TAKE_PTR(array)) : -ENOMEM;
}

static int submitted(struct call *call)
{
    static const struct refusals refusals = {.conflict =
                                                 "this Idempotency-Key was used with another body"};
    const struct store_submit *submit = &call->command.submit;

    if (submit->base.result != STORE_OK)
        return call_refused(call, &refusals);
    if (submit->array)
        return answer_array(call, submit);
    return answer_request(call, 202, submit->keys[0], call->idempotency ? submit : NULL);
}

/* Of an array the detail names the index of each wrong one, as far as there is room. */
struct faults {
    char text[DETAIL_MAX];
    size_t size;
};

static void add_fault(struct faults *faults, bool array, size_t i, const char *detail)
{
    size_t room = sizeof(faults->text) - faults->size;
    int n = array ? snprintf(faults->text + faults->size, room, "%s[%zu] %s",
                             faults->size > 0 ? "; " : "", i, detail)
                  : snprintf(faults->text, room, "%s", detail);

    if (n > 0 && (size_t)n < room)
        faults->size += (size_t)n;
    else
        faults->text[faults->size] = '\0';
}

/* 0, or -ENOMEM. */
static int check_contact(struct call *call, struct json_object *body, bool array, size_t i,
                         struct faults *faults)
{
    struct contact *contact = &call->contacts[call->n_contacts];
    cleanup_free char *detail = NULL;
    int r;

    if (!json_object_is_type(body, json_type_object)) {
        add_fault(faults, array, i, "not an object");
        return 0;
    }
    r = contact_check(body, CONTACT_SUBMIT, contact, NULL, &detail);
    if (r < 0)
        return r;
    if (r == CONTACT_INVALID) {
        add_fault(faults, array, i, detail);
        return 0;
    }
    call->n_contacts++;
    if (contact->type != call->contacts[0].type)
        add_fault(faults, array, i,
                  "enrichment_type: all requests of one array have the same type");
    return 0;
}

/* Without an answer all are checked. 0 or a negative errno. */
static int check_contacts(struct call *call)
{
    bool array = json_object_is_type(call->json, json_type_array);
    size_t n = array ? json_object_array_length(call->json) : 1;
    cleanup_free struct faults *faults = calloc(1, sizeof(*faults));
    int r = 0;

    if (n < 1 || n > LIMIT_BATCH)
        return answer_problem(call, 422, "an array has 1 to %d requests", LIMIT_BATCH);
    call->contacts = calloc(n, sizeof(*call->contacts));
    if (!call->contacts || !faults)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = check_contact(call, array ? json_object_array_get_idx(call->json, i) : call->json,
                          array, i, faults);
    if (r == 0 && faults->size > 0)
        r = answer_problem(call, 422, "%s", faults->text);
    return r;
}

/* An idempotency key and its body as digests. The body counts by its value: blanks and the order of
 * members do not matter. 0 or -ENOMEM. */
static int make_idempotency(const char *key, size_t key_size, struct json_object *body,
                            struct idempotency *ret)
{
    cleanup_free char *text = NULL;
    size_t size;
    int r = json_canonical(body, &text, &size);

    if (r < 0)
        return r;
    digest_compute(NULL, &(struct digest_part){key, key_size}, 1, &ret->key);
    digest_compute(NULL, &(struct digest_part){text, size}, 1, &ret->body);
    return 0;
}

static bool has_key(struct json_object *item)
{
    return json_object_is_type(item, json_type_object) &&
           json_object_object_get_ex(item, KEY_MEMBER, NULL);
}

/* Takes the key out of the item, so that what is left is the contact. 0, or a problem is answered,
 * or -ENOMEM. @where: "" or the index of the item. */
static int take_key(struct call *call, struct json_object *item, const char *where,
                    struct idempotency *ret)
{
    cleanup_json struct json_object *value =
        json_object_get(json_object_object_get(item, KEY_MEMBER));
    size_t size = json_object_is_type(value, json_type_string)
                      ? (size_t)json_object_get_string_len(value)
                      : 0;
    const char *key = json_object_get_string(value);

    if (size < 1 || size > IDEMPOTENCY_KEY_MAX || memchr(key, '\0', size))
        return answer_problem(call, 422, "%s" KEY_MEMBER ": must be a string of 1 to %d bytes",
                              where, IDEMPOTENCY_KEY_MAX);
    json_object_object_del(item, KEY_MEMBER);
    return make_idempotency(key, size, item, ret);
}

/* All items of an array have a key of their own, or none has. As take_key(). */
static int take_keys(struct call *call, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && call->answer.status == 0 && i < n; i++) {
        struct json_object *item = json_object_array_get_idx(call->json, i);
        char where[32];

        snprintf(where, sizeof(where), "[%zu] ", i);
        if (!has_key(item))
            return answer_problem(call, 422, "%s" KEY_MEMBER ": required, since others have one",
                                  where);
        r = take_key(call, item, where, &call->idempotency[i]);
        for (size_t j = 0; r == 0 && call->answer.status == 0 && j < i; j++)
            if (digest_equal(&call->idempotency[j].key, &call->idempotency[i].key))
                return answer_problem(call, 422, "%s" KEY_MEMBER ": the same as that of [%zu]",
                                      where, j);
    }
    call->command.submit.each = call->idempotency;
    return r;
}

/* The key of the header, of the whole; or those in the body. As take_key(). */
static int read_idempotency(struct call *call, struct store_submit *submit)
{
    const char *key =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "Idempotency-Key");
    bool array = json_object_is_type(call->json, json_type_array), within = false;
    size_t n = array ? json_object_array_length(call->json) : 1;
    size_t key_size = key ? strlen(key) : 0;

    if (n < 1 || n > LIMIT_BATCH)
        return 0; /* is refused */
    for (size_t i = 0; !within && i < n; i++)
        within = has_key(array ? json_object_array_get_idx(call->json, i) : call->json);
    if (key && within)
        return answer_problem(
            call, 400, "the header Idempotency-Key, or " KEY_MEMBER " in the body, not both");
    if (key && (key_size < 1 || key_size > IDEMPOTENCY_KEY_MAX))
        return answer_problem(call, 400, "an Idempotency-Key has 1 to %d bytes",
                              IDEMPOTENCY_KEY_MAX);
    if (within) {
        call->idempotency = calloc(n, sizeof(*call->idempotency));
        if (!call->idempotency)
            return -ENOMEM;
    }
    if (within && array)
        return take_keys(call, n);
    submit->has_idempotency = key || within;
    if (within) {
        int r = take_key(call, call->json, "", call->idempotency);

        submit->idempotency = call->idempotency[0];
        return r;
    }
    return key ? make_idempotency(key, key_size, call->json, &submit->idempotency) : 0;
}

/* No two arrays with keys have the same time, so that add_existing() can tell what each of them
 * made. It is ahead of the clock by a millisecond for each of those that came within one. */
static int64_t time_of_array(struct query *query)
{
    int64_t now = time_now(), last = query->last_array_at;

    if (now <= last && last - now < CLOCK_JUMP_MS)
        now = last + 1;
    query->last_array_at = now;
    return now;
}

int requests_submit(struct call *call)
{
    const struct query_backend *backend = &call->query->backend;
    const char *refused = backend->submit_refused(backend->userdata);
    struct store_submit *submit = &call->command.submit;
    int r;

    if (refused)
        return answer_problem(call, 503, "%s", refused);
    r = read_idempotency(call, submit);
    if (r == 0 && call->answer.status == 0)
        r = check_contacts(call);
    if (r < 0 || call->answer.status != 0)
        return r;
    submit->contacts = call->contacts;
    submit->n_contacts = call->n_contacts;
    submit->array = json_object_is_type(call->json, json_type_array);
    submit->now = submit->each ? time_of_array(call->query) : time_now();
    return call_post(call, STORE_SUBMIT, submitted);
}

/* Registering. */

static int registered(struct call *call)
{
    static const struct refusals refusals = {
        .conflict = "this enrichment_id is known already, with other content"};
    const struct store_register *registration = &call->command.registration;

    if (registration->base.result != STORE_OK)
        return call_refused(call, &refusals);
    return request_answer(call, registration->existing ? 200 : 201, registration->key);
}

int requests_register(struct call *call)
{
    struct store_register *registration = &call->command.registration;
    cleanup_free char *detail = NULL;
    int r;

    call->contacts = calloc(1, sizeof(*call->contacts));
    if (!call->contacts)
        return -ENOMEM;
    r = contact_check(call->json, CONTACT_REGISTER, call->contacts, &call->enrichment_id, &detail);
    if (r < 0)
        return r;
    if (r == CONTACT_INVALID)
        return answer_problem(call, 422, "%s", detail);
    call->n_contacts = 1;
    registration->contact = call->contacts;
    registration->enrichment_id = call->enrichment_id;
    registration->now = time_now();
    return call_post(call, STORE_REGISTER, registered);
}

/* Erasing. */

static int erased(struct call *call)
{
    static const struct refusals refusals = {.not_found = "there is no such request"};

    if (call->command.base.result != STORE_OK)
        return call_refused(call, &refusals);
    call->answer.status = 204;
    return 0;
}

int requests_erase(struct call *call)
{
    int r = request_find(call, call->id, 404, &call->key);

    if (r != 0)
        return r < 0 ? r : 0;
    call->command.erase.request = call->key;
    call->command.erase.now = time_now();
    return call_post(call, STORE_ERASE, erased);
}
