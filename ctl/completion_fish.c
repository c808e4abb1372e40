/* Completion in fish. */
#include "ctl/completion.h"

#include <string.h>

static const char head[] =
    "# Completion of prontoctl(1) in fish; printed by: prontoctl completion fish\n"
    "\n"
    "# The words before the cursor without the options of prontoctl itself: the command is first.\n"
    "function __prontoctl_words\n"
    "    set -l words (commandline -opc)[2..-1]\n"
    "    while set -q words[1]\n"
    "        switch $words[1]\n"
    "            case --socket --format\n"
    "                set -e words[1]\n"
    "            case '-*'\n"
    "            case '*'\n"
    "                break\n"
    "        end\n"
    "        set -e words[1]\n"
    "    end\n"
    "    printf '%s\\n' $words\n"
    "end\n"
    "\n"
    "function __prontoctl_is -a command\n"
    "    test \"$(__prontoctl_words)[1]\" = \"$command\"\n"
    "end\n"
    "\n"
    "function __prontoctl_has # COMMAND WORD...: one of the words stands behind the command\n"
    "    __prontoctl_is $argv[1]; or return\n"
    "    for word in (__prontoctl_words)[2..-1]\n"
    "        contains -- $word $argv[2..-1]; and return 0\n"
    "    end\n"
    "    return 1\n"
    "end\n"
    "\n"
    "# Names of hooks, when prontod is there.\n"
    "function __prontoctl_hooks\n"
    "    set -l words (commandline -opc)\n"
    "    set -l before $words[1]\n"
    "    if set -l at (contains -i -- --socket $words)\n"
    "        set -a before --socket $words[(math $at + 1)]\n"
    "    end\n"
    "    timeout 2 $before --format csv hooks 2>/dev/null </dev/null | tail -n +2 | string replace "
    "-r ',.*' ''\n"
    "end\n"
    "\n"
    "complete -c prontoctl -f\n";

static void put_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void put_is(FILE *out, const char *command)
{
    fprintf(out, "complete -c prontoctl -n '__prontoctl_is %s'", command[0] ? command : "\"\"");
}

static void put_option(FILE *out, const char *command, const struct usage_option *option)
{
    put_is(out, command);
    fprintf(out, " -l %s", option->name + strlen("--"));
    if (option->has_value && usage_is_path(option))
        fputs(" -rF", out);
    else if (option->has_value)
        fputs(" -x", out);
    if (option->has_value && usage_is_hook(option)) {
        fputs(" -a '(__prontoctl_hooks)'", out);
    } else if (usage_is_words(option->value)) {
        fputs(" -a '", out);
        completion_put_words(out, option->value);
        fputc('\'', out);
    }
    if (option->help[0]) {
        fputs(" -d ", out);
        put_quoted(out, option->help);
    }
    fputc('\n', out);
}

/* Words first, and behind one of them a hook. */
static void put_arguments(FILE *out, const char *command, const struct usage *usage)
{
    if (usage->words[0]) {
        fprintf(out, "complete -c prontoctl -n '__prontoctl_is %s; and not __prontoctl_has %s ",
                command, command);
        completion_put_words(out, usage->words);
        fputs("' -a '", out);
        completion_put_words(out, usage->words);
        fputs("'\n", out);
    }
    if (usage->hook && usage->words[0]) {
        fprintf(out, "complete -c prontoctl -n '__prontoctl_has %s ", command);
        completion_put_words(out, usage->words);
        fputs("' -a '(__prontoctl_hooks)'\n", out);
    } else if (usage->hook) {
        put_is(out, command);
        fputs(" -a '(__prontoctl_hooks)'\n", out);
    }
    if (usage->file) {
        put_is(out, command);
        fputs(" -F\n", out);
    }
}

static void put_usage(FILE *out, const char *command, const struct usage *usage)
{
    for (size_t i = 0; i < usage->n_options; i++)
        put_option(out, command, &usage->options[i]);
    put_arguments(out, command, usage);
}

static void put_command(FILE *out, const struct command *command)
{
    struct usage usage;

    fprintf(out, "\ncomplete -c prontoctl -n '__prontoctl_is \"\"' -a %s -d ", command->name);
    put_quoted(out, command->help);
    fputc('\n', out);
    usage_read(command->arguments, command->options, &usage);
    put_usage(out, command->name, &usage);
    put_is(out, command->name);
    fputs(" -l help -d 'print its options'\n", out);
}

void completion_fish(FILE *out)
{
    struct usage usage;

    fputs(head, out);
    completion_global(&usage);
    put_usage(out, "", &usage);
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++)
            put_command(out, command);
}
