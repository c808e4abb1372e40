/* Options of import and export FILE. */
#include "ctl/source.h"

#include "common/parse.h"

#include <string.h>

static int add_map(const struct context *context, struct source_options *options, char *pair)
{
    char *equals = strchr(pair, '=');
    enum import_field field;

    if (!equals || equals == pair || !equals[1])
        return usage_error(context, "--map takes FIELD=COLUMN, not '%s'", pair);
    *equals = '\0';
    field = import_field_from_name(pair);
    if (field == IMPORT_FIELD_INVALID)
        return usage_error(context, "--map: there is no field '%s'", pair);
    options->wish.map[field] = equals + 1;
    return EXIT_OK;
}

/* Names with commas between; the option may be repeated. */
static int add_custom(const struct context *context, struct source_options *options,
                      const char *list)
{
    cleanup_free char *copy = strdup(list);
    char *save = NULL;

    for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; name;
         name = strtok_r(NULL, ",", &save)) {
        size_t n = options->custom ? strv_length(options->custom) : 0;
        char **grown = reallocarray(options->custom, n + 2, sizeof(*grown));

        if (!grown)
            return fail(EXIT_ERROR, "out of memory");
        options->custom = grown;
        grown[n] = strdup(name);
        grown[n + 1] = NULL;
        if (!grown[n])
            return fail(EXIT_ERROR, "out of memory");
    }
    options->wish.custom = options->custom;
    return options->custom ? EXIT_OK
                           : usage_error(context, "--custom-columns takes names of columns");
}

static int add_country(struct source_options *options, const char *country)
{
    struct json_object *text = json_object_new_string(country);

    if (!options->countries)
        options->countries = json_object_new_array();
    if (!text || !options->countries || json_append(options->countries, text) < 0)
        return fail(EXIT_ERROR, "out of memory");
    return EXIT_OK;
}

static int set_delimiter(const struct context *context, struct source_options *options,
                         const char *text)
{
    if (strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0)
        text = "\t";
    if (strlen(text) != 1 || strchr("\"\r\n", *text) || (unsigned char)*text >= 0x80)
        return usage_error(context, "--delimiter is one character or 'tab', not '%s'", text);
    options->delimiter = *text;
    return EXIT_OK;
}

static int set_type(const struct context *context, struct source_options *options, const char *text)
{
    if (enrichment_type_from_name(text) == ENRICHMENT_INVALID)
        return usage_error(context, "--type is email, phone or personal_email, not '%s'", text);
    options->type = text;
    return EXIT_OK;
}

int source_option(const struct context *context, struct source_options *options, int option,
                  char *value)
{
    switch (option) {
    case OPTION_MAP:
        return add_map(context, options, value);
    case OPTION_CUSTOM_COLUMNS:
        return add_custom(context, options, value);
    case OPTION_SOURCE_TYPE:
        return set_type(context, options, value);
    case OPTION_SOURCE_COUNTRY:
        return add_country(options, value);
    case OPTION_LABEL:
        options->label = value;
        return EXIT_OK;
    case OPTION_DELIMITER:
        return set_delimiter(context, options, value);
    default:
        return usage_error(context, "unknown option");
    }
}

void source_options_done(struct source_options *options)
{
    strv_free(options->custom);
    json_object_put(options->countries);
    *options = (struct source_options){0};
}
