/* Checking goes through all of the body and notes each fault, so that one answer names them all.
 * Order of the notes: known fields as in the table, then unknown ones, of which only the first few
 * are named: their number is the client's choice. */
#include "model/contact.h"

#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNTRY_CODES_MAX 250 /* there are fewer countries */
#define UNKNOWN_NAMED_MAX 16  /* unknown fields named in one answer */
#define FOREIGN_NAMED_MAX 64  /* bytes of a client's own word in an answer */

enum field_kind {
    FIELD_TEXT,
    FIELD_URL,
    FIELD_COUNTRIES,
    FIELD_CUSTOM,
};

/* In the order of struct contact's content. */
static const struct field {
    const char *name;
    enum field_kind kind;
    bool always; /* required of every submission */
} fields[] = {
    {"firstname", FIELD_TEXT, true},    {"lastname", FIELD_TEXT, true},
    {"domain", FIELD_TEXT, false},      {"company_name", FIELD_TEXT, false},
    {"linkedin_url", FIELD_URL, false}, {"phone_country_codes", FIELD_COUNTRIES, false},
    {"custom", FIELD_CUSTOM, false},
};

struct check {
    struct json_object *body;
    enum contact_kind kind;
    struct text_line faults;
};

static void fault(struct check *check, const char *field, const char *why)
{
    text_line_addf(&check->faults, "%s%s: ", check->faults.size > 0 ? "; " : "", field);
    text_line_add(&check->faults, why);
}

static bool has(const struct check *check, const char *field)
{
    return json_get(check->body, field) != NULL;
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && (text[i] < '\t' || text[i] > '\r'))
            return false;
    return true;
}

/* Why @value is no text of at most @max bytes, or NULL. */
static const char *text_fault(struct json_object *value, size_t max, const char *too_long)
{
    size_t size;

    if (!json_object_is_type(value, json_type_string))
        return "must be a string";
    size = (size_t)json_object_get_string_len(value);
    if (is_blank(json_object_get_string(value), size))
        return "must not be empty";
    if (memchr(json_object_get_string(value), '\0', size) != NULL)
        return "must not contain NUL";
    return size > max ? too_long : NULL;
}

#define TO_TEXT_(x) #x
#define TO_TEXT(x)  TO_TEXT_(x)

static const char *field_text_fault(struct json_object *value)
{
    return text_fault(value, CONTACT_TEXT_MAX, "longer than " TO_TEXT(CONTACT_TEXT_MAX) " bytes");
}

/* http or https, a host, and nothing that would end a URI (RFC 3986). Other than ASCII is let
 * through: people paste what the browser shows. */
static bool is_http_url(const char *text)
{
    const char *host = strncasecmp(text, "http://", 7) == 0    ? text + 7
                       : strncasecmp(text, "https://", 8) == 0 ? text + 8
                                                               : NULL;

    if (host == NULL || strchr("/?#:@", *host) != NULL)
        return false;
    for (const char *p = host; *p != '\0'; p++)
        if ((*p > 0 && *p <= ' ') || *p == 0x7f || strchr("<>\"\\^`{|}", *p) != NULL)
            return false;
    return true;
}

static const char *url_fault(struct json_object *value)
{
    const char *why = field_text_fault(value);

    if (why != NULL)
        return why;
    return is_http_url(json_object_get_string(value)) ? NULL : "must be an http or https URI";
}

static bool is_country_code(struct json_object *value)
{
    const char *code = json_object_get_string(value);

    return json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 2 &&
           code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z';
}

static void country_code_fault(struct check *check, struct json_object *value)
{
    text_line_add(&check->faults,
                  check->faults.size > 0 ? "; phone_country_codes: " : "phone_country_codes: ");
    if (json_object_is_type(value, json_type_string)) {
        text_line_add(&check->faults, "\"");
        text_line_add_foreign(&check->faults, json_object_get_string(value),
                              (size_t)json_object_get_string_len(value), FOREIGN_NAMED_MAX, NULL);
        text_line_add(&check->faults, "\"");
    } else {
        text_line_add(&check->faults, "an element");
    }
    text_line_add(&check->faults,
                  " is no ISO 3166-1 alpha-2 code (two upper-case letters, such as \"FR\")");
}

static void check_countries(struct check *check, struct json_object *value)
{
    size_t n;

    if (!json_object_is_type(value, json_type_array)) {
        fault(check, "phone_country_codes", "must be an array of strings");
        return;
    }
    n = json_object_array_length(value);
    if (n > COUNTRY_CODES_MAX) {
        fault(check, "phone_country_codes", "more than " TO_TEXT(COUNTRY_CODES_MAX) " codes");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *code = json_object_array_get_idx(value, i);

        if (!is_country_code(code)) {
            country_code_fault(check, code);
            return;
        }
    }
}

static int check_custom(struct check *check, struct json_object *value)
{
    cleanup_free char *text = NULL;
    size_t size;
    int r;

    if (!json_object_is_type(value, json_type_object)) {
        fault(check, "custom", "must be an object");
        return 0;
    }
    r = json_serialize(value, &text, &size);
    if (r < 0)
        return r;
    if (size > CONTACT_CUSTOM_MAX)
        fault(check, "custom", "longer than 1 MiB");
    return 0;
}

static int check_field(struct check *check, const struct field *field)
{
    struct json_object *value = json_get(check->body, field->name);
    const char *why = NULL;

    if (value == NULL) {
        if (field->always && check->kind == CONTACT_SUBMIT)
            fault(check, field->name, "required");
        return 0;
    }
    switch (field->kind) {
    case FIELD_TEXT:
        why = field_text_fault(value);
        break;
    case FIELD_URL:
        why = url_fault(value);
        break;
    case FIELD_COUNTRIES:
        check_countries(check, value);
        break;
    case FIELD_CUSTOM:
        return check_custom(check, value);
    }
    if (why != NULL)
        fault(check, field->name, why);
    return 0;
}

/* A string, or an array of exactly one. */
static enum enrichment_type check_type(struct check *check)
{
    struct json_object *value = json_get(check->body, "enrichment_type");
    enum enrichment_type type = ENRICHMENT_INVALID;

    if (value == NULL) {
        fault(check, "enrichment_type", "required");
        return type;
    }
    if (json_object_is_type(value, json_type_array)) {
        if (json_object_array_length(value) != 1) {
            fault(check, "enrichment_type", "must be exactly one");
            return type;
        }
        value = json_object_array_get_idx(value, 0);
    }
    if (json_object_is_type(value, json_type_string) &&
        strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value))
        type = enrichment_type_from_name(json_object_get_string(value));
    if (type == ENRICHMENT_INVALID)
        fault(check, "enrichment_type", "must be one of email, phone, personal_email");
    return type;
}

/* The fields that Pronto requires for one type (pronto-api, "Submit one contact"). */
static void check_required(struct check *check, enum enrichment_type type)
{
    if (check->kind != CONTACT_SUBMIT)
        return;
    if (type == ENRICHMENT_EMAIL && !has(check, "domain") && !has(check, "company_name"))
        fault(check, "domain or company_name", "one of the two is required for email");
    if ((type == ENRICHMENT_PHONE || type == ENRICHMENT_PERSONAL_EMAIL) &&
        !has(check, "linkedin_url"))
        fault(check, "linkedin_url",
              type == ENRICHMENT_PHONE ? "required for phone" : "required for personal_email");
}

static void check_enrichment_id(struct check *check)
{
    struct json_object *value = json_get(check->body, "enrichment_id");
    const char *why = "required";

    if (check->kind != CONTACT_REGISTER)
        return;
    if (value != NULL)
        why = text_fault(value, ENRICHMENT_ID_MAX,
                         "longer than " TO_TEXT(ENRICHMENT_ID_MAX) " bytes");
    if (why != NULL)
        fault(check, "enrichment_id", why);
}

static bool is_known(const struct check *check, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (strcmp(name, fields[i].name) == 0)
            return true;
    return strcmp(name, "enrichment_type") == 0 ||
           (check->kind == CONTACT_REGISTER && strcmp(name, "enrichment_id") == 0);
}

/* Refused also when null: the client believes that the field does something. */
static void check_unknown(struct check *check)
{
    size_t n = 0;

    json_object_object_foreach(check->body, name, value)
    {
        (void)value;
        if (is_known(check, name) || n++ >= UNKNOWN_NAMED_MAX)
            continue;
        if (strcmp(name, "webhook_url") == 0) {
            fault(check, name, "not allowed, prontod gives its own");
            continue;
        }
        text_line_add(&check->faults, check->faults.size > 0 ? "; " : "");
        text_line_add_foreign(&check->faults, name, strlen(name), FOREIGN_NAMED_MAX, NULL);
        text_line_add(&check->faults, ": unknown field");
    }
    if (n > UNKNOWN_NAMED_MAX)
        text_line_addf(&check->faults, "; and %zu more", n - UNKNOWN_NAMED_MAX);
}

/* The members of @body that content keeps, shared with it. 0 or -ENOMEM. */
static int make_content(const struct check *check, struct json_object **ret)
{
    cleanup_json struct json_object *content = json_object_new_object();

    if (content == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct json_object *value = json_get(check->body, fields[i].name);
        int r;

        if (value == NULL)
            continue;
        r = json_add(content, fields[i].name, json_object_get(value));
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(content);
    return 0;
}

static int refuse(const char *why, char **ret_detail)
{
    char *detail = strdup(why);

    if (detail == NULL)
        return -ENOMEM;
    *ret_detail = detail;
    return CONTACT_INVALID;
}

static int check_all(struct check *check, enum enrichment_type *ret_type)
{
    enum enrichment_type type;

    check_enrichment_id(check);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        int r = check_field(check, &fields[i]);

        if (r < 0)
            return r;
    }
    type = check_type(check);
    check_required(check, type);
    check_unknown(check);
    *ret_type = type;
    return 0;
}

int contact_check(struct json_object *body, enum contact_kind kind, struct contact *ret,
                  char **ret_enrichment_id, char **ret_detail)
{
    struct check check = {.body = body, .kind = kind};
    cleanup_json struct json_object *content = NULL;
    struct contact contact = {.type = ENRICHMENT_INVALID};
    int r;

    if (!json_object_is_type(body, json_type_object))
        return refuse("a contact must be a JSON object", ret_detail);
    r = check_all(&check, &contact.type);
    if (r < 0)
        return r;
    if (check.faults.size > 0)
        return refuse(check.faults.text, ret_detail);
    r = make_content(&check, &content);
    if (r < 0)
        return r;
    r = custom_digest(json_get(content, "custom"), &contact.custom_digest);
    if (r < 0)
        return r;
    if (kind == CONTACT_REGISTER && ret_enrichment_id != NULL) {
        char *enrichment_id = strdup(json_get_string(body, "enrichment_id"));

        if (enrichment_id == NULL)
            return -ENOMEM;
        *ret_enrichment_id = enrichment_id;
    }
    contact.content = TAKE_PTR(content);
    *ret = contact;
    return CONTACT_OK;
}

void contact_done(struct contact *contact)
{
    json_object_put(contact->content);
    contact->content = NULL;
}
