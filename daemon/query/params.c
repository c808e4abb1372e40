#include "query/params.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool percent_decode(char *text, bool plus)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);

            if (low < 0 || high + low == 0)
                return false;
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = plus && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    return true;
}

/* Cuts @text at its parameters. */
static int split(char *text, struct params *params)
{
    char *rest = text, *part;

    while ((part = strsep(&rest, "&"))) {
        char *value;

        if (*part == '\0')
            continue;
        if (params->n == PARAMS_MAX)
            return PARAMS_E_TOO_MANY;
        value = strchr(part, '=');
        if (value)
            *value++ = '\0';
        else
            value = part + strlen(part);
        if (!percent_decode(part, true) || !percent_decode(value, true))
            return PARAMS_E_MALFORMED;
        params->items[params->n++] = (struct param){part, value};
    }
    return PARAMS_OK;
}

int params_parse(const char *query, struct params *ret)
{
    cleanup_free char *text = strdup(query ? query : "");
    struct params params = {.n = 0};
    int r;

    if (!text)
        return -ENOMEM;
    r = split(text, &params);
    if (r != PARAMS_OK)
        return r;
    params.text = TAKE_PTR(text);
    *ret = params;
    return PARAMS_OK;
}

void params_done(struct params *params)
{
    free(params->text);
    *params = (struct params){.n = 0};
}

const char *params_get(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return params->items[i].value;
    return NULL;
}

enum allowance { NOT_ALLOWED, ALLOWED_ONCE, ALLOWED_OFTEN };

static enum allowance allowance_of(const char *name, const char *const *allowed)
{
    for (; allowed && *allowed; allowed++) {
        size_t length = strlen(*allowed);

        if (strcmp(name, *allowed) == 0 && (*allowed)[length - 1] != '.')
            return ALLOWED_ONCE;
        if ((*allowed)[length - 1] == '.' && strncmp(name, *allowed, length) == 0)
            return ALLOWED_OFTEN;
    }
    return NOT_ALLOWED;
}

const struct param *params_unwanted(const struct params *params, const char *const *allowed)
{
    for (size_t i = 0; i < params->n; i++) {
        const struct param *param = &params->items[i];
        enum allowance allowance = allowance_of(param->name, allowed);

        if (allowance == NOT_ALLOWED ||
            (allowance == ALLOWED_ONCE && params_get(params, param->name) != param->value))
            return param;
    }
    return NULL;
}

bool param_seconds(const char *text, int64_t max_s, int64_t *ret_ms)
{
    int64_t ms = 0, unit = 100;
    const char *p = text;

    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        ms = ms * 10 + (*p - '0');
        if (ms > max_s)
            return false;
    }
    ms *= 1000;
    if (*p == '.') {
        if (!isdigit((unsigned char)*++p))
            return false;
        for (; isdigit((unsigned char)*p); p++, unit /= 10)
            ms += (*p - '0') * unit;
    }
    if (*p != '\0' || ms > max_s * 1000)
        return false;
    *ret_ms = ms;
    return true;
}
