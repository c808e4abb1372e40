#include "ctl/contact_options.h"

#include <string.h>

int contact_begin(struct contact_options *options)
{
    *options = (struct contact_options){.body = json_object_new_object()};
    return options->body ? EXIT_OK : fail(EXIT_ERROR, "out of memory");
}

void contact_options_done(struct contact_options *options)
{
    json_object_put(options->body);
    json_object_put(options->custom);
    json_object_put(options->countries);
    *options = (struct contact_options){0};
}

static int add_field(struct contact_options *options, const char *option, const char *value)
{
    char field[64];
    size_t i;

    for (i = 0; option[i] && i + 1 < sizeof(field); i++)
        field[i] = (char)(option[i] == '-' ? '_' : option[i]);
    field[i] = '\0';
    return json_add_string(options->body, field, value) < 0 ? fail(EXIT_ERROR, "out of memory")
                                                            : EXIT_OK;
}

static int add_custom(const struct context *context, struct contact_options *options,
                      const char *pair)
{
    const char *equals = strchr(pair, '=');
    cleanup_free char *key = NULL;

    if (!equals || equals == pair)
        return usage_error(context, "--custom takes KEY=VALUE, not '%s'", pair);
    key = strndup(pair, (size_t)(equals - pair));
    if (!options->custom)
        options->custom = json_object_new_object();
    if (!key || !options->custom || json_add_string(options->custom, key, equals + 1) < 0)
        return fail(EXIT_ERROR, "out of memory");
    return EXIT_OK;
}

/* --custom-json sets the whole; --custom adds strings to it, in any order of the options. */
static int add_custom_json(const struct context *context, struct contact_options *options,
                           const char *text)
{
    cleanup_json struct json_object *object = NULL;
    int r = json_parse_strict(text, strlen(text), true, &object);

    if (r < 0)
        return fail(EXIT_ERROR, "out of memory");
    if (r > 0)
        return usage_error(context, "--custom-json takes a JSON object");
    if (options->custom) {
        json_object_object_foreach(options->custom, key, value)
        {
            if (json_add(object, key, json_object_get(value)) < 0)
                return fail(EXIT_ERROR, "out of memory");
        }
        json_object_put(options->custom);
    }
    options->custom = TAKE_PTR(object);
    return EXIT_OK;
}

static int add_country(struct contact_options *options, const char *country)
{
    struct json_object *text = json_object_new_string(country);

    if (!options->countries)
        options->countries = json_object_new_array();
    if (!text || !options->countries || json_append(options->countries, text) < 0)
        return fail(EXIT_ERROR, "out of memory");
    return EXIT_OK;
}

int contact_option(const struct context *context, struct contact_options *options, int option,
                   const char *name, const char *value)
{
    switch (option) {
    case OPTION_FIELD:
        return add_field(options, name, value);
    case OPTION_TYPE:
        return add_field(options, "enrichment_type", value);
    case OPTION_COUNTRY:
        return add_country(options, value);
    case OPTION_CUSTOM:
        return add_custom(context, options, value);
    case OPTION_CUSTOM_JSON:
        return add_custom_json(context, options, value);
    default:
        return usage_error(context, "unknown option");
    }
}

int contact_end(struct contact_options *options)
{
    if (options->custom && json_add(options->body, "custom", TAKE_PTR(options->custom)) < 0)
        return fail(EXIT_ERROR, "out of memory");
    if (options->countries &&
        json_add(options->body, "phone_country_codes", TAKE_PTR(options->countries)) < 0)
        return fail(EXIT_ERROR, "out of memory");
    return EXIT_OK;
}
