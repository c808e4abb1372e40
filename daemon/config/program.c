/* What a hook's program gets besides its document. A message never repeats a value: someone may have
 * written a secret there. */
#include "config/values.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

bool config_is_variable(const char *text, size_t size)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    const char *equals = memchr(text, '=', size);

    if (!equals || equals == text || !memchr(first, *text, sizeof first - 1))
        return false;
    for (const char *c = text + 1; c < equals; c++)
        if (!memchr(first, *c, sizeof first - 1) && (*c < '0' || *c > '9'))
            return false;
    return !memchr(text, '\0', size);
}

bool config_is_own_variable(const char *text)
{
    return strncmp(text, "PRONTO_", 7) == 0;
}

/* Whether an earlier word has the name of words[@n]. */
static bool is_repeated(char *const *words, size_t n)
{
    size_t length = (size_t)(strchr(words[n], '=') - words[n]) + 1;
    for (size_t i = 0; i < n; i++)
        if (strncmp(words[i], words[n], length) == 0)
            return true;
    return false;
}

VALUE_PARSER(value_environment)
{
    cleanup_strv char **words = NULL;
    int r = parse_words(text, &words);
    if (r == -EINVAL)
        return because(ret_why, "a quote is not closed");
    if (r < 0)
        return r;
    for (size_t i = 0; words[i]; i++) {
        if (!config_is_variable(words[i], strlen(words[i])))
            return because(ret_why, "must be NAME=value, separated by blanks; a name has letters, "
                                    "digits and _");
        if (config_is_own_variable(words[i]))
            return because(ret_why, "names that begin with PRONTO_ are prontod's own");
        if (is_repeated(words, i))
            return because(ret_why, "a name is given twice");
    }
    char ***field = key_field(key, object);
    strv_free(*field);
    *field = TAKE_PTR(words);
    return VALUE_OK;
}

VALUE_PARSER(value_environment_file)
{
    if (strlen(text) >= PATH_MAX)
        return because(ret_why, "must have at most %d bytes", PATH_MAX - 1);
    if (*text && *text != '/' && (strchr(text, '/') || *text == '.'))
        return because(ret_why, "must be an absolute path, or the name of a credential");
    return replace_text(key_field(key, object), text);
}
