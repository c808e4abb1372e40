/* What is read from the help of commands. */
#include "ctl/usage.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct usage_option *find(const struct usage *usage, const char *name)
{
    for (size_t i = 0; i < usage->n_options; i++)
        if (strcmp(usage->options[i].name, name) == 0)
            return &usage->options[i];
    return NULL;
}

Test(usage, options)
{
    static const char text[] = "  --first NAME --last NAME\n"
                               "  --state a|b_c                what it is in\n"
                               "                               --not-one, goes on\n"
                               "  --since TIME, --until TIME   when; may be repeated\n"
                               "  --wait[=S]                   at most\n"
                               "  purge --yes                  is sure\n"
                               "  --all\n"
                               "Prose with --prose.\n"
                               "  --all                        twice";
    static const struct {
        const char *name, *value, *help;
        bool has_value, repeats;
    } cases[] = {
        {"--first", "NAME", "", true, false},
        {"--last", "NAME", "", true, false},
        {"--state", "a|b_c", "what it is in", true, false},
        {"--since", "TIME", "when; may be repeated", true, true},
        {"--until", "TIME", "when; may be repeated", true, true},
        {"--wait", "", "at most", false, false},
        {"--yes", "", "is sure", false, false},
        {"--all", "", "", false, false},
    };
    struct usage usage;

    usage_read("", text, &usage);
    cr_assert_eq(usage.n_options, ARRAY_SIZE(cases));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct usage_option *option = find(&usage, cases[i].name);

        cr_assert_not_null(option, "%s", cases[i].name);
        cr_expect_str_eq(option->value, cases[i].value, "%s", option->name);
        cr_expect_str_eq(option->help, cases[i].help, "%s", option->name);
        cr_expect_eq(option->has_value, cases[i].has_value, "%s", option->name);
        cr_expect_eq(option->repeats, cases[i].repeats, "%s", option->name);
    }
}

Test(usage, arguments)
{
    static const struct {
        const char *arguments, *words;
        bool file, hook;
    } cases[] = {
        {"", "", false, false},
        {"[OPTIONS] FILE.csv", "", true, false},
        {"[OPTIONS] NAME", "", false, true},
        {"pause|resume NAME | purge --yes NAME", "pause|resume|purge", false, true},
        {"bash|zsh|fish", "bash|zsh|fish", false, false},
        {"ID | ENRICHMENT_ID", "", false, false},
        {"DELIVERY [--again] | --dead [FILTERS]", "", false, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct usage usage;

        usage_read(cases[i].arguments, "", &usage);
        cr_expect_str_eq(usage.words, cases[i].words, "%s", cases[i].arguments);
        cr_expect_eq(usage.file, cases[i].file, "%s", cases[i].arguments);
        cr_expect_eq(usage.hook, cases[i].hook, "%s", cases[i].arguments);
        cr_expect_eq(usage.n_options, 0, "%s", cases[i].arguments);
    }
}

Test(usage, words)
{
    cr_expect(usage_is_words("csv|json|ndjson"));
    cr_expect(usage_is_words("personal_email|phone"));
    cr_expect_not(usage_is_words("TIME"));
    cr_expect_not(usage_is_words("TIME|MIN-MAX"));
    cr_expect_not(usage_is_words(""));
}
