#include "ingress/ingress_internal.h"

#include "common/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_vector(char **v, bool secret)
{
    for (char **p = v; p && *p; p++) {
        if (secret)
            secret_wipe(*p, strlen(*p));
        free(*p);
    }
    free(v);
}

/* A copy of a NULL-terminated vector, which may be NULL itself; or NULL when out of memory. */
static char **copy_vector(char *const *v)
{
    size_t n = 0;
    char **copy;

    while (v && v[n])
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(v[i]);
        if (!copy[i]) {
            free_vector(copy, true);
            return NULL;
        }
    }
    return copy;
}

int settings_new(const struct ingress_settings *from, struct settings **ret)
{
    struct settings *settings = calloc(1, sizeof(*settings));

    if (!settings)
        return -ENOMEM;
    atomic_init(&settings->references, 1);
    settings->max_body = from->max_body;
    settings->timeout_ms = from->timeout_ms;
    settings->secrets = copy_vector(from->secrets);
    settings->trusted_proxies = copy_vector(from->trusted_proxies);
    if (!settings->secrets || !settings->trusted_proxies) {
        settings_unref(settings);
        return -ENOMEM;
    }
    *ret = settings;
    return 0;
}

void settings_unref(struct settings *settings)
{
    if (!settings || atomic_fetch_sub(&settings->references, 1) != 1)
        return;
    free_vector(settings->secrets, true);
    free_vector(settings->trusted_proxies, false);
    free(settings);
}
