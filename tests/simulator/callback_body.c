#include "simulator/callback_body.h"

#include "simulator/dice.h"
#include "simulator/result.h"

#include <errno.h>
#include <string.h>

static const char *const kind_words[] = {
    [CALLBACK_FINAL] = "final",
    [CALLBACK_INTERIM] = "interim",
    [CALLBACK_COPY] = "copy",
    [CALLBACK_MANUAL] = "manual",
};

const char *callback_kind_word(enum callback_kind kind)
{
    return kind_words[kind];
}

static int numbers_to_strings(struct json_object *value, struct json_object **ret);

static int array_to_strings(struct json_object *array, struct json_object **ret)
{
    cleanup_json struct json_object *copy = json_object_new_array();
    int r = copy ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < json_object_array_length(array); i++) {
        struct json_object *item = NULL;
        r = numbers_to_strings(json_object_array_get_idx(array, i), &item);
        if (r == 0)
            r = json_append(copy, item);
    }
    if (r == 0)
        *ret = TAKE_PTR(copy);
    return r;
}

static int object_to_strings(struct json_object *object, struct json_object **ret)
{
    cleanup_json struct json_object *copy = json_object_new_object();
    int r = copy ? 0 : -ENOMEM;

    json_object_object_foreach(object, key, value)
    {
        struct json_object *member = NULL;
        if (r == 0)
            r = numbers_to_strings(value, &member);
        if (r == 0)
            r = json_add(copy, key, member);
    }
    if (r == 0)
        *ret = TAKE_PTR(copy);
    return r;
}

/* A new tree in which each number is the string of its text. Its depth is that of a body, which the
 * scanner bounds. */
static int numbers_to_strings(struct json_object *value, struct json_object **ret)
{
    const char *text;

    if (json_object_is_type(value, json_type_object))
        return object_to_strings(value, ret);
    if (json_object_is_type(value, json_type_array))
        return array_to_strings(value, ret);
    if (!json_object_is_type(value, json_type_int) &&
        !json_object_is_type(value, json_type_double)) {
        *ret = json_object_get(value);
        return 0;
    }
    text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    *ret = text ? json_object_new_string(text) : NULL;
    return *ret ? 0 : -ENOMEM;
}

static int corrupted_custom(struct json_object **ret)
{
    cleanup_json struct json_object *custom = json_object_new_object();
    int r = custom ? json_add_string(custom, "corrupted", "not what was sent") : -ENOMEM;

    if (r == 0)
        *ret = TAKE_PTR(custom);
    return r;
}

static int add_custom(struct json_object *object, const struct behaviours *b, uint64_t seed,
                      const struct job_contact *contact)
{
    struct json_object *custom = json_get(contact->fields, "custom"), *changed = NULL;
    int r;

    if (dice_share(seed, "corrupt_custom", contact->number, b->corrupt_custom)) {
        r = corrupted_custom(&changed);
        return r < 0 ? r : json_add(object, "custom", changed);
    }
    if (!custom || b->omit_custom)
        return 0;
    if (!b->custom_as_string)
        return json_add(object, "custom", json_object_get(custom));
    r = numbers_to_strings(custom, &changed);
    return r < 0 ? r : json_add(object, "custom", changed);
}

static int usual_object(const struct behaviours *b, uint64_t seed,
                        const struct job_contact *contact, enum callback_kind kind,
                        struct json_object **ret)
{
    cleanup_json struct json_object *object = NULL;
    struct result_form form = {
        .seed = seed,
        .spelling = b->spelling,
        .status = kind == CALLBACK_INTERIM      ? "pending"
                  : b->spelling & SPELL_SUCCESS ? "success"
                                                : b->final_status,
        .id = contact->job->id,
        .with_data = contact->found,
    };
    char other_id[UUID_TEXT_SIZE];
    int r;

    if (dice_share(seed, "corrupt_enrichment_id", contact->number, b->corrupt_enrichment_id)) {
        struct uuid id;
        dice_uuid(seed, "corrupt_enrichment_id", contact->number, &id);
        uuid_format(&id, other_id);
        form.id = other_id;
    }
    if (kind == CALLBACK_COPY &&
        dice_share(seed, "corrupt_result", contact->number, b->corrupt_result))
        form.with_data = form.altered = true;
    r = result_to_json(contact, &form, &object);
    if (r == 0)
        r = add_custom(object, b, seed, contact);
    if (r == 0)
        *ret = TAKE_PTR(object);
    return r;
}

/* An owner of text in the making. */
struct text {
    char *data;
    size_t size;
};

static int text_set(struct text *text, const char *data, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return -ENOMEM;
    *(char *)mempcpy(copy, data, size) = '\0'; /* after a text that may hold NUL itself */
    free(text->data);
    *text = (struct text){copy, size};
    return 0;
}

/* Puts @head, then @fill characters @c, then @tail in the place of the last brace of an object. */
static int text_extend(struct text *text, const char *head, char c, size_t fill, const char *tail)
{
    size_t old = text->size - 1, head_size = strlen(head), tail_size = strlen(tail);
    char *data = realloc(text->data, old + head_size + fill + tail_size + 1), *end;

    if (!data)
        return -ENOMEM;
    end = mempcpy(data + old, head, head_size);
    memset(end, c, fill);
    memcpy(end + fill, tail, tail_size + 1);
    *text = (struct text){data, old + head_size + fill + tail_size};
    return 0;
}

/* Exactly @size bytes, when the body is not longer already. */
static int pad(struct text *text, size_t size)
{
    static const char head[] = ",\"padding\":\"", tail[] = "\"}";
    size_t least = text->size - 1 + strlen(head) + strlen(tail);

    if (size <= text->size)
        return 0;
    if (size < least) /* too little room for a member: blanks before the end */
        return text_extend(text, "", ' ', size - text->size, "}");
    return text_extend(text, head, 'x', size - least, tail);
}

#define SET(text, literal) text_set(text, literal, sizeof(literal) - 1)

static int deform(struct text *text, const struct behaviours *b)
{
    switch ((enum body_form)b->body) {
    case BODY_NORMAL:
        return b->body_size > 0 ? pad(text, (size_t)b->body_size) : 0;
    case BODY_GARBAGE:
        return SET(text, "\x13\x37 this is = not JSON; \xfe\xff{{{");
    case BODY_ARRAY: {
        struct text inner = *text;
        int r;

        *text = (struct text){0};
        r = SET(text, "[}");
        if (r == 0)
            r = text_extend(text, inner.data, ' ', 0, "]");
        free(inner.data);
        return r;
    }
    case BODY_TRUNCATED:
        text->size -= text->size / 3 + 1;
        return 0;
    case BODY_HUGE:
        return pad(text, CALLBACK_HUGE_BYTES);
    case BODY_HTML:
        return SET(text, "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
                         "<body><h1>502 Bad Gateway</h1></body></html>\n");
    case BODY_EMPTY:
        return SET(text, "");
    case BODY_DEEP: {
        int r = text_extend(text, ",\"deep\":", '[', 64, "}");
        return r < 0 ? r : text_extend(text, "", ']', 64, "}");
    }
    case BODY_NOT_UTF8:
        return text_extend(text, ",\"note\":\"\xc3\x28\xed\xa0\x80\"", ' ', 0, "}");
    case BODY_NUL_KEY:
        return text_extend(text, ",\"sta\\u0000tus\":1", ' ', 0, "}");
    }
    return 0;
}

int callback_body(const struct behaviours *behaviours, uint64_t seed,
                  const struct job_contact *contact, enum callback_kind kind, char **ret,
                  size_t *ret_size)
{
    cleanup_json struct json_object *object = NULL;
    struct text text = {0};
    int r = usual_object(behaviours, seed, contact, kind, &object);

    if (r == 0)
        r = json_serialize(object, &text.data, &text.size);
    if (r == 0)
        r = deform(&text, behaviours);
    if (r < 0) {
        free(text.data);
        return r;
    }
    *ret = text.data;
    *ret_size = text.size;
    return 0;
}
