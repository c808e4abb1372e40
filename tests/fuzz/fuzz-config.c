/* Any text as prontod.conf. Beyond not crashing: a configuration comes out or at least one fault, a
 * fault has a line of the text and is one printable line, and what comes out is whole. */
#include "common/parse.h"
#include "config/config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    unsigned faults, lines;
};

static void on_fault(const char *file, unsigned line, const char *message, void *userdata)
{
    struct told *told = userdata;

    assert(strncmp(file, "/proc/self/fd/", 14) == 0);
    assert(line <= told->lines);
    assert(*message != '\0');
    for (const char *c = message; *c; c++)
        assert(*c >= ' ' && *c != 0x7f);
    told->faults++;
}

static void check_hook(const struct config *config, const struct hook_config *hook)
{
    assert(config_hook(config, hook->name) == hook);
    assert(strv_length(hook->command) >= 1 && hook->command[0][0] == '/');
    assert(hook->on != 0 && hook->on < 1U << HOOK_EVENT_MAX_);
    assert(hook->types != 0 && hook->types < 1U << ENRICHMENT_MAX_);
    assert(hook->backoff_first_ms > 0 && hook->backoff_first_ms <= hook->backoff_longest_ms);
    assert(hook->timeout_ms > 0 && hook->kill_after_ms > 0 && hook->concurrency > 0);
    assert(hook->window > 0 && hook->files > 0 && hook->working_directory[0] == '/');
}

static void check_config(const struct config *config)
{
    assert(strncmp(config->ingress.public_url, "http", 4) == 0);
    assert(config->ingress.public_url[strlen(config->ingress.public_url) - 1] != '/');
    assert(config->store.path[0] == '/' && config->query.socket[0] == '/');
    assert(config->ingress.max_body >= 1024 && config->ingress.max_body <= 8 * 1024 * 1024);
    assert(config->n_hooks <= LIMIT_HOOKS);
    for (size_t i = 0; i < config->n_hooks; i++)
        check_hook(config, &config->hooks[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct told told = {.lines = 1};
    struct config *config = NULL;
    int fd = memfd_create("prontod.conf", MFD_CLOEXEC);

    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    for (size_t i = 0; i < size; i++)
        told.lines += data[i] == '\n';
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int r = config_load(path, on_fault, &told, &config);

    assert((r == CONFIG_OK && told.faults == 0) || (r == CONFIG_INVALID && told.faults > 0));
    assert((config != NULL) == (r == CONFIG_OK));
    if (config)
        check_config(config);
    config_free(config);
    close(fd);
    return 0;
}
