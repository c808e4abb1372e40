/* Contacts as persons: what tells whether two of them ask for the same. */
#include "model/contact.h"

#include <errno.h>
#include <string.h>

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A string without the blanks around it, in lower case; NULL for another value. */
static int fold_text(struct json_object *value, struct json_object **ret)
{
    const char *text = json_object_get_string(value);
    size_t size = (size_t)json_object_get_string_len(value);
    cleanup_free char *folded = NULL;

    while (size > 0 && is_blank(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    folded = malloc(size + 1);
    if (!folded)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++)
        folded[i] = lower(text[i]);
    *ret = json_object_new_string_len(folded, (int)size);
    return *ret ? 0 : -ENOMEM;
}

static int fold_array(struct json_object *value, struct json_object **ret)
{
    cleanup_json struct json_object *array = json_object_new_array();

    if (!array)
        return -ENOMEM;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        struct json_object *folded;
        int r = fold_text(json_object_array_get_idx(value, i), &folded);

        if (r == 0)
            r = json_append(array, folded);
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(array);
    return 0;
}

/* Absent is the same as empty. */
static int add_folded(struct json_object *person, const char *key, struct json_object *value)
{
    struct json_object *folded = NULL;
    int r;

    if (json_object_is_type(value, json_type_array))
        r = fold_array(value, &folded);
    else
        r = fold_text(value, &folded);
    return r < 0 ? r : json_add(person, key, folded);
}

int contact_person(const struct contact *contact, char **ret, size_t *ret_size)
{
    static const char *const keys[] = {"firstname",    "lastname",     "domain",
                                       "company_name", "linkedin_url", "phone_country_codes"};
    cleanup_json struct json_object *person = json_object_new_object();
    int r = json_add_string(person, "type", enrichment_type_name(contact->type));

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
        struct json_object *value = json_get(contact->content, keys[i]);

        if (value)
            r = add_folded(person, keys[i], value);
    }
    return r < 0 ? r : json_canonical(person, ret, ret_size);
}
