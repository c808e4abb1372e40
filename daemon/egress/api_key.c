#include "egress/api_key.h"

#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/io.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define CREDENTIAL "pronto-api-key"
#define MASK       "***"

static int say(struct api_key *key, const char *path, const char *what)
{
    if (asprintf(&key->detail, "%s%s%s", path ? path : "", path ? ": " : "", what) < 0) {
        key->detail = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int say_error(struct api_key *key, const char *path, int error)
{
    switch (error) {
    case -ENOMEM:
        return error;
    case -ENOENT:
        return say(key, path, "not there; put the API key into this file, mode 0600");
    case -EPERM:
        return say(key, path,
                   "others than its owner may read or write it, or it is another user's; chmod "
                   "0600 and chown it to root or the user of prontod-egress");
    case -EACCES:
        return say(key, path, "not readable; chown it to the user of prontod-egress");
    case -EFBIG:
        return say(key, path, "too large for an API key; put the API key alone into this file");
    default:
        return say(key, path, strerror(-error));
    }
}

/* One line of visible ASCII. What would end a header early or hide in it is no key. */
static bool is_key(const char *text, size_t size)
{
    if (size == 0 || size > LIMIT_API_KEY)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static int accept(struct api_key *key, const char *path, const char *text, size_t size)
{
    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size > 0 && text[size - 1] == '\r')
        size--;
    if (size == 0)
        return say(key, path, "empty; put the API key into this file");
    if (!is_key(text, size))
        return say(key, path,
                   "not an API key; it is one line of at most 512 printable ASCII characters "
                   "without blanks");
    key->text = strndup(text, size);
    return key->text ? 0 : -ENOMEM;
}

int api_key_load(const char *file, struct api_key *ret)
{
    cleanup_free char *path = NULL;
    struct api_key key = {0};
    char *text = NULL;
    size_t size = 0;
    int r = secret_path(CREDENTIAL, file, &path);

    if (r < 0)
        return r;
    if (!path) {
        r = say(&key, NULL,
                "no API key; name its file as api_key_file in [pronto], or give the "
                "credential " CREDENTIAL);
    } else {
        r = secret_read(path, &text, &size);
        r = r < 0 ? say_error(&key, path, r) : accept(&key, path, text, size);
    }
    if (text) {
        secret_wipe(text, size);
        free(text);
    }
    if (r == 0)
        *ret = key;
    return r;
}

void api_key_done(struct api_key *key)
{
    if (key->text)
        secret_wipe(key->text, strlen(key->text));
    free(key->text);
    free(key->detail);
    *key = (struct api_key){0};
}

static int hex(const char *p, size_t n)
{
    int value = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isxdigit((unsigned char)p[i]))
            return -1;
        value = value * 16 + (isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    }
    return value;
}

/* How many bytes at @p stand for @c, written as it is or escaped; 0: none. */
static size_t match_char(const char *p, const char *end, char c)
{
    size_t left = (size_t)(end - p);

    if (left >= 6 && p[0] == '\\' && p[1] == 'u' && hex(p + 2, 4) == c)
        return 6;
    if (left >= 2 && p[0] == '\\' && p[1] == c)
        return 2;
    if (left >= 3 && p[0] == '%' && hex(p + 1, 2) == c)
        return 3;
    return left >= 1 && p[0] == c;
}

/* How many bytes at @p are the key; 0: they are something else. */
static size_t match_key(const char *key, size_t key_size, const char *p, const char *end)
{
    const char *at = p;

    if ((size_t)(end - p) < key_size)
        return 0;
    if (memcmp(p, key, key_size) == 0)
        return key_size;
    for (size_t i = 0; i < key_size; i++) {
        size_t n = match_char(at, end, key[i]);

        if (n == 0)
            return 0;
        at += n;
    }
    return (size_t)(at - p);
}

int api_key_mask(const char *key, const char *body, size_t size, char **ret, size_t *ret_size)
{
    size_t key_size = strlen(key), out = 0;
    const char *p = body, *end = body + size;
    /* A key may be shorter than its mask. */
    char *masked = malloc(size * strlen(MASK) + 1);

    if (!masked)
        return -ENOMEM;
    while (p < end) {
        size_t n = match_key(key, key_size, p, end);

        if (n > 0) {
            memcpy(masked + out, MASK, strlen(MASK));
            out += strlen(MASK);
            p += n;
        } else {
            masked[out++] = *p++;
        }
    }
    masked[out] = '\0';
    *ret = masked;
    *ret_size = out;
    return 0;
}
