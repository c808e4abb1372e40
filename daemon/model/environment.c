/* The variables are the only part of a document that a shell sees without parsing, so names come
 * from a fixed prefix and a fixed alphabet: arbitrary ones (BASH_ENV, LD_PRELOAD, BASH_FUNC_x%%)
 * would run code. What does not fit is left out and named; the document on standard input always
 * has it. */
#include "model/document.h"

#include "common/cleanup.h"
#include "model/contact.h"
#include "model/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CUSTOM_PREFIX "PRONTO_CUSTOM_"

struct environment {
    struct json_object *list; /* "NAME=value" */
    struct json_object *seen; /* an object whose keys are the names given or left out */
    size_t total;             /* bytes of names and values in the list */
    char omitted[HOOK_ENV_VALUE_MAX + 1];
    size_t omitted_size;
};

static int append(struct json_object *list, const char *name, const char *value, size_t size)
{
    size_t name_size = strlen(name);
    cleanup_free char *text = malloc(name_size + 2 + size);
    struct json_object *string;
    char *end;

    if (text == NULL)
        return -ENOMEM;
    end = stpcpy(stpcpy(text, name), "=");
    if (size > 0)
        memcpy(end, value, size);
    string = json_object_new_string_len(text, (int)(name_size + 1 + size));
    return string != NULL ? json_append(list, string) : -ENOMEM;
}

/* Names past the limit of the variable that holds them are dropped whole. */
static void omit(struct environment *environment, const char *name)
{
    size_t size = strlen(name);
    size_t blank = environment->omitted_size > 0 ? 1 : 0;

    if (blank + size > HOOK_ENV_VALUE_MAX - environment->omitted_size)
        return;
    if (blank)
        environment->omitted[environment->omitted_size++] = ' ';
    memcpy(environment->omitted + environment->omitted_size, name, size + 1);
    environment->omitted_size += size;
}

static int set(struct environment *environment, const char *name, const char *value, size_t size)
{
    size_t name_size = strlen(name);

    if (name_size > HOOK_ENV_NAME_MAX || size > HOOK_ENV_VALUE_MAX ||
        name_size + size > HOOK_ENV_TOTAL_MAX - environment->total ||
        (size > 0 && memchr(value, '\0', size) != NULL)) {
        omit(environment, name);
        return 0;
    }
    environment->total += name_size + size;
    return append(environment->list, name, value, size);
}

static int set_text(struct environment *environment, const char *name, const char *value)
{
    return set(environment, name, value, value != NULL ? strlen(value) : 0);
}

static int set_json(struct environment *environment, const char *name, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return set(environment, name, NULL, 0);
    return set(environment, name, json_object_get_string(value),
               (size_t)json_object_get_string_len(value));
}

static int set_delivery(struct environment *environment, const struct document_facts *facts)
{
    char attempt[24];
    int r = set_text(environment, "PRONTO_EVENT", hook_event_name(facts->event));

    snprintf(attempt, sizeof(attempt), "%lld", (long long)facts->attempt);
    if (r == 0)
        r = set_text(environment, "PRONTO_HOOK", facts->hook);
    if (r == 0)
        r = set_text(environment, "PRONTO_DELIVERY_ID", facts->delivery_id);
    if (r == 0)
        r = set_text(environment, "PRONTO_ATTEMPT", attempt);
    return r;
}

static int set_request(struct environment *environment, const struct document_facts *facts)
{
    const char *enrichment_id = facts->request != NULL
                                    ? json_get_string(facts->request, "enrichment_id")
                                    : reading_identifier(facts->raw);
    int r = set_json(environment, "PRONTO_REQUEST_ID", json_get(facts->request, "id"));

    if (r == 0)
        r = set_text(environment, "PRONTO_ENRICHMENT_ID", enrichment_id);
    if (r == 0)
        r = set_json(environment, "PRONTO_ENRICHMENT_TYPE",
                     json_get(facts->request, "enrichment_type"));
    return r;
}

static int set_result(struct environment *environment, struct json_object *result)
{
    static const struct {
        const char *name, *member;
    } variables[] = {
        {"PRONTO_STATUS", "status"},
        {"PRONTO_EMAIL", "email"},
        {"PRONTO_EMAIL_STATUS", "email_status"},
        {"PRONTO_PERSONAL_EMAIL", "personal_email"},
    };
    struct json_object *phones = json_get(result, "phones");

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        int r = set_json(environment, variables[i].name, json_get(result, variables[i].member));

        if (r < 0)
            return r;
    }
    if (!json_object_is_type(phones, json_type_array))
        return set(environment, "PRONTO_PHONE", NULL, 0);
    return set_json(environment, "PRONTO_PHONE", json_object_array_get_idx(phones, 0));
}

/* Each character of @key is one of the name: A-Z and 0-9 as they are, a-z in upper case, '_' for
 * any other (UTF-8 goes on in bytes of 10xxxxxx). A longer name than is ever set keeps one byte too
 * many, which shows that it is. */
static void custom_name(const char *key, char ret[static HOOK_ENV_NAME_MAX + 2])
{
    size_t n = strlen(CUSTOM_PREFIX);

    memcpy(ret, CUSTOM_PREFIX, n);
    for (; *key != '\0' && n <= HOOK_ENV_NAME_MAX; key++) {
        unsigned char c = (unsigned char)*key;

        if ((c & 0xc0) == 0x80)
            continue;
        if (c >= 'a' && c <= 'z')
            ret[n++] = (char)(c - 'a' + 'A');
        else
            ret[n++] = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? (char)c : '_';
    }
    ret[n] = '\0';
}

static int set_custom(struct environment *environment, struct json_object *custom)
{
    if (!json_object_is_type(custom, json_type_object))
        return 0;
    json_object_object_foreach(custom, key, value)
    {
        struct custom_scalar scalar;
        char name[HOOK_ENV_NAME_MAX + 2];
        int r;

        custom_name(key, name);
        if (!custom_scalar_read(value, &scalar) || json_get(environment->seen, name) != NULL)
            continue;
        r = json_add_bool(environment->seen, name, true);
        if (r == 0)
            r = set(environment, name, scalar.text, scalar.size);
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_all(struct environment *environment, const struct document_facts *facts)
{
    struct json_object *custom = json_get(facts->request, "custom");
    int r = set_delivery(environment, facts);

    if (r == 0)
        r = set_request(environment, facts);
    if (r == 0)
        r = set_result(environment, facts->result);
    if (r == 0)
        r = set_custom(environment,
                       facts->request != NULL ? custom : json_get(facts->result, "custom"));
    if (r == 0)
        r = append(environment->list, "PRONTO_OMITTED", environment->omitted,
                   environment->omitted_size);
    return r;
}

int document_environment(const struct document_facts *facts, struct json_object **ret)
{
    cleanup_json struct json_object *list = json_object_new_array();
    cleanup_json struct json_object *seen = json_object_new_object();
    struct environment environment = {.list = list, .seen = seen};
    int r = list != NULL && seen != NULL ? set_all(&environment, facts) : -ENOMEM;

    if (r < 0)
        return r;
    *ret = TAKE_PTR(list);
    return 0;
}
