/* From files to a snapshot. Every fault of every file is told, so that a file is mended in one go;
 * what the keys say together is looked at only when each is right by itself. */
#include "config/config.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/parse.h"
#include "config/keys.h"
#include "config/origins.h"
#include "config/reader.h"
#include "config/values.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX      ((size_t)1024 * 1024)
#define FILES_MAX     1000
#define HOOK_NAME_MAX 64

enum place { PLACE_NONE, PLACE_UNKNOWN, PLACE_GLOBAL, PLACE_HOOK };

struct loader {
    struct config *config;
    config_fault_fn fault;
    void *userdata;
    unsigned n_faults;
    bool incomplete;  /* a file could not be read */
    enum place place; /* where the current line is */
    char section[16]; /* "hook" for PLACE_HOOK */
    size_t hook;      /* index of the current one */
};

static const char *current_file(const struct loader *loader)
{
    const struct config_origins *origins = loader->config->origins;
    return origins->files[origins->n_files - 1];
}

__attribute__((format(printf, 4, 5))) static void tell(struct loader *loader, const char *file,
                                                       unsigned line, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    loader->n_faults++;
    loader->fault(file, line, message, loader->userdata);
}

/* A name from a file may be shown when it looks like one; else it may be anything. */
static bool is_name(const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length == 0 || length > max)
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            return false;
    return true;
}

static int on_fault(void *userdata, unsigned line, const char *message)
{
    struct loader *loader = userdata;
    tell(loader, current_file(loader), line, "%s", message);
    return 0;
}

static int add_hook(struct loader *loader, const char *name, unsigned line)
{
    struct config *config = loader->config;
    struct hook_config *hooks =
        reallocarray(config->hooks, config->n_hooks + 1, sizeof *config->hooks);
    if (!hooks)
        return -ENOMEM;
    config->hooks = hooks;
    struct hook_config *hook = &hooks[config->n_hooks];
    *hook = (struct hook_config){.name = strdup(name)};
    if (!hook->name)
        return -ENOMEM;
    loader->hook = config->n_hooks++;
    config->origins->hooks[loader->hook].section =
        (struct origin){.file = (unsigned)config->origins->n_files, .line = line};
    return key_set_defaults(hook, true);
}

/* @name: what follows "hook" in the section. */
static int enter_hook(struct loader *loader, const char *name, unsigned line)
{
    struct config *config = loader->config;
    if (!is_name(name, HOOK_NAME_MAX)) {
        tell(loader, current_file(loader), line,
             "a hook's name must be 1 to %d of A-Z a-z 0-9 _ . -, as in [hook crm]", HOOK_NAME_MAX);
        return 0;
    }
    const struct hook_config *known = config_hook(config, name);
    if (!known && config->n_hooks == LIMIT_HOOKS) {
        tell(loader, current_file(loader), line, "there may be at most %d hooks", LIMIT_HOOKS);
        return 0;
    }
    loader->place = PLACE_HOOK;
    strcpy(loader->section, "hook");
    if (!known)
        return add_hook(loader, name, line);
    loader->hook = (size_t)(known - config->hooks);
    return 0;
}

static int on_section(void *userdata, unsigned line, const char *name)
{
    struct loader *loader = userdata;
    loader->place = PLACE_UNKNOWN;
    if (!name)
        return 0;
    size_t word = strcspn(name, " \t");
    if (word == 4 && strncmp(name, "hook", 4) == 0)
        return enter_hook(loader, name + word + strspn(name + word, " \t"), line);
    if (key_section_exists(name)) {
        loader->place = PLACE_GLOBAL;
        snprintf(loader->section, sizeof loader->section, "%s", name);
    } else if (is_name(name, HOOK_NAME_MAX)) {
        tell(loader, current_file(loader), line, "unknown section [%s]", name);
    } else {
        tell(loader, current_file(loader), line, "unknown section");
    }
    return 0;
}

static void tell_unknown_key(struct loader *loader, unsigned line, const char *name)
{
    const struct config_key *elsewhere = key_find_anywhere(name);
    const char *file = current_file(loader);
    if (elsewhere)
        tell(loader, file, line, "unknown key %s in [%s]; it belongs to [%s]", name,
             loader->section,
             strcmp(elsewhere->section, "hook") == 0 ? "hook NAME" : elsewhere->section);
    else if (is_name(name, HOOK_NAME_MAX))
        tell(loader, file, line, "unknown key %s in [%s]", name, loader->section);
    else
        tell(loader, file, line, "unknown key in [%s]", loader->section);
}

/* Notes where the key is given. False: it was given in this file before. */
static bool note_origin(struct loader *loader, const struct config_key *key, unsigned line)
{
    struct config_origins *origins = loader->config->origins;
    struct key_origins *of =
        loader->place == PLACE_HOOK ? &origins->hooks[loader->hook] : &origins->global;
    struct origin *origin = &of->keys[key_index(key)];
    if (origin->file == origins->n_files) {
        tell(loader, current_file(loader), line, "%s: already given at line %u", key->name,
             origin->line);
        return false;
    }
    *origin = (struct origin){.file = (unsigned)origins->n_files, .line = line};
    return true;
}

static int on_value(void *userdata, unsigned line, const char *name, const char *value)
{
    struct loader *loader = userdata;
    if (loader->place == PLACE_NONE)
        tell(loader, current_file(loader), line, "a key before the first [section]");
    if (loader->place == PLACE_NONE || loader->place == PLACE_UNKNOWN)
        return 0;
    const struct config_key *key = key_find(loader->section, name);
    if (!key) {
        tell_unknown_key(loader, line, name);
        return 0;
    }
    if (!note_origin(loader, key, line))
        return 0;
    void *object =
        loader->place == PLACE_HOOK ? (void *)&loader->config->hooks[loader->hook] : loader->config;
    struct why why;
    int r = key_set(key, value, object, &why);
    if (r == VALUE_INVALID)
        tell(loader, current_file(loader), line, "%s: %s", key->name, why.text);
    return r < 0 ? r : 0;
}

static int load_file(struct loader *loader, const char *path)
{
    static const struct reader_events events = {
        .section = on_section, .value = on_value, .fault = on_fault};
    int r = origins_add_file(loader->config->origins, path);
    if (r < 0)
        return r;
    cleanup_free char *text = NULL;
    size_t size = 0;
    r = file_read(path, FILE_MAX, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        tell(loader, path, 0, "cannot be read: %s",
             r == -EFBIG ? "larger than 1 MiB" : strerrordesc_np(-r));
        loader->incomplete = true;
        return 0;
    }
    loader->place = PLACE_NONE;
    r = reader_run(text, size, &events, loader);
    if (r == READER_UNREADABLE)
        loader->incomplete = true;
    return r < 0 ? r : 0;
}

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 &&
           strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* Bytewise: the order must not depend on the locale, as that of alphasort() does. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_in(struct loader *loader, const char *directory, const char *name)
{
    cleanup_free char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return load_file(loader, path);
}

static int load_directory(struct loader *loader, const char *directory)
{
    struct dirent **entries = NULL;
    int n = scandir(directory, &entries, is_drop_in, compare_names);
    if (n < 0) {
        int error = errno;
        if (error == ENOMEM)
            return -ENOMEM;
        if (error != ENOENT)
            tell(loader, directory, 0, "cannot be read: %s", strerrordesc_np(error));
        return 0;
    }
    int r = 0;
    if (n > FILES_MAX)
        tell(loader, directory, 0, "has more than %d files", FILES_MAX);
    for (int i = 0; i < n; i++) {
        if (r == 0 && n <= FILES_MAX)
            r = load_drop_in(loader, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

/* Keys that have no default. One that was given with a fault is told already. */
static void check_required(struct loader *loader)
{
    const struct config *config = loader->config;
    const struct config_origins *origins = config->origins;
    size_t url = key_index(key_find("ingress", "public_url"));
    size_t command = key_index(key_find("hook", "command"));
    if (origins->global.keys[url].file == 0)
        tell(loader, origins->files[0], 0,
             "public_url is missing: [ingress] must say under which URL Pronto reaches this "
             "machine");
    for (size_t i = 0; i < config->n_hooks; i++) {
        const struct origin *origin = &origins->hooks[i].section;
        if (origins->hooks[i].keys[command].file == 0)
            tell(loader, origins_file(origins, origin), origin->line, "hook %s has no command",
                 config->hooks[i].name);
    }
}

/* What several keys must say together. */
static void check_together(struct loader *loader)
{
    const struct config *config = loader->config;
    const struct config_origins *origins = config->origins;
    const char *secret_file = config->ingress.secret_file, *key_file = config->pronto.api_key_file;
    const struct config_key *key = key_find("pronto", "api_key_file");
    const struct origin *origin = &origins->global.keys[key_index(key)];
    if (secret_file && key_file && strcmp(secret_file, key_file) == 0)
        tell(loader, origins_file(origins, origin), origin->line,
             "api_key_file: is the secret_file too; the API key needs a file of its own");
    key = key_find("store", "url");
    origin = &origins->global.keys[key_index(key)];
    if (strcmp(config->store.path, config->query.socket) == 0)
        tell(loader, origins_file(origins, origin), origin->line,
             "url: is the path of the query socket too");
}

static int load_all(struct loader *loader, const char *path)
{
    cleanup_free char *directory = NULL;
    if (asprintf(&directory, "%s.d", path) < 0) {
        directory = NULL;
        return -ENOMEM;
    }
    int r = key_set_defaults(loader->config, false);
    if (r == 0)
        r = load_file(loader, path);
    if (r == 0)
        r = load_directory(loader, directory);
    if (r < 0)
        return r;
    r = replace_text(&loader->config->store.path, strchr(loader->config->store.url, '/'));
    if (r < 0)
        return r;
    if (!loader->incomplete)
        check_required(loader);
    if (loader->n_faults == 0)
        check_together(loader);
    if (loader->config->pronto.resend_after_ms == 0)
        loader->config->pronto.resend_after_ms = loader->config->pronto.poll_after_ms;
    return loader->n_faults == 0 ? CONFIG_OK : CONFIG_INVALID;
}

int config_load(const char *path, config_fault_fn fault, void *userdata, struct config **ret)
{
    cleanup_config struct config *config = calloc(1, sizeof *config);
    if (!config)
        return -ENOMEM;
    config->origins = calloc(1, sizeof *config->origins);
    if (!config->origins)
        return -ENOMEM;
    struct loader loader = {.config = config, .fault = fault, .userdata = userdata};
    int r = load_all(&loader, path);
    if (r == CONFIG_OK)
        *ret = TAKE_PTR(config);
    return r;
}
