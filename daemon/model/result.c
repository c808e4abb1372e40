/* Where Pronto's spellings disagree the first one found counts, in the order of the tables here:
 * the body's own member before that of "contact", the documented name before others. What has the
 * wrong type is passed over like what is absent. */
#include "model/result.h"

#include "model/contact.h"

#include <errno.h>
#include <string.h>

/* Calls for @key in @body, then in its "contact", until @fits says yes. Borrowed, or NULL. */
static struct json_object *find(struct json_object *body, const char *const *keys, size_t n_keys,
                                bool (*fits)(struct json_object *value))
{
    struct json_object *const places[] = {body, json_get(body, "contact")};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        for (size_t k = 0; k < n_keys; k++) {
            struct json_object *value = json_get(places[i], keys[k]);

            if (value != NULL && fits(value))
                return value;
        }
    return NULL;
}
#define FIND(body, fits, ...)                                                                      \
    ({                                                                                             \
        const char *const keys_[] = {__VA_ARGS__};                                                 \
        find(body, keys_, ARRAY_SIZE(keys_), fits);                                                \
    })

static bool is_any(struct json_object *value)
{
    return value != NULL;
}

static bool is_text(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) && json_object_get_string_len(value) > 0;
}

/* Text that C strings can carry. */
static bool is_plain(struct json_object *value)
{
    return is_text(value) &&
           strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value);
}

static bool is_identifier(struct json_object *value)
{
    return is_plain(value) && json_object_get_string_len(value) <= ENRICHMENT_ID_MAX;
}

const char *reading_identifier(struct json_object *body)
{
    struct json_object *value = FIND(body, is_identifier, "enrichment_id", "id");

    return value != NULL ? json_object_get_string(value) : NULL;
}

static int copy(const char *text, char **ret)
{
    char *copied;

    if (text == NULL)
        return 0;
    copied = strdup(text);
    if (copied == NULL)
        return -ENOMEM;
    *ret = copied;
    return 0;
}

static int copy_name(struct json_object *value, char **ret)
{
    return copy(value != NULL ? json_object_get_string(value) : NULL, ret);
}

static int read_who(struct json_object *body, struct reading *reading)
{
    int r = copy(reading_identifier(body), &reading->enrichment_id);

    if (r == 0)
        r = copy_name(FIND(body, is_plain, "first_name", "firstname"), &reading->first_name);
    if (r == 0)
        r = copy_name(FIND(body, is_plain, "last_name", "lastname"), &reading->last_name);
    return r;
}

static int read_custom(struct json_object *body, struct reading *reading)
{
    struct json_object *custom = FIND(body, is_any, "custom");

    if (!custom_is_absent(custom))
        reading->custom = json_object_get(custom);
    return custom_digest(reading->custom, &reading->custom_digest);
}

/* Adds the string, or nothing when it is none. */
static int append_text(struct json_object *phones, struct json_object *value)
{
    return is_text(value) ? json_append(phones, json_object_get(value)) : 0;
}

/* A string, or an object that has one. */
static int append_phone(struct json_object *phones, struct json_object *value)
{
    static const char *const keys[] = {"number", "phone", "phone_number"};

    if (!json_object_is_type(value, json_type_object))
        return append_text(phones, value);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (is_text(json_get(value, keys[i])))
            return append_text(phones, json_get(value, keys[i]));
    return 0;
}

static int append_phones(struct json_object *phones, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_array))
        return append_phone(phones, value);
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        int r = append_phone(phones, json_object_array_get_idx(value, i));

        if (r < 0)
            return r;
    }
    return 0;
}

/* The first of phone and phones that holds any number. */
static int read_phones(struct json_object *body, struct json_object *phones)
{
    static const char *const keys[] = {"phone", "phones"};
    struct json_object *const places[] = {body, json_get(body, "contact")};

    for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(keys); i++) {
        int r = append_phones(phones,
                              json_get(places[i / ARRAY_SIZE(keys)], keys[i % ARRAY_SIZE(keys)]));

        if (r < 0 || json_object_array_length(phones) > 0)
            return r;
    }
    return 0;
}

static int add_text(struct json_object *result, const char *key, struct json_object *value)
{
    return json_add(result, key, value != NULL ? json_object_get(value) : NULL);
}

/* A status that is no text is none that is known. */
static int read_status(struct json_object *body, struct reading *reading,
                       struct json_object *result)
{
    struct json_object *status = FIND(body, is_any, "status");
    const char *word = is_plain(status) ? json_object_get_string(status) : "";

    if (status == NULL || strcmp(word, "finished") == 0 || strcmp(word, "success") == 0) {
        reading->status = RESULT_FINAL;
        return json_add_string(result, "status", "finished");
    }
    reading->status = RESULT_INTERIM;
    return add_text(result, "status", is_text(status) ? status : NULL);
}

static int read_mail(struct json_object *body, struct reading *reading, struct json_object *result)
{
    static const char *const keys[] = {"email", "email_status", "personal_email",
                                       "personal_email_status"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct json_object *value = find(body, &keys[i], 1, is_text);
        int r = add_text(result, keys[i], value);

        if (r < 0)
            return r;
    }
    reading->found =
        json_get(result, "email") != NULL || json_get(result, "personal_email") != NULL;
    return 0;
}

/* Fills an object whose members come in the order of the normal form. */
static int read_result(struct json_object *body, struct reading *reading,
                       struct json_object *result)
{
    cleanup_json struct json_object *phones = json_object_new_array();
    int r = phones != NULL ? read_status(body, reading, result) : -ENOMEM;

    if (r == 0)
        r = read_mail(body, reading, result);
    if (r == 0)
        r = read_phones(body, phones);
    if (r < 0)
        return r;
    reading->found |= json_object_array_length(phones) > 0;
    r = json_add(result, "phones", TAKE_PTR(phones));
    if (r == 0)
        r = add_text(result, "custom", reading->custom);
    return r;
}

int result_digest(struct json_object *result, struct digest *ret)
{
    cleanup_free char *text = NULL;
    struct digest_part part = {0};
    int r = json_canonical(result, &text, &part.size);

    if (r < 0)
        return r;
    part.data = text;
    digest_compute(NULL, &part, 1, ret);
    return 0;
}

bool result_is_found(struct json_object *result)
{
    return json_get_string(result, "email") || json_get_string(result, "personal_email") ||
           json_object_array_length(json_get(result, "phones")) > 0;
}

void reading_done(struct reading *reading)
{
    free(reading->enrichment_id);
    free(reading->first_name);
    free(reading->last_name);
    json_object_put(reading->custom);
    json_object_put(reading->result);
    *reading = (struct reading){0};
}

int reading_parse(struct json_object *body, struct reading *ret)
{
    struct reading reading = {.result = json_object_new_object()};
    int r = reading.result != NULL ? read_who(body, &reading) : -ENOMEM;

    if (r == 0)
        r = read_custom(body, &reading);
    if (r == 0)
        r = read_result(body, &reading, reading.result);
    if (r < 0) {
        reading_done(&reading);
        return r;
    }
    *ret = reading;
    return 0;
}

int result_read(const char *text, size_t size, struct json_object **ret)
{
    cleanup_json struct json_object *body = NULL;
    struct reading reading;
    int r = json_parse_strict(text ? text : "", size, true, &body);

    if (r == 0)
        r = reading_parse(body, &reading);
    if (r != 0)
        return r < 0 ? r : -EBADMSG;
    *ret = json_object_get(reading.result);
    reading_done(&reading);
    return 0;
}
