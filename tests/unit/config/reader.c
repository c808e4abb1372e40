/* What a line is. */
#include "cases.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

TestSuite(reader, .init = box_open, .fini = box_close);

#define NOT_A_LINE "not a [section], a \"key = value\" or a comment\n"

Test(reader, lines)
{
    static const struct {
        const char *text, *faults;
    } cases[] = {
        /* comments, blanks, order */
        {"\n ; c\n\t# c\n;c\n#\n" COMPLETE, ""},
        {"[ingress];c\n[query] # c\n[ingress]\t; c\npublic_url = https://h ; c\n", ""},
        {"[ingress]\npublic_url=https://h\n  timeout\t=\t5s\t# five\n", ""},
        {"[  ingress\t]\npublic_url = https://h\n[hook\t \tx ]\ncommand = /x\n", ""},
        {"[hook x]\ncommand = /x a;b c#d\n" COMPLETE "[hook x]\nonly = found\n", ""},
        {"[ingress]\r\npublic_url = https://h\r\n\r\n; c\r\n", ""},
        {"\xef\xbb\xbf[ingress]\npublic_url = https://h\n", ""},
        {COMPLETE "timeout = 5s", ""},
        {COMPLETE "[hook x]\ncommand = /x '\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'\n", ""},
        {COMPLETE "secret_file =\nlisten =   ; the default\n", ""},
        /* continued lines do not exist */
        {COMPLETE "[hook x]\ncommand = /x\n    more\n", "c.conf:5: " NOT_A_LINE},
        {"garbage\n" COMPLETE "more garbage\nand more",
         "c.conf:1: " NOT_A_LINE "c.conf:4: " NOT_A_LINE "c.conf:5: " NOT_A_LINE},
        {COMPLETE "= 5\n", "c.conf:3: the key before the = is missing\n"},
        {"timeout = 5s\n" COMPLETE, "c.conf:1: a key before the first [section]\n"},
        /* sections; a faulty one does not leave its keys to the one before */
        {COMPLETE "[query\nlisten = x\n", "c.conf:3: a section needs a closing ]\n"},
        {COMPLETE "[query] socket = /x\nlisten = x\n",
         "c.conf:3: nothing but a comment may follow a section's ]\n"},
        {COMPLETE "[nope]\nlisten = x\n", "c.conf:3: unknown section [nope]\n"},
        {COMPLETE "[Query]\n", "c.conf:3: unknown section [Query]\n"},
        {COMPLETE "[]\n", "c.conf:3: unknown section\n"},
        {COMPLETE "[[query]]\n", "c.conf:3: nothing but a comment may follow a section's ]\n"},
        {COMPLETE "[no such thing]\n", "c.conf:3: unknown section\n"},
        {COMPLETE "[hooks]\n", "c.conf:3: unknown section [hooks]\n"},
#define BAD_NAME "a hook's name must be 1 to 64 of A-Z a-z 0-9 _ . -, as in [hook crm]\n"
        {COMPLETE "[hook]\n", "c.conf:3: " BAD_NAME},
        {COMPLETE "[hook a b]\ncommand = /x\n", "c.conf:3: " BAD_NAME},
        {COMPLETE "[hook a/b]\n", "c.conf:3: " BAD_NAME},
        {COMPLETE "[hook \xc3\xa9]\n", "c.conf:3: " BAD_NAME},
        {COMPLETE "[hook 0123456789012345678901234567890123456789012345678901234567890123]\n"
                  "command = /x\n",
         ""},
        {COMPLETE "[hook 01234567890123456789012345678901234567890123456789012345678901234]\n"
                  "command = /x\n",
         "c.conf:3: " BAD_NAME},
        /* two names that are one in their first 49 bytes */
        {COMPLETE "[hook 0123456789012345678901234567890123456789012345678a]\ncommand = /x\n"
                  "[hook 0123456789012345678901234567890123456789012345678b]\n",
         "c.conf:5: hook 0123456789012345678901234567890123456789012345678b has no command\n"},
        /* keys */
        {COMPLETE "api_key = 5\n", "c.conf:3: unknown key api_key in [ingress]\n"},
        {COMPLETE "Timeout = 5s\n", "c.conf:3: unknown key Timeout in [ingress]\n"},
        {COMPLETE "a b = 5s\n", "c.conf:3: unknown key in [ingress]\n"},
        {COMPLETE "backoff = 5s\n",
         "c.conf:3: unknown key backoff in [ingress]; it belongs to [hook NAME]\n"},
        {COMPLETE "timeout = 5s\n[query]\n[ingress]\ntimeout = 5s\n",
         "c.conf:6: timeout: already given at line 3\n"},
        {COMPLETE "[hook x]\ncommand = /x\n[hook y]\ncommand = /y\n[hook x]\ncommand = /x\n",
         "c.conf:8: command: already given at line 4\n"},
        /* the text as such: one fault, at the line, and nothing else */
        {"nonsense\n[ingress]\npublic_url = \xff\n", "c.conf:3: is not UTF-8\n"},
        {"\n# \xc0\xaf\n", "c.conf:2: is not UTF-8\n"},
        {"# \xed\xa0\x80\n", "c.conf:1: is not UTF-8\n"},
        {"# \xe0\x9f\xbf\n", "c.conf:1: is not UTF-8\n"},
        {"# \xf0\x8f\xbf\xbf\n", "c.conf:1: is not UTF-8\n"},
        {"# \xf4\x90\x80\x80\n", "c.conf:1: is not UTF-8\n"},
        {"# \xf5\x80\x80\x80\n", "c.conf:1: is not UTF-8\n"},
        {"# \xe2\x82", "c.conf:1: is not UTF-8\n"},
        {"# \xe2\x82\n", "c.conf:1: is not UTF-8\n"},
        {"# \x1b[2J\n", "c.conf:1: has a control character\n"},
        {"# \x7f\n", "c.conf:1: has a control character\n"},
        {"[ingress]\rpublic_url = https://h\r", "c.conf:1: has a control character\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_faults(cases[i].text, cases[i].faults);
}

Test(reader, nul)
{
    static const char text[] = COMPLETE "# a\0b\n";
    struct config *config = NULL;
    box_write("c.conf", text, sizeof text - 1, 0600);
    cr_expect_eq(load(&config), CONFIG_INVALID);
    cr_expect_str_eq(strtok(faults, "\n"), "c.conf:3: has a NUL byte");
}

/* 8192 bytes are read whole, one more is a fault; the lines after it keep their numbers. */
Test(reader, long_lines)
{
    static char text[32768];
    cleanup_config struct config *config = NULL;
    int used = snprintf(text, sizeof text, COMPLETE "[hook x]\ncommand = /x ");
    int start = (int)(strstr(text, "command") - text);
    memset(text + used, 'a', 8192 - (size_t)(used - start));
    strcpy(text + start + 8192, "\r\nonly = found\n");
    box_text("c.conf", text);
    cr_assert_eq(load(&config), CONFIG_OK, "%s", faults);
    cr_expect_eq(strlen(config->hooks[0].command_text), 8192 - strlen("command = "));
    cr_expect_eq(config->hooks[0].only, HOOK_ONLY_FOUND);

    strcpy(text + start + 8192, "a\nonly = nothing\n");
    expect_faults(text, "c.conf:4: the line is longer than 8192 bytes\n"
                        "c.conf:5: only: must be any, found or empty\n"
                        "c.conf:3: hook x has no command\n");
    memset(text, '#', 30000);
    strcpy(text + 30000, "\n[nope]");
    expect_faults(text, "c.conf:1: the line is longer than 8192 bytes\n"
                        "c.conf:2: unknown section [nope]\n"
                        "c.conf:0: public_url is missing: [ingress] must say under which URL "
                        "Pronto reaches this machine\n");
}
