/* completion. */
#include "ctl/completion.h"

#include <getopt.h>
#include <string.h>

void completion_global(struct usage *ret)
{
    usage_read("", command_global_options, ret);
}

void completion_put_words(FILE *out, const char *words)
{
    for (; *words; words++)
        fputc(*words == '|' ? ' ' : *words, out);
}

static int run_completion(struct context *context, int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*write)(FILE *out);
    } writers[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    static const struct option none[] = {{0}};
    int option = getopt_long(argc, argv, ":", none, NULL);

    if (option >= 0)
        return option_error(context, option, argv);
    for (size_t i = 0; optind + 1 == argc && i < ARRAY_SIZE(writers); i++)
        if (strcmp(argv[optind], writers[i].shell) == 0) {
            writers[i].write(stdout);
            return EXIT_OK;
        }
    return usage_error(context, "give bash, zsh or fish");
}

const struct command completion_commands[] = {
    {"completion", "bash|zsh|fish", "print the script that completes command lines in a shell", "",
     run_completion},
    {0},
};
