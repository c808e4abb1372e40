#include "simulator/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void answer_release(struct answer *answer)
{
    free(answer->body);
    *answer = (struct answer){0};
}

static void replace(struct answer *answer, unsigned status, const char *content_type, char *body,
                    size_t size)
{
    free(answer->body);
    answer->body = body;
    answer->size = size;
    answer->status = status;
    answer->content_type = content_type;
}

int answer_json(struct answer *answer, unsigned status, struct json_object *body)
{
    char *text;
    size_t size;
    int r = json_serialize(body, &text, &size);

    if (r == 0)
        replace(answer, status, "application/json", text, size);
    return r;
}

int answer_text(struct answer *answer, unsigned status, const char *content_type, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return -ENOMEM;
    replace(answer, status, content_type, copy, strlen(copy));
    return 0;
}

int answer_error(struct answer *answer, unsigned status, const char *text)
{
    return answer_refusal_text(answer, status, ERROR_IN_ERROR, text, NULL);
}

static struct json_object *with_key(const char *text, const char *key)
{
    cleanup_free char *joined = NULL;

    if (!key)
        return json_object_new_string(text);
    return asprintf(&joined, "%s (X-API-KEY: %s)", text, key) < 0 ? NULL
                                                                  : json_object_new_string(joined);
}

/* "a, b" */
static char *join(struct json_object *texts)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    if (!file)
        return NULL;
    for (size_t i = 0; i < json_object_array_length(texts); i++)
        fprintf(file, "%s%s", i > 0 ? ", " : "",
                json_object_get_string(json_object_array_get_idx(texts, i)));
    if (fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int answer_errors(struct answer *answer, unsigned status, struct json_object *texts,
                         const char *key)
{
    cleanup_json struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int r;

    if (!object || !list) {
        json_object_put(list);
        return -ENOMEM;
    }
    r = json_add(object, "errors", list);
    for (size_t i = 0; r == 0 && i < json_object_array_length(texts); i++) {
        struct json_object *item =
            with_key(json_object_get_string(json_object_array_get_idx(texts, i)), key);
        r = item ? json_append(list, item) : -ENOMEM;
    }
    return r < 0 ? r : answer_json(answer, status, object);
}

int answer_refusal(struct answer *answer, unsigned status, enum error_form form,
                   struct json_object *texts, const char *key)
{
    cleanup_free char *joined = NULL;

    if (form == ERROR_IN_ERRORS)
        return answer_errors(answer, status, texts, key);
    joined = join(texts);
    return joined ? answer_refusal_text(answer, status, form, joined, key) : -ENOMEM;
}

int answer_refusal_text(struct answer *answer, unsigned status, enum error_form form,
                        const char *text, const char *key)
{
    cleanup_json struct json_object *object = json_object_new_object();
    struct json_object *value = with_key(text, key), *list;
    int r;

    if (!object || !value) {
        json_object_put(value);
        return -ENOMEM;
    }
    if (form == ERROR_IN_HTML) {
        cleanup_free char *html = NULL;

        r = asprintf(&html, "<html><head><title>%u</title></head><body><h1>%s</h1></body></html>\n",
                     status, json_object_get_string(value)) < 0
                ? -ENOMEM
                : answer_text(answer, status, "text/html", html);
        json_object_put(value);
        return r;
    }
    if (form == ERROR_IN_ERRORS) {
        list = json_object_new_array();
        if (!list) {
            json_object_put(value);
            return -ENOMEM;
        }
        r = json_append(list, value);
        value = list;
        if (r < 0) {
            json_object_put(list);
            return r;
        }
    }
    r = json_add(object,
                 form == ERROR_IN_ERRORS    ? "errors"
                 : form == ERROR_IN_MESSAGE ? "message"
                                            : "error",
                 value);
    return r < 0 ? r : answer_json(answer, status, object);
}
