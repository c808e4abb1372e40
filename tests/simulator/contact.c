#include "simulator/contact.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A list of complaints that remembers when memory ran out. */
struct complaints {
    struct json_object *list;
    int error;
};

__attribute__((format(printf, 2, 3))) static void complain(struct complaints *complaints,
                                                           const char *format, ...)
{
    cleanup_free char *text = NULL;
    struct json_object *item;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    item = text ? json_object_new_string(text) : NULL;
    if (!item || json_append(complaints->list, item) < 0)
        complaints->error = -ENOMEM;
}

/* Whether a text member is there and not empty; complains when it is there and no text. */
static bool has_text(struct json_object *object, const char *key, const char *where,
                     struct complaints *complaints)
{
    struct json_object *value = json_get(object, key);

    if (!value)
        return false;
    if (!json_object_is_type(value, json_type_string) || !json_get_string(object, key)) {
        complain(complaints, "%s%s must be a string", where, key);
        return true; /* there is something; one complaint is enough */
    }
    return json_object_get_string_len(value) > 0;
}

static bool is_http_url(const char *text)
{
    size_t skip = strncasecmp(text, "https://", 8) == 0  ? 8
                  : strncasecmp(text, "http://", 7) == 0 ? 7
                                                         : 0;
    if (skip == 0 || !(isalnum((unsigned char)text[skip]) || text[skip] == '['))
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return false;
    return true;
}

static void check_url(struct json_object *object, const char *key, const char *where,
                      struct complaints *complaints)
{
    const char *text = json_get_string(object, key);

    if (text && *text && !is_http_url(text))
        complain(complaints, "%s%s must be a valid URL", where, key);
}

static void check_contact(struct json_object *contact, enum enrichment_type type, const char *where,
                          struct complaints *complaints)
{
    bool has_domain, has_company, has_linkedin;
    struct json_object *custom;

    if (!json_object_is_type(contact, json_type_object)) {
        complain(complaints, "%sa contact must be an object", where);
        return;
    }
    if (!has_text(contact, "firstname", where, complaints))
        complain(complaints, "%sfirstname is required", where);
    if (!has_text(contact, "lastname", where, complaints))
        complain(complaints, "%slastname is required", where);
    has_domain = has_text(contact, "domain", where, complaints);
    has_company = has_text(contact, "company_name", where, complaints);
    has_linkedin = has_text(contact, "linkedin_url", where, complaints);
    if (type == TYPE_EMAIL && !has_domain && !has_company)
        complain(complaints, "%sdomain or company_name is required for email", where);
    if (type != TYPE_EMAIL && !has_linkedin)
        complain(complaints, "%slinkedin_url is required for %s", where,
                 enrichment_type_word(type));
    check_url(contact, "linkedin_url", where, complaints);
    custom = json_get(contact, "custom");
    if (custom && !json_object_is_type(custom, json_type_object))
        complain(complaints, "%scustom must be an object", where);
}

static bool read_type(struct json_object *body, enum enrichment_type *ret)
{
    struct json_object *list = json_get(body, "enrichment_type"), *item;

    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) != 1)
        return false;
    item = json_object_array_get_idx(list, 0);
    return json_object_is_type(item, json_type_string) &&
           enrichment_type_parse(json_object_get_string(item), ret);
}

static void check_countries(struct json_object *body, struct complaints *complaints)
{
    struct json_object *list = json_get(body, "phone_country_codes");
    bool valid = json_object_is_type(list, json_type_array);

    if (!list)
        return;
    for (size_t i = 0; valid && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *code = json_object_get_string(item);

        valid = json_object_is_type(item, json_type_string) && strlen(code) == 2 &&
                isupper((unsigned char)code[0]) && isupper((unsigned char)code[1]);
    }
    if (!valid)
        complain(complaints,
                 "phone_country_codes must be an array of ISO 3166-1 alpha-2 country codes");
}

/* What a submission says beside its contacts. */
static void check_common(struct json_object *body, enum enrichment_type *ret_type,
                         struct complaints *complaints)
{
    if (!read_type(body, ret_type))
        complain(complaints,
                 "enrichment_type must be an array of one of email, phone, personal_email");
    if (has_text(body, "webhook_url", "", complaints))
        check_url(body, "webhook_url", "", complaints);
    check_countries(body, complaints);
}

/* Members that belong to the submission are left out of the contact. */
static struct json_object *contact_fields(struct json_object *contact)
{
    static const char *const keys[] = {"firstname",    "lastname",     "domain",
                                       "company_name", "linkedin_url", "custom"};
    cleanup_json struct json_object *fields = json_object_new_object();

    if (!fields)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct json_object *value = json_get(contact, keys[i]);
        if (value && json_add(fields, keys[i], json_object_get(value)) < 0)
            return NULL;
    }
    return TAKE_PTR(fields);
}

/* @contacts NULL: the body is the contact. */
static int build(struct json_object *body, enum enrichment_type type, struct json_object *contacts,
                 struct job **ret)
{
    __attribute__((cleanup(job_free_p))) struct job *job = NULL;
    const char *url = json_get_string(body, "webhook_url");
    int r = job_new(contacts ? (unsigned)json_object_array_length(contacts) : 1, &job);

    if (r < 0)
        return r;
    job->type = type;
    job->bulk = contacts != NULL;
    job->country_codes = json_object_get(json_get(body, "phone_country_codes"));
    if (url && *url) {
        job->webhook_url = strdup(url);
        if (!job->webhook_url)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < job->n_contacts; i++) {
        job->contacts[i].fields =
            contact_fields(contacts ? json_object_array_get_idx(contacts, i) : body);
        if (!job->contacts[i].fields)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(job);
    return 0;
}

static int finish(struct json_object *body, enum enrichment_type type, struct json_object *contacts,
                  struct complaints *complaints, struct job **ret_job,
                  struct json_object **ret_errors)
{
    cleanup_json struct json_object *errors = complaints->list;

    if (complaints->error < 0)
        return complaints->error;
    if (json_object_array_length(errors) > 0) {
        *ret_job = NULL;
        *ret_errors = TAKE_PTR(errors);
        return 0;
    }
    *ret_errors = NULL;
    return build(body, type, contacts, ret_job);
}

int contact_read_single(struct json_object *body, struct job **ret_job,
                        struct json_object **ret_errors)
{
    struct complaints complaints = {.list = json_object_new_array()};
    enum enrichment_type type = TYPE_EMAIL;

    if (!complaints.list)
        return -ENOMEM;
    check_common(body, &type, &complaints);
    check_contact(body, type, "", &complaints);
    return finish(body, type, NULL, &complaints, ret_job, ret_errors);
}

int contact_read_bulk(struct json_object *body, struct job **ret_job,
                      struct json_object **ret_errors)
{
    struct complaints complaints = {.list = json_object_new_array()};
    struct json_object *contacts = json_get(body, "contacts");
    enum enrichment_type type = TYPE_EMAIL;
    size_t n = 0;

    if (!complaints.list)
        return -ENOMEM;
    check_common(body, &type, &complaints);
    if (json_object_is_type(contacts, json_type_array))
        n = json_object_array_length(contacts);
    if (n < BATCH_MIN || n > LIMIT_BATCH) {
        complain(&complaints, "contacts must be an array of %d to %d contacts", BATCH_MIN,
                 LIMIT_BATCH);
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        char where[32];

        snprintf(where, sizeof(where), "contacts[%zu]: ", i);
        check_contact(json_object_array_get_idx(contacts, i), type, where, &complaints);
    }
    return finish(body, type, contacts, &complaints, ret_job, ret_errors);
}
