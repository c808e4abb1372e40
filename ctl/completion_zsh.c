/* Completion in zsh. */
#include "ctl/completion.h"

static const char head[] =
    "#compdef prontoctl\n"
    "# Completion of prontoctl(1) in zsh; printed by: prontoctl completion zsh\n"
    "\n"
    "# Names of hooks, when prontod is there.\n"
    "_prontoctl_hooks() {\n"
    "    local -a lines names\n"
    "    lines=(${(f)\"$(timeout 2 $program ${socket:+--socket} ${socket:+$socket} --format csv "
    "hooks "
    "2>/dev/null </dev/null)\"})\n"
    "    names=(${lines[2,-1]%%,*})\n"
    "    compadd -a names\n"
    "}\n"
    "\n"
    "_prontoctl() {\n"
    "    local context state state_descr line program=$words[1] socket ret=1\n"
    "    local -A opt_args\n"
    "    local -a commands\n";

static const char tail[] =
    "        esac ;;\n"
    "    esac\n"
    "    return ret\n"
    "}\n"
    "\n"
    "# Found in fpath it is the function itself; read by source it announces one.\n"
    "if [[ $funcstack[1] == _prontoctl ]]; then\n"
    "    _prontoctl \"$@\"\n"
    "else\n"
    "    compdef _prontoctl prontoctl\n"
    "fi\n";

/* In single quotes, and with what _arguments reads as its own. */
static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_option(FILE *out, const struct usage_option *option)
{
    fprintf(out, " \\\n            '%s%s%s", option->repeats ? "*" : "", option->name,
            option->has_value ? "=" : "");
    if (option->help[0]) {
        fputc('[', out);
        put_escaped(out, option->help);
        fputc(']', out);
    }
    if (option->has_value) {
        fprintf(out, ":%s:", usage_is_words(option->value) ? "one of" : option->value);
        if (usage_is_hook(option))
            fputs("_prontoctl_hooks", out);
        else if (usage_is_path(option))
            fputs("_files", out);
        else if (usage_is_words(option->value)) {
            fputc('(', out);
            completion_put_words(out, option->value);
            fputc(')', out);
        } else
            fputc(' ', out);
    }
    fputc('\'', out);
}

static void put_usage(FILE *out, const struct usage *usage)
{
    int n = 1;

    for (size_t i = 0; i < usage->n_options; i++)
        put_option(out, &usage->options[i]);
    if (usage->words[0]) {
        fprintf(out, " \\\n            '%d:one of:(", n++);
        completion_put_words(out, usage->words);
        fputs(")'", out);
    }
    if (usage->hook)
        fprintf(out, " \\\n            '%d:hook:_prontoctl_hooks'", n);
    if (usage->file)
        fprintf(out, " \\\n            '%d:file:_files'", n);
}

static void put_names(FILE *out)
{
    fputs("        commands=(", out);
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++) {
            fprintf(out, "\n            '%s:", command->name);
            put_escaped(out, command->help);
            fputc('\'', out);
        }
    fputs(")\n        _describe -t commands command commands && ret=0 ;;\n", out);
}

static void put_command(FILE *out, const struct command *command)
{
    struct usage usage;

    usage_read(command->arguments, command->options, &usage);
    fprintf(out, "        %s)\n            _arguments '--help[print its options]'", command->name);
    put_usage(out, &usage);
    fputs(" && ret=0 ;;\n", out);
}

void completion_zsh(FILE *out)
{
    struct usage usage;

    fputs(head, out);
    fputs("    _arguments -C", out);
    completion_global(&usage);
    put_usage(out, &usage);
    fputs(" \\\n            '1:command:->command' '*::argument:->argument' && ret=0\n"
          "    socket=${opt_args[--socket]}\n"
          "    case $state in\n"
          "    command)\n",
          out);
    put_names(out);
    fputs("    argument)\n        case $line[1] in\n", out);
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++)
            put_command(out, command);
    fputs(tail, out);
}
