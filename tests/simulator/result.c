#include "simulator/result.h"

#include "simulator/dice.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PHONE_SIZE 24
#define EMAIL_SIZE 256
#define PART_SIZE  64

/* The contact's own chance: by what identifies a person, not by when it was submitted. */
static uint64_t draw(uint64_t seed, const struct job_contact *contact, const char *purpose)
{
    static const char *const keys[] = {"firstname", "lastname", "domain", "company_name",
                                       "linkedin_url"};
    uint64_t hash = dice_text(seed, purpose, enrichment_type_word(contact->job->type));

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *text = json_get_string(contact->fields, keys[i]);
        hash = dice_text(hash, keys[i], text ? text : "");
    }
    return hash;
}

bool result_found(uint64_t seed, const struct job_contact *contact, double empty_share)
{
    return !dice_share(draw(seed, contact, "found"), "found", 0, empty_share);
}

/* "Jean Luc" becomes "jeanluc": only what a local part surely takes. */
static void local_part(const char *name, char ret[static PART_SIZE])
{
    size_t length = 0;

    for (const char *c = name ? name : ""; *c && length < PART_SIZE - 1; c++)
        if (isascii(*c) && (isalnum((unsigned char)*c) || (*c == '-' && length > 0)))
            ret[length++] = (char)tolower((unsigned char)*c);
    ret[length] = '\0';
    if (length == 0)
        memcpy(ret, "someone", sizeof("someone"));
}

static void invent_email(const struct job_contact *contact, const struct result_form *form,
                         const char *host, char ret[static EMAIL_SIZE])
{
    char first[PART_SIZE], last[PART_SIZE];

    local_part(json_get_string(contact->fields, "firstname"), first);
    local_part(json_get_string(contact->fields, "lastname"), last);
    snprintf(ret, EMAIL_SIZE, "%s%s.%s@%s", form->altered ? "other." : "", first, last, host);
}

/* The first country that has such a range counts: FR (01 99 00), GB (020 7946 0), else North
 * America (555-01). */
static void invent_phone(const struct job_contact *contact, uint64_t number,
                         char ret[static PHONE_SIZE])
{
    struct json_object *codes = contact->job->country_codes;
    size_t n = codes ? json_object_array_length(codes) : 0;

    for (size_t i = 0; i < n; i++) {
        const char *code = json_object_get_string(json_object_array_get_idx(codes, i));

        if (strcmp(code, "FR") == 0) {
            snprintf(ret, PHONE_SIZE, "+3319900%04u", (unsigned)(number % 10000));
            return;
        }
        if (strcmp(code, "GB") == 0) {
            snprintf(ret, PHONE_SIZE, "+442079460%03u", (unsigned)(number % 1000));
            return;
        }
        if (strcmp(code, "US") == 0 || strcmp(code, "CA") == 0)
            break;
    }
    snprintf(ret, PHONE_SIZE, "+120155501%02u", (unsigned)(number % 100));
}

static int phone_item(const char *number, int64_t spelling, struct json_object **ret)
{
    cleanup_json struct json_object *item = NULL;
    int r = 0;

    if (spelling & SPELL_PHONE_OBJECTS) {
        item = json_object_new_object();
        if (!item)
            return -ENOMEM;
        r = json_add_string(item, "number", number);
        if (r == 0)
            r = json_add_string(item, "type", "mobile");
    } else {
        item = json_object_new_string(number);
        if (!item)
            return -ENOMEM;
    }
    if (r == 0)
        *ret = TAKE_PTR(item);
    return r;
}

static int add_phones(struct json_object *object, const struct job_contact *contact,
                      const struct result_form *form)
{
    const char *key = form->spelling & SPELL_PHONES ? "phones" : "phone";
    uint64_t drawn = draw(form->seed, contact, "phone") + (form->altered ? 1 : 0);
    unsigned n = !form->with_data ? 0 : (drawn >> 32) % 4 == 0 ? 2 : 1;
    cleanup_json struct json_object *list = json_object_new_array();
    int r = list ? 0 : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < n; i++) {
        char number[PHONE_SIZE];
        struct json_object *item;

        invent_phone(contact, drawn + (uint64_t)7 * i, number);
        r = phone_item(number, form->spelling, &item);
        if (r == 0)
            r = json_append(list, item);
    }
    if (r == 0 && form->spelling & SPELL_PHONE_STATUS)
        r = json_add_string(object, "phone_status", n > 0 ? "valid" : "N/A");
    if (r < 0)
        return r;
    if (!(form->spelling & SPELL_PHONE_STRING))
        return json_add(object, key, TAKE_PTR(list));
    return json_add(object, key,
                    json_object_get(n > 0 ? json_object_array_get_idx(list, 0) : NULL));
}

static int add_email(struct json_object *object, const struct job_contact *contact,
                     const struct result_form *form)
{
    static const char *const work_statuses[] = {"deliverable", "deliverable", "valid", "catch-all"};
    static const char *const personal_statuses[] = {"valid", "valid", "valid", "catch-all"};
    bool personal = contact->job->type == TYPE_PERSONAL_EMAIL;
    uint64_t drawn = draw(form->seed, contact, "email");
    const char *status = personal ? personal_statuses[drawn % 4] : work_statuses[drawn % 4];
    const char *host = (drawn >> 8) % 2 ? "example.org" : "example.net";
    const char *domain = json_get_string(contact->fields, "domain");
    char email[EMAIL_SIZE];
    int r;

    if (!personal && domain && *domain)
        host = "example.com"; /* never the domain given: it belongs to somebody */
    invent_email(contact, form, host, email);
    r = json_add_string(object, personal ? "personal_email" : "email",
                        form->with_data ? email : NULL);
    if (r == 0)
        r = json_add_string(object, personal ? "personal_email_status" : "email_status",
                            form->with_data ? status : "N/A");
    return r;
}

/* The fields that were not asked for, when they are not simply absent. */
static int add_nulls(struct json_object *object)
{
    static const char *const keys[] = {"email", "email_status", "personal_email",
                                       "personal_email_status", "phone"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++)
        r = json_add(object, keys[i], NULL);
    return r;
}

int result_add_id(struct json_object *object, int64_t spelling, const char *id)
{
    struct json_object *contact;
    int r = 0;

    if (spelling & SPELL_NO_ID)
        return 0;
    if (!(spelling & (SPELL_ID | SPELL_CONTACT_ID)))
        return json_add_string(object, "enrichment_id", id);
    if (spelling & SPELL_ID)
        r = json_add_string(object, "id", id);
    if (r < 0 || !(spelling & SPELL_CONTACT_ID))
        return r;
    contact = json_object_new_object();
    r = contact ? json_add(object, "contact", contact) : -ENOMEM;
    return r < 0 ? r : json_add_string(contact, "id", id);
}

static int add_head(struct json_object *object, const struct job_contact *contact,
                    const struct result_form *form)
{
    int r = result_add_id(object, form->spelling, form->id);

    if (r == 0 && !(form->spelling & SPELL_NO_NAMES)) {
        r = json_add_string(object, "first_name", json_get_string(contact->fields, "firstname"));
        if (r == 0)
            r = json_add_string(object, "last_name", json_get_string(contact->fields, "lastname"));
    }
    if (r == 0 && !(form->spelling & SPELL_NO_STATUS))
        r = json_add_string(object, "status", form->status);
    if (r == 0 && form->spelling & SPELL_LINKEDIN_PROFILE_URL)
        r = json_add_string(object, "linkedin_profile_url",
                            json_get_string(contact->fields, "linkedin_url"));
    return r;
}

int result_to_json(const struct job_contact *contact, const struct result_form *form,
                   struct json_object **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    int r = object ? add_head(object, contact, form) : -ENOMEM;

    if (r == 0 && form->spelling & SPELL_NULLS)
        r = add_nulls(object);
    if (r == 0 && strcmp(form->status, "pending") != 0)
        r = contact->job->type == TYPE_PHONE ? add_phones(object, contact, form)
                                             : add_email(object, contact, form);
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}
