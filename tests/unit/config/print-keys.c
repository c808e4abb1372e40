/* Prints the table of keys for tests/lint/check-config-docs: a line for each key, with its section,
 * name, default ("!" when the key is required), smallest and largest value ("" without limits),
 * separated by tabs. With FILE instead: loads it, and prints its faults. */
#include "common/parse.h"
#include "config/keys.h"
#include "config/values.h"

#include <stdio.h>

static void print_number(const struct config_key *key, int64_t value)
{
    char text[PARSE_FORMAT_SIZE] = "";
    if (key->rule->parse == value_duration || key->rule->parse == value_backoff)
        format_duration(value, text);
    else if (key->rule->parse == value_size)
        format_size(value, text);
    else if (key->rule->parse == value_integer)
        snprintf(text, sizeof text, "%lld", (long long)value);
    printf("\t%s", text);
}

static void print_key(const struct config_key *key)
{
    printf("%s\t%s\t%s", key->section, key->name, key->default_value ? key->default_value : "!");
    print_number(key, key->rule->min);
    print_number(key, key->rule->max);
    printf("\n");
}

static void print_fault(const char *file, unsigned line, const char *message, void *userdata)
{
    (void)userdata;
    printf("%s:%u: %s\n", file, line, message);
}

int main(int argc, char *argv[])
{
    size_t n = 0;
    const struct config_key *keys = config_keys(&n);
    cleanup_config struct config *config = NULL;
    if (argc > 1)
        return config_load(argv[1], print_fault, NULL, &config) == CONFIG_OK ? 0 : 1;
    for (size_t i = 0; i < n; i++)
        print_key(&keys[i]);
    return 0;
}
