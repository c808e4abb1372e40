/* prontod.conf(5): one immutable snapshot made from a table of keys. A reload makes a new snapshot
 * completely, or keeps the old one. Sole user of inih. No logging: faults go to the caller's
 * function. Loading is for one thread at a time, since inih keeps its options in globals; a
 * snapshot may be read by any thread. */
#pragma once

#include "common/limits.h"
#include "model/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credit_prices {
    int64_t of[ENRICHMENT_MAX_];
};

struct hook_config {
    char *name;         /* of the section [hook NAME]: 1 to 64 of A-Z a-z 0-9 _ . - */
    char **command;     /* argv, [0] absolute; NULL-terminated */
    char *command_text; /* as written, for GET /v1/hooks */
    unsigned on;        /* bit (1u << enum hook_event) */
    unsigned types;     /* bit (1u << enum enrichment_type); all when not given */
    enum hook_only only;
    enum hook_mode mode;
    int64_t timeout_ms, kill_after_ms;
    int64_t concurrency;
    int64_t backoff_first_ms, backoff_longest_ms;
    int64_t give_up_ms;
    int64_t max_attempts;              /* 0: no limit */
    int64_t window;                    /* HOOK_STREAM: most unanswered documents */
    int64_t memory, cpu_ms, processes; /* limits; 0: none */
    int64_t files;
    char *user;              /* or NULL: that of prontod-runner */
    char *working_directory; /* absolute */
    char **environment;      /* of "NAME=value"; NULL-terminated, or NULL */
    char *environment_file;  /* absolute, or the name of a credential; or NULL */
    int64_t rate;            /* runs a second; 0: no limit */
    int64_t trip_after;      /* failed attempts in a row that trip it; 0: never */
};

struct config {
    struct {
        char *listen;           /* ADDR:PORT, [ADDR6]:PORT, unix:/PATH */
        char *public_url;       /* without a trailing slash */
        char *secret_file;      /* or NULL */
        char **trusted_proxies; /* addresses or ADDR/BITS, checked */
        bool verify_fetch;
        int64_t max_body, max_connections, timeout_ms;
    } ingress;
    struct {
        char *socket;
        char *admin_group; /* or NULL */
        char *read_group;  /* or NULL */
    } query;
    struct {
        char *url;  /* as written */
        char *path; /* of the SQLite file */
        int64_t retention_ms, max_unmatched, min_free;
    } store;
    struct {
        char *api_url;      /* without a trailing slash; https, or http to a loopback address */
        char *api_key_file; /* or NULL */
        int64_t concurrency, rate, timeout_ms, poll_after_ms, deadline_ms, batch, batch_delay_ms,
            daily_credits;
        int64_t resend_after_ms; /* poll_after_ms when not given */
        int64_t reuse_ms;        /* 0: never */
        struct credit_prices prices;
    } pronto;
    bool custom_lenient;
    struct {
        int64_t concurrency; /* of all hooks with mode = exec */
    } delivery;
    struct hook_config *hooks;
    size_t n_hooks;
    struct config_origins *origins; /* the room's own: where each key was given */
};

/* Called for each fault, in the order of the files: "FILE:LINE: message" is how it is printed.
 * @line 0: of the whole file. A message never repeats a value: someone may have pasted a secret. */
typedef void (*config_fault_fn)(const char *file, unsigned line, const char *message,
                                void *userdata);

enum config_result {
    CONFIG_OK = 0,
    CONFIG_INVALID = 1, /* at least one fault was told */
};

#define CONFIG_PATH_DEFAULT PRONTOD_SYSCONFDIR "/prontod/prontod.conf"

/* Reads @path, then PATH.d/ *.conf in bytewise order without hidden files (later values win; a hook
 * may be given in any of them). Checks every value and all together. Returns CONFIG_OK with *ret
 * (for config_free()), CONFIG_INVALID, or -ENOMEM. */
int config_load(const char *path, config_fault_fn fault, void *userdata, struct config **ret);

/* Checks what lies outside the files and may change without them: hook programs (those
 * that exist, and their directories, owned by root or the effective user and writable by nobody
 * else), users of hooks, secret_file, api_key_file (looked at, never opened). Faults as above, with the line of the
 * key. Returns CONFIG_OK, CONFIG_INVALID, or -ENOMEM. */
int config_check_environment(const struct config *config, config_fault_fn fault, void *userdata);

/* Loads the shared secrets from the credential "callback-secret", else secret_file: a
 * NULL-terminated vector for config_free_secrets(), empty when neither is there. Needs no
 * crypto_init(). Returns CONFIG_OK, CONFIG_INVALID (a line is not a secret;
 * config_check_environment() says which), or -errno of the file (-EPERM: others may read it). */
int config_read_secrets(const struct config *config, char ***ret);

/* Wipes and frees; NULL is fine. */
void config_free_secrets(char **secrets);

void config_free(struct config *config);
static inline void config_free_p(struct config **config)
{
    config_free(*config);
}
#define cleanup_config __attribute__((cleanup(config_free_p)))

/* The hook of that name, or NULL. Borrowed. */
const struct hook_config *config_hook(const struct config *config, const char *name);

/* Whether @text is NAME=value without NUL, with a name of letters, digits and '_' that does not
 * begin with a digit. */
bool config_is_variable(const char *text, size_t size);
/* Whether the variable's name is one of ours (PRONTO_...), which no setting may give. */
bool config_is_own_variable(const char *text);

struct key_rule;
struct config_key {
    const char *section; /* "hook" for [hook NAME] */
    const char *name;
    const char *default_value;   /* NULL: none, the key is required; "": empty */
    const struct key_rule *rule; /* the room's own: how the text is read (keys.h) */
};
/* The table of keys, for tests that hold conf/prontod.conf and prontod.conf(5) against it. */
const struct config_key *config_keys(size_t *ret_n);
