/* Completion in bash. Nothing of bash-completion is used, so the script also works alone. */
#include "ctl/completion.h"

static const char head[] =
    "# Completion of prontoctl(1) in bash; printed by: prontoctl completion bash\n"
    "\n"
    "# PROGRAM SOCKET: names of hooks, when prontod is there.\n"
    "_prontoctl_hooks() {\n"
    "    local name rest\n"
    "    timeout 2 \"$1\" ${2:+--socket \"$2\"} --format csv hooks 2>/dev/null </dev/null |\n"
    "        { read -r rest; while IFS=, read -r name rest; do printf '%s\\n' \"$name\"; done; }\n"
    "}\n";

static const char tail[] =
    "\n"
    "# KIND CUR: fills COMPREPLY. Names from outside are never expanded by the shell.\n"
    "_prontoctl_reply() {\n"
    "    local word\n"
    "    case $1 in\n"
    "    @files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$2\") "
    ";;\n"
    "    @hooks)\n"
    "        while read -r word; do\n"
    "            [[ $word == \"$2\"* ]] && COMPREPLY+=(\"$word\")\n"
    "        done < <(_prontoctl_hooks \"$program\" \"$socket\") ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\") ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_prontoctl() {\n"
    "    local program=${COMP_WORDS[0]} command= socket= reply= option= "
    "cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local -i i n=0\n"
    "    local word\n"
    "    COMPREPLY=()\n"
    "    # Readline cuts a word at \"=\": --state=q is three.\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == = ]]; then\n"
    "            continue\n"
    "        elif [[ $option ]]; then\n"
    "            [[ $option == --socket ]] && socket=$word\n"
    "            option=\n"
    "        elif [[ $word == -* ]]; then\n"
    "            _prontoctl_value \"$command\" \"$word\" && option=$word\n"
    "        elif [[ ! $command ]]; then\n"
    "            command=$word\n"
    "        else\n"
    "            n+=1\n"
    "        fi\n"
    "    done\n"
    "    [[ $cur == = ]] && cur=\n"
    "    if [[ $option ]]; then\n"
    "        _prontoctl_value \"$command\" \"$option\"\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        _prontoctl_options \"$command\"\n"
    "    else\n"
    "        _prontoctl_arguments \"$command\" \"$n\"\n"
    "    fi\n"
    "    [[ $reply ]] && _prontoctl_reply \"$reply\" \"$cur\"\n"
    "}\n"
    "\n"
    "complete -F _prontoctl prontoctl\n";

static void put_value(FILE *out, const char *command, const struct usage_option *option)
{
    if (!option->has_value)
        return;
    fprintf(out, "    '%s %s') reply='", command, option->name);
    if (usage_is_hook(option))
        fputs("@hooks", out);
    else if (usage_is_path(option))
        fputs("@files", out);
    else if (usage_is_words(option->value))
        completion_put_words(out, option->value);
    fputs("' ;;\n", out);
}

static void put_values(FILE *out, const char *command, const struct usage *usage)
{
    for (size_t i = 0; i < usage->n_options; i++)
        put_value(out, command, &usage->options[i]);
}

static void put_options(FILE *out, const char *command, const struct usage *usage)
{
    fprintf(out, "    '%s') reply='", command);
    for (size_t i = 0; i < usage->n_options; i++)
        fprintf(out, "%s ", usage->options[i].name);
    fputs(*command ? "--help' ;;\n" : "' ;;\n", out);
}

/* Which argument it is counts only for words: the hook comes behind them. */
static void put_arguments(FILE *out, const char *command, const struct usage *usage)
{
    if (usage->words[0]) {
        fprintf(out, "    '%s 0') reply='", command);
        completion_put_words(out, usage->words);
        fputs("' ;;\n", out);
    }
    if (usage->hook)
        fprintf(out, "    '%s %d') reply=@hooks ;;\n", command, usage->words[0] ? 1 : 0);
    if (usage->file)
        fprintf(out, "    '%s 0') reply=@files ;;\n", command);
}

static void put_names(FILE *out)
{
    fputs("    ' 0') reply='", out);
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++)
            fprintf(out, "%s ", command->name);
    fputs("' ;;\n", out);
}

static void put_table(FILE *out, const char *heading,
                      void (*put)(FILE *out, const char *command, const struct usage *usage))
{
    struct usage usage;

    fputs(heading, out);
    completion_global(&usage);
    put(out, "", &usage);
    for (size_t i = 0; command_groups[i]; i++)
        for (const struct command *command = command_groups[i]; command->name; command++) {
            usage_read(command->arguments, command->options, &usage);
            put(out, command->name, &usage);
        }
}

void completion_bash(FILE *out)
{
    fputs(head, out);
    put_table(out,
              "\n# COMMAND OPTION: what its value may be; false: it takes none.\n"
              "_prontoctl_value() {\n    case \"$1 $2\" in\n",
              put_values);
    put_table(out, "    *) return 1 ;;\n    esac\n}\n\n_prontoctl_options() {\n    case $1 in\n",
              put_options);
    put_table(out,
              "    esac\n}\n\n# COMMAND N: what the argument behind N others may be.\n"
              "_prontoctl_arguments() {\n    case \"$1 $2\" in\n",
              put_arguments);
    put_names(out);
    fputs("    esac\n}\n", out);
    fputs(tail, out);
}
