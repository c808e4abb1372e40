/* The life of a snapshot and of the origins of its keys. */
#include "config/config.h"

#include "common/parse.h"
#include "config/origins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int origins_add_file(struct config_origins *origins, const char *path)
{
    char *copy = strdup(path);
    char **files = reallocarray(origins->files, origins->n_files + 2, sizeof *files);
    if (files)
        origins->files = files;
    if (!copy || !files) {
        free(copy);
        return -ENOMEM;
    }
    files[origins->n_files++] = copy;
    files[origins->n_files] = NULL;
    return 0;
}

const char *origins_file(const struct config_origins *origins, const struct origin *origin)
{
    return origins->files[origin->file > 0 ? origin->file - 1 : 0];
}

void origins_free(struct config_origins *origins)
{
    if (!origins)
        return;
    strv_free(origins->files);
    free(origins);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_hooks; i++) {
        free(config->hooks[i].name);
        strv_free(config->hooks[i].command);
        free(config->hooks[i].command_text);
        free(config->hooks[i].user);
        free(config->hooks[i].working_directory);
        strv_free(config->hooks[i].environment);
        free(config->hooks[i].environment_file);
    }
    free(config->hooks);
    free(config->ingress.listen);
    free(config->ingress.public_url);
    free(config->ingress.secret_file);
    strv_free(config->ingress.trusted_proxies);
    free(config->query.socket);
    free(config->query.admin_group);
    free(config->query.read_group);
    free(config->store.url);
    free(config->store.path);
    free(config->pronto.api_url);
    free(config->pronto.api_key_file);
    origins_free(config->origins);
    free(config);
}

const struct hook_config *config_hook(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_hooks; i++)
        if (strcmp(config->hooks[i].name, name) == 0)
            return &config->hooks[i];
    return NULL;
}
