#include "config/secrets.h"

#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/io.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_secret(const char *text, size_t length)
{
    if (length < SECRET_MIN || length > SECRET_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || (unsigned char)text[i] >= 0x80 ||
            (!isalnum((unsigned char)text[i]) && !strchr("-_.~", text[i])))
            return false;
    return true;
}

/* Adds one line of the file to @secrets, which has room for it. */
static int add_line(const char *text, size_t length, char **secrets, size_t *n)
{
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length == 0 || *text == '#')
        return CONFIG_OK;
    if (*n == SECRETS_MAX || !is_secret(text, length))
        return CONFIG_INVALID;
    secrets[*n] = strndup(text, length);
    return secrets[*n] ? (++*n, CONFIG_OK) : -ENOMEM;
}

int secrets_parse(const char *text, size_t size, char ***ret, unsigned *ret_line)
{
    char **secrets = calloc(SECRETS_MAX + 1, sizeof *secrets);
    if (!secrets)
        return -ENOMEM;
    size_t n = 0;
    int r = CONFIG_OK;
    unsigned line = 0;
    for (size_t at = 0; at < size && r == CONFIG_OK;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - (text + at)) : size - at;
        line++;
        r = add_line(text + at, length, secrets, &n);
        at += length + 1;
    }
    if (r == CONFIG_OK)
        *ret = secrets;
    else
        config_free_secrets(secrets);
    if (r == CONFIG_INVALID)
        *ret_line = line;
    return r;
}

int config_read_secrets(const struct config *config, char ***ret)
{
    cleanup_free char *path = NULL, *text = NULL;
    size_t size = 0;
    unsigned line = 0;
    int r = secret_path("callback-secret", config->ingress.secret_file, &path);
    if (r == 0 && path)
        r = secret_read(path, &text, &size);
    if (r < 0)
        return r;
    r = secrets_parse(text ? text : "", size, ret, &line);
    if (text)
        secret_wipe(text, size);
    return r;
}

void config_free_secrets(char **secrets)
{
    for (char **secret = secrets; secret && *secret; secret++) {
        secret_wipe(*secret, strlen(*secret));
        free(*secret);
    }
    free(secrets);
}
