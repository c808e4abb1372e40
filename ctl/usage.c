/* A line of options has two blanks, options with commas or blanks between, two blanks or more, and
 * what they do. Lines that begin otherwise go on with the one before, or are prose. */
#include "ctl/usage.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyz_-"

static void copy(char *to, size_t size, const char *from, size_t length)
{
    assert(length < size);
    memcpy(to, from, length);
    to[length] = '\0';
}

bool usage_is_words(const char *value)
{
    return strchr(value, '|') && value[strspn(value, WORD "|")] == '\0';
}

bool usage_is_hook(const struct usage_option *option)
{
    return strcmp(option->name, "--hook") == 0;
}

bool usage_is_path(const struct usage_option *option)
{
    return strcmp(option->value, "PATH") == 0;
}

/* @text: behind the dashes of one option; its value, when it has one, and what is behind. */
static const char *read_option(const char *text, const char *end, struct usage_option *ret)
{
    size_t length = strspn(text, WORD);
    const char *p = text + length;

    *ret = (struct usage_option){0};
    copy(ret->name, sizeof(ret->name), text, length);
    if (p + 1 < end && *p == ' ' && (isalpha((unsigned char)p[1]))) {
        length = strcspn(++p, " ,\n");
        copy(ret->value, sizeof(ret->value), p, length);
        ret->has_value = true;
        p += length;
    }
    return p;
}

static bool is_known(const struct usage *usage, const char *name)
{
    for (size_t i = 0; i < usage->n_options; i++)
        if (strcmp(usage->options[i].name, name) == 0)
            return true;
    return false;
}

/* Where the options of a line end: at two blanks, or with it. */
static const char *end_of_options(const char *line, const char *end)
{
    for (const char *p = line; p + 1 < end; p++)
        if (p[0] == ' ' && p[1] == ' ')
            return p;
    return end;
}

static void read_line(const char *line, const char *end, struct usage *usage)
{
    const char *options_end = end_of_options(line, end), *help = options_end, *p = line;

    while (help < end && *help == ' ')
        help++;
    while ((p = strstr(p, "--")) && p < options_end) {
        struct usage_option option;

        p = read_option(p, options_end, &option);
        copy(option.help, sizeof(option.help), help, (size_t)(end - help));
        option.repeats = strstr(option.help, "may be repeated");
        if (is_known(usage, option.name))
            continue;
        assert(usage->n_options < USAGE_OPTIONS_MAX);
        usage->options[usage->n_options++] = option;
    }
}

static void add_words(struct usage *usage, const char *words, size_t length)
{
    size_t used = strlen(usage->words);

    if (used > 0)
        usage->words[used++] = '|';
    copy(usage->words + used, sizeof(usage->words) - used, words, length);
}

/* "pause|resume NAME | purge --yes NAME": lower case is literal. */
static void read_arguments(const char *text, struct usage *usage)
{
    usage->file = strstr(text, "FILE");
    usage->hook = strstr(text, "NAME");
    for (const char *p = text; *p; p += strspn(p, " ")) {
        size_t length = strcspn(p, " ");

        if (islower((unsigned char)*p) && strspn(p, WORD "|") == length)
            add_words(usage, p, length);
        p += length;
    }
}

void usage_read(const char *arguments, const char *options, struct usage *ret)
{
    *ret = (struct usage){0};
    read_arguments(arguments, ret);
    for (const char *line = options; *line;) {
        const char *end = line + strcspn(line, "\n");

        if (strncmp(line, "  ", 2) == 0 && line[2] != ' ')
            read_line(line + 2, end, ret);
        line = *end ? end + 1 : end;
    }
}
