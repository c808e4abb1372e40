/* Every key of prontod.conf(5) with its default, its type and its limits. The manual page and
 * conf/prontod.conf are held against this table by tests. */
#include "config/keys.h"

#include "common/cleanup.h"
#include "config/values.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    ((int64_t)1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

/* A UNIX socket's address with its NUL (unix(7)). */
#define SOCKET_PATH_MAX 107

static const char *const words_verify[] = {"token", "fetch", NULL};
static const char *const words_custom[] = {"strict", "lenient", NULL};
static const char *const words_only[] = {"any", "found", "empty", NULL};
static const char *const words_mode[] = {"exec", "stream", NULL};
static_assert(HOOK_ONLY_ANY == 0 && HOOK_ONLY_FOUND == 1 && HOOK_ONLY_EMPTY == 2, "words_only");
static_assert(HOOK_EXEC == 0 && HOOK_STREAM == 1, "words_mode");

#define RULE(type, field, parser, ...)                                                             \
    &(const struct key_rule)                                                                       \
    {                                                                                              \
        .parse = (parser), .offset = offsetof(type, field), __VA_ARGS__                            \
    }
#define OF(field, parser, ...)   RULE(struct config, field, parser, __VA_ARGS__)
#define HOOK(field, parser, ...) RULE(struct hook_config, field, parser, __VA_ARGS__)
#define RANGE(low, high)         .min = (low), .max = (high)

/* clang-format off */
static const struct config_key table[] = {
    {"ingress", "listen", "127.0.0.1:8480", OF(ingress.listen, value_listen)},
    {"ingress", "public_url", NULL, OF(ingress.public_url, value_public_url)},
    {"ingress", "secret_file", "", OF(ingress.secret_file, value_path, .may_be_empty = true)},
    {"ingress", "trusted_proxies", "127.0.0.1 ::1",
     OF(ingress.trusted_proxies, value_proxies, .may_be_empty = true)},
    {"ingress", "verify", "token", OF(ingress.verify_fetch, value_flag, .words = words_verify)},
    {"ingress", "max_body", "1M", OF(ingress.max_body, value_size, RANGE(KIB, 8 * MIB))},
    {"ingress", "max_connections", "10000",
     OF(ingress.max_connections, value_integer, RANGE(1, 100000))},
    {"ingress", "timeout", "10s", OF(ingress.timeout_ms, value_duration, RANGE(100, 10 * MINUTE))},

    {"query", "socket", "/run/prontod/query.sock",
     OF(query.socket, value_path, .max = SOCKET_PATH_MAX)},
    {"query", "admin_group", "prontod",
     OF(query.admin_group, value_group, .may_be_empty = true)},
    {"query", "read_group", "", OF(query.read_group, value_group, .may_be_empty = true)},

    {"store", "url", "sqlite:/var/lib/prontod/prontod.db", OF(store.url, value_store_url)},
    {"store", "retention", "90d",
     OF(store.retention_ms, value_duration, RANGE(SECOND, 36500 * DAY), .zero = true)},
    {"store", "max_unmatched", "100000",
     OF(store.max_unmatched, value_integer, RANGE(1, 100000000))},
    {"store", "min_free", "64M", OF(store.min_free, value_size, RANGE(0, 1024 * GIB))},

    {"pronto", "api_url", "https://app.prontohq.com/api/v2", OF(pronto.api_url, value_api_url)},
    {"pronto", "api_key_file", "", OF(pronto.api_key_file, value_path, .may_be_empty = true)},
    {"pronto", "concurrency", "5", OF(pronto.concurrency, value_integer, RANGE(1, 100))},
    {"pronto", "rate", "50", OF(pronto.rate, value_integer, RANGE(1, 1000))},
    {"pronto", "timeout", "30s", OF(pronto.timeout_ms, value_duration, RANGE(100, 10 * MINUTE))},
    {"pronto", "poll_after", "10m",
     OF(pronto.poll_after_ms, value_duration, RANGE(100, 30 * DAY))},
    {"pronto", "deadline", "24h", OF(pronto.deadline_ms, value_duration, RANGE(100, 365 * DAY))},
    {"pronto", "resend_after", "",
     OF(pronto.resend_after_ms, value_duration, RANGE(100, 365 * DAY), .may_be_empty = true)},
    {"pronto", "batch", "1", OF(pronto.batch, value_integer, RANGE(1, LIMIT_BATCH))},
    {"pronto", "batch_delay", "200ms",
     OF(pronto.batch_delay_ms, value_duration, RANGE(0, HOUR))},
    {"pronto", "daily_credits", "0",
     OF(pronto.daily_credits, value_integer, RANGE(0, 1000000000))},
    {"pronto", "credit_prices", "email:3 phone:30 personal_email:3",
     OF(pronto.prices, value_prices)},
    {"pronto", "reuse", "0",
     OF(pronto.reuse_ms, value_duration, RANGE(SECOND, 3650 * DAY), .zero = true)},

    {"match", "custom", "strict", OF(custom_lenient, value_flag, .words = words_custom)},

    {"delivery", "concurrency", "64", OF(delivery.concurrency, value_integer, RANGE(1, 1000))},

    {"hook", "command", NULL, HOOK(command, value_command)},
    {"hook", "on", "finished", HOOK(on, value_events)},
    {"hook", "enrichment_type", "email phone personal_email", HOOK(types, value_types)},
    {"hook", "only", "any", HOOK(only, value_enum, .words = words_only)},
    {"hook", "mode", "exec", HOOK(mode, value_enum, .words = words_mode)},
    {"hook", "timeout", "60s", HOOK(timeout_ms, value_duration, RANGE(100, 7 * DAY))},
    {"hook", "kill_after", "5s", HOOK(kill_after_ms, value_duration, RANGE(100, 10 * MINUTE))},
    {"hook", "concurrency", "4", HOOK(concurrency, value_integer, RANGE(1, 256))},
    {"hook", "backoff", "10s 1h", HOOK(backoff_first_ms, value_backoff, RANGE(10, 30 * DAY))},
    {"hook", "give_up", "3d", HOOK(give_up_ms, value_duration, RANGE(100, 365 * DAY))},
    {"hook", "max_attempts", "0", HOOK(max_attempts, value_integer, RANGE(0, 1000000))},
    {"hook", "window", "64", HOOK(window, value_integer, RANGE(1, 4096))},
    {"hook", "memory", "0", HOOK(memory, value_size, RANGE(MIB, 1024 * GIB), .zero = true)},
    {"hook", "cpu", "0", HOOK(cpu_ms, value_duration, RANGE(SECOND, 7 * DAY), .zero = true)},
    {"hook", "files", "1024", HOOK(files, value_integer, RANGE(16, 1048576))},
    {"hook", "processes", "0", HOOK(processes, value_integer, RANGE(0, 100000))},
    {"hook", "user", "", HOOK(user, value_user, .may_be_empty = true)},
    {"hook", "working_directory", "/", HOOK(working_directory, value_directory)},
    {"hook", "environment", "", HOOK(environment, value_environment, .may_be_empty = true)},
    {"hook", "environment_file", "",
     HOOK(environment_file, value_environment_file, .may_be_empty = true)},
    {"hook", "rate", "0", HOOK(rate, value_integer, RANGE(0, 10000))},
    {"hook", "trip_after", "10", HOOK(trip_after, value_integer, RANGE(0, 1000000))},
};
/* clang-format on */
static_assert(ARRAY_SIZE(table) <= KEYS_MAX, "KEYS_MAX");

const struct config_key *config_keys(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(table);
    return table;
}

const struct config_key *key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct config_key *key_find_anywhere(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

bool key_section_exists(const char *section)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].section, section) == 0)
            return true;
    return false;
}

size_t key_index(const struct config_key *key)
{
    assert(key >= table && key < table + ARRAY_SIZE(table));
    return (size_t)(key - table);
}

int key_set(const struct config_key *key, const char *text, void *object, struct why *ret_why)
{
    if (*text == '\0' && !key->rule->may_be_empty) {
        if (!key->default_value)
            return because(ret_why, "needs a value");
        text = key->default_value;
    }
    return key->rule->parse(key, text, object, ret_why);
}

int key_set_defaults(void *object, bool hook)
{
    struct why why;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct config_key *key = &table[i];
        if (!key->default_value || hook != (strcmp(key->section, "hook") == 0))
            continue;
        int r = key_set(key, key->default_value, object, &why);
        if (r < 0)
            return r;
        assert(r == VALUE_OK);
    }
    return 0;
}
