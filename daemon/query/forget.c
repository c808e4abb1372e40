/* POST /v1/forget: erases a person by an identifier. An id names one request. Requests of an e-mail
 * address or a linkedin_url are found with the reader first, a few rows in each turn of the loop, so
 * that nothing else waits; then the store erases them. */
#include "query/requests.h"

#include "common/timestamp.h"
#include "model/person.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct found_keys {
    store_key *items;
    size_t n, room;
};

struct forgetting {
    struct person person;
    struct person_cursor cursor;
    struct found_keys requests, callbacks;
};

void forgetting_free(struct forgetting *forgetting)
{
    if (!forgetting)
        return;
    person_done(&forgetting->person);
    free(forgetting->requests.items);
    free(forgetting->callbacks.items);
    free(forgetting);
}

static int add(struct found_keys *keys, store_key key)
{
    if (keys->n > 0 && keys->items[keys->n - 1] == key)
        return 0;
    if (keys->n == keys->room) {
        size_t room = keys->room ? keys->room * 2 : 16;
        store_key *items = reallocarray(keys->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        keys->items = items;
        keys->room = room;
    }
    keys->items[keys->n++] = key;
    return 0;
}

static int on_found(store_key request, store_key callback, void *userdata)
{
    struct forgetting *forgetting = userdata;

    return request != 0 ? add(&forgetting->requests, request)
                        : add(&forgetting->callbacks, callback);
}

static int answer_erased(struct call *call, int64_t n)
{
    cleanup_json struct json_object *object = json_object_new_object();

    if (!object || json_add_int64(object, "erased", n) < 0)
        return -ENOMEM;
    return answer_json(call, 200, TAKE_PTR(object));
}

static int forgotten(struct call *call)
{
    static const struct refusals none = {NULL, NULL, NULL};

    if (call->command.base.result != STORE_OK)
        return call_refused(call, &none);
    return answer_erased(call, call->command.forget.n);
}

static int erase_found(struct call *call)
{
    const struct forgetting *forgetting = call->forgetting;
    struct store_forget *forget = &call->command.forget;

    if (forgetting->requests.n == 0 && forgetting->callbacks.n == 0 && !call->enrichment_id)
        return answer_erased(call, 0);
    forget->requests = forgetting->requests.items;
    forget->n_requests = forgetting->requests.n;
    forget->callbacks = forgetting->callbacks.items;
    forget->n_callbacks = forgetting->callbacks.n;
    forget->enrichment_id = call->enrichment_id;
    forget->now = time_now();
    return call_post(call, STORE_FORGET, forgotten);
}

static int search(struct call *call)
{
    struct forgetting *forgetting = call->forgetting;
    int r;

    call_wait_end(call);
    if (call->query->stopping)
        return answer_problem(call, 503, "prontod is stopping; nothing was erased");
    r = reader_person(call->query->backend.reader, &forgetting->person, &forgetting->cursor,
                      on_found, forgetting);
    if (r < 0)
        return r;
    if (r == 0)
        return erase_found(call);
    call->step = search;
    return call_wait(call, 0);
}

static int by_request_id(struct call *call, const char *id)
{
    store_key key;

    if (store_key_of(call->query->backend.store, STORE_KIND_REQUEST, id, &key) < 0)
        return answer_erased(call, 0);
    return add(&call->forgetting->requests, key) < 0 ? -ENOMEM : erase_found(call);
}

static int by_enrichment_id(struct call *call, const char *id)
{
    store_key key;
    int r = reader_request_find(call->query->backend.reader, id, &key);

    if (r == READER_E_AMBIGUOUS)
        return answer_problem(call, 409,
                              "several requests share this enrichment_id: GET "
                              "/v1/requests?enrichment_id=... lists them, each with its id");
    if (r != READER_OK && r != READER_E_NOT_FOUND)
        return r < 0 ? r : -EBADMSG;
    if (r == READER_OK && add(&call->forgetting->requests, key) < 0)
        return -ENOMEM;
    call->enrichment_id = strdup(id);
    return call->enrichment_id ? erase_found(call) : -ENOMEM;
}

static int by_person(struct call *call, enum person_kind kind, const char *text)
{
    int r = person_parse(kind, text, &call->forgetting->person);

    if (r == PERSON_INVALID)
        return answer_problem(call, 422, "%s",
                              kind == PERSON_EMAIL ? "email: must be an e-mail address"
                                                   : "linkedin_url: must be a URL with a path");
    return r < 0 ? r : search(call);
}

static int by_email(struct call *call, const char *text)
{
    return by_person(call, PERSON_EMAIL, text);
}

static int by_linkedin_url(struct call *call, const char *text)
{
    return by_person(call, PERSON_LINKEDIN, text);
}

int requests_forget(struct call *call)
{
    static const struct {
        const char *member;
        int (*run)(struct call *call, const char *text);
    } kinds[] = {
        {"request_id", by_request_id},
        {"enrichment_id", by_enrichment_id},
        {"linkedin_url", by_linkedin_url},
        {"email", by_email},
    };

    call->forgetting = calloc(1, sizeof(*call->forgetting));
    if (!call->forgetting)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *text = json_get_string(call->json, kinds[i].member);

        if (text && json_object_object_length(call->json) == 1)
            return kinds[i].run(call, text);
    }
    return answer_problem(call, 422,
                          "one of request_id, enrichment_id, linkedin_url and email is required as "
                          "a string, and nothing else");
}
