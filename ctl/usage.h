/* What a command takes, read from the text of its help, so that help and completion cannot differ.
 * Pure. */
#pragma once

#include "ctl/command.h"

#define USAGE_OPTIONS_MAX 24
#define USAGE_TEXT_MAX    128

struct usage_option {
    char name[32];              /* with its dashes */
    bool has_value;             /* it must be given one; "--wait[=S]" has none */
    bool repeats;               /* may be given several times */
    char value[USAGE_TEXT_MAX]; /* as the help names it: "TIME", or "csv|json|ndjson" */
    char help[USAGE_TEXT_MAX];  /* "" when the help has none */
};

struct usage {
    struct usage_option options[USAGE_OPTIONS_MAX];
    size_t n_options;
    char words[USAGE_TEXT_MAX]; /* that the first argument may be, with '|' between, or "" */
    bool file, hook;            /* an argument is a file, or the name of a hook */
};

/* @arguments and @options: of a struct command. */
void usage_read(const char *arguments, const char *options, struct usage *ret);

/* Whether a value is one of several words, as opposed to the name of a quantity. */
bool usage_is_words(const char *value);
/* Whether a value is the name of a hook, or a path. */
bool usage_is_hook(const struct usage_option *option);
bool usage_is_path(const struct usage_option *option);
