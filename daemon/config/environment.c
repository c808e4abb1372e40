/* What the configuration points at. A program that another user may change is that user's way to
 * what the hook sees, so it is refused as its directory is: who may write there can put another
 * file in its place. In a directory with the sticky bit only the owner of the file can. */
#include "config/config.h"

#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/io.h"
#include "config/origins.h"
#include "config/secrets.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct checker {
    const struct config *config;
    config_fault_fn fault;
    void *userdata;
    const struct origin *origin; /* of the key that is looked at */
    unsigned n_faults;
};

__attribute__((format(printf, 2, 3))) static void tell(struct checker *checker, const char *format,
                                                       ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    checker->n_faults++;
    checker->fault(origins_file(checker->config->origins, checker->origin), checker->origin->line,
                   message, checker->userdata);
}

static bool is_trusted_owner(const struct stat *status)
{
    return status->st_uid == 0 || status->st_uid == geteuid();
}

/* @path is the file that the command's path leads to. Whether it can be started is no question of
 * the configuration: a program that is missing or not executable makes its hook broken, and it is
 * tried again by itself (prontod.conf(5), "HOOKS"). */
static void check_program_file(struct checker *checker, const char *path, const char *hook)
{
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return;
    if (!is_trusted_owner(&status))
        tell(checker,
             "command: %.256s of hook %s belongs to another user, who could change it; chown it to "
             "root",
             path, hook);
    else if (status.st_mode & 022)
        tell(checker,
             "command: %.256s of hook %s may be written by others than its owner; chmod go-w it",
             path, hook);
}

/* The directory of @path. */
static void check_program_directory(struct checker *checker, const char *path, const char *hook)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    char directory[PATH_MAX] = "/";
    if (length > 0)
        snprintf(directory, sizeof directory, "%.*s", (int)length, path);
    struct stat status;
    if (stat(directory, &status) < 0)
        tell(checker, "command: %.256s, the directory of hook %s, cannot be examined: %s",
             directory, hook, strerrordesc_np(errno));
    else if (!is_trusted_owner(&status))
        tell(checker,
             "command: %.256s belongs to another user, who could replace the program of hook %s; "
             "move the program to a directory of root",
             directory, hook);
    else if ((status.st_mode & 022) && !(status.st_mode & S_ISVTX))
        tell(checker,
             "command: %.256s may be written by others than its owner, who could replace the "
             "program of hook %s; chmod go-w it",
             directory, hook);
}

static int check_program(struct checker *checker, const struct hook_config *hook)
{
    const char *path = hook->command[0];
    unsigned before = checker->n_faults;
    cleanup_free char *real = realpath(path, NULL);
    if (!real)
        return errno == ENOMEM ? -ENOMEM : 0;
    check_program_file(checker, real, hook->name);
    if (checker->n_faults == before)
        check_program_directory(checker, real, hook->name);
    if (checker->n_faults == before && strcmp(real, path) != 0)
        check_program_directory(checker, path, hook->name); /* of the link */
    return 0;
}

/* Why secret_read() refused @path, with the remedy. */
static void tell_unreadable(struct checker *checker, const char *path, int error)
{
    if (error == EPERM)
        tell(checker,
             "secret_file: %.256s must belong to root or to prontod's user, and nobody else may "
             "read or write it; chmod 600 it",
             path);
    else if (error == EACCES)
        tell(checker,
             "secret_file: %.256s cannot be read: %s; chown it to prontod's user, or give it as "
             "the credential callback-secret",
             path, strerrordesc_np(error));
    else
        tell(checker, "secret_file: %.256s cannot be read: %s", path, strerrordesc_np(error));
}

/* The lines of a secret file. */
static int check_secret_lines(struct checker *checker, const char *path, const char *text,
                              size_t size)
{
    char **secrets = NULL;
    unsigned line = 0;
    int r = secrets_parse(text, size, &secrets, &line);
    if (r < 0)
        return r;
    if (r == CONFIG_INVALID)
        tell(checker,
             "secret_file: line %u of %.256s must be %d to %d characters of A-Z a-z 0-9 - _ . ~, "
             "and there may be at most %d such lines",
             line, path, SECRET_MIN, SECRET_MAX, SECRETS_MAX);
    else if (!secrets[0])
        tell(checker, "secret_file: %.256s has no secret; add a line, or leave the key empty",
             path);
    if (r == CONFIG_OK)
        config_free_secrets(secrets);
    return 0;
}

static int check_secrets(struct checker *checker)
{
    cleanup_free char *path = NULL, *text = NULL;
    size_t size = 0;
    int r = secret_path("callback-secret", checker->config->ingress.secret_file, &path);
    if (r < 0 || !path)
        return r;
    r = secret_read(path, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        tell_unreadable(checker, path, -r);
        return 0;
    }
    r = check_secret_lines(checker, path, text, size);
    secret_wipe(text, size);
    return r;
}

/* Looked at, never opened: prontod does not see the key. A directory that is closed to prontod is
 * as good as any, for prontod-egress is who must read it. */
static void check_api_key_file(struct checker *checker)
{
    const char *path = checker->config->pronto.api_key_file;
    struct stat status;
    if (!path)
        return;
    if (stat(path, &status) < 0) {
        if (errno != EACCES)
            tell(checker, "api_key_file: %.256s cannot be found: %s", path, strerrordesc_np(errno));
    } else if (!S_ISREG(status.st_mode)) {
        tell(checker, "api_key_file: %.256s is not a regular file", path);
    } else if (status.st_mode & 077) {
        tell(checker,
             "api_key_file: %.256s is open to others than its owner; chmod 600 it, and let Pronto "
             "make a new key",
             path);
    }
}

static int check_user(struct checker *checker, const struct hook_config *hook)
{
    errno = 0;
    if (!hook->user || getpwnam(hook->user))
        return 0;
    if (errno == ENOMEM)
        return -ENOMEM;
    tell(checker,
         "user: there is no user %s for hook %s; add it with useradd(8), or leave the key "
         "empty",
         hook->user, hook->name);
    return 0;
}

static const struct origin *global_origin(const struct config *config, const char *section,
                                          const char *name)
{
    return &config->origins->global.keys[key_index(key_find(section, name))];
}

int config_check_environment(const struct config *config, config_fault_fn fault, void *userdata)
{
    struct checker checker = {.config = config, .fault = fault, .userdata = userdata};
    checker.origin = global_origin(config, "ingress", "secret_file");
    int r = check_secrets(&checker);
    checker.origin = global_origin(config, "pronto", "api_key_file");
    check_api_key_file(&checker);
    size_t command = key_index(key_find("hook", "command"));
    size_t user = key_index(key_find("hook", "user"));
    for (size_t i = 0; i < config->n_hooks && r == 0; i++) {
        checker.origin = &config->origins->hooks[i].keys[command];
        r = check_program(&checker, &config->hooks[i]);
        checker.origin = &config->origins->hooks[i].keys[user];
        if (r == 0)
            r = check_user(&checker, &config->hooks[i]);
    }
    if (r < 0)
        return r;
    return checker.n_faults == 0 ? CONFIG_OK : CONFIG_INVALID;
}
