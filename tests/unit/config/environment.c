/* What the configuration points at. Programs of another user can be made by root only. */
#include "cases.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(environment, .init = box_open, .fini = box_close);

/* Loads @text, in which %s is the box, and looks at its environment; "BOX" in @expected is the box.
 */
static void expect_environment(const char *text, const char *expected)
{
    char written[4096], *at;
    snprintf(written, sizeof written, "%s", COMPLETE);
    for (const char *c = text; *c; c++) {
        size_t used = strlen(written);
        snprintf(written + used, sizeof written - used, "%s", *c == '@' ? box : (char[2]){*c});
    }
    cleanup_config struct config *config = NULL;
    char userdata[] = "userdata";
    box_text("c.conf", written);
    cr_assert_eq(load(&config), CONFIG_OK, "%s", faults);
    int r = config_check_environment(config, collect, userdata);
    while ((at = strstr(faults, box))) {
        memcpy(at, "BOX", 3);
        memmove(at + 3, at + strlen(box), strlen(at + strlen(box)) + 1);
    }
    cr_expect_str_eq(faults, expected, "%s\nshould have said:\n%sbut said:\n%s", text, expected,
                     faults);
    cr_expect_eq(r, *expected ? CONFIG_INVALID : CONFIG_OK);
}

static void write_mode(const char *name, const char *text, unsigned mode)
{
    box_write(name, text, strlen(text), mode);
}

#define HOOK "[hook x]\ncommand = @/bin/run --flag\n"

Test(environment, nothing_to_look_at)
{
    expect_environment("", "");
}

Test(environment, programs)
{
    static const struct {
        unsigned mode, directory;
        const char *faults;
    } cases[] = {
        {0700, 0700, ""},
        {0755, 0755, ""},
        {0755, 01777, ""}, /* sticky: nobody else can replace the file */
        {0644, 0755, ""},  /* not executable: the hook is broken, not the configuration */
        {0775, 0755,
         "c.conf:4: command: BOX/bin/run of hook x may be written by others than its owner; chmod "
         "go-w it\n"},
        {0757, 0755,
         "c.conf:4: command: BOX/bin/run of hook x may be written by others than its owner; chmod "
         "go-w it\n"},
        {0755, 0775,
         "c.conf:4: command: BOX/bin may be written by others than its owner, who could replace "
         "the program of hook x; chmod go-w it\n"},
        {0755, 0757,
         "c.conf:4: command: BOX/bin may be written by others than its owner, who could replace "
         "the program of hook x; chmod go-w it\n"},
    };

    cr_assert_eq(mkdir(box_path("bin"), 0755), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        write_mode("bin/run", "#!/bin/sh\n", cases[i].mode);
        cr_assert_eq(chmod(box_path("bin"), cases[i].directory), 0);
        expect_environment(HOOK, cases[i].faults);
    }
}

/* Their hooks are broken until the programs come; the configuration has no fault. */
Test(environment, programs_that_are_none)
{
    expect_environment(HOOK, "");
    cr_assert_eq(mkdir(box_path("bin"), 0755), 0);
    cr_assert_eq(mkdir(box_path("bin/run"), 0755), 0);
    expect_environment(HOOK, "");
}

Test(environment, each_hook_by_itself)
{
    write_mode("good", "", 0700);
    write_mode("bad", "", 0720);
    write_mode("worse", "", 0702);
    expect_environment(
        "[hook a]\ncommand = @/bad\n[hook b]\ncommand = @/good\n[hook c]\ncommand = @/worse\n",
        "c.conf:4: command: BOX/bad of hook a may be written by others than its owner; chmod go-w "
        "it\n"
        "c.conf:8: command: BOX/worse of hook c may be written by others than its owner; chmod "
        "go-w it\n");
}

/* The file a link leads to counts, and the directories of both. */
Test(environment, links)
{
    cr_assert_eq(mkdir(box_path("bin"), 0755), 0);
    cr_assert_eq(mkdir(box_path("lib"), 0755), 0);
    write_mode("lib/real", "", 0755);
    cr_assert_eq(symlink("../lib/real", box_path("bin/run")), 0);
    expect_environment(HOOK, "");
    cr_assert_eq(chmod(box_path("lib"), 0777), 0);
    expect_environment(HOOK, "c.conf:4: command: BOX/lib may be written by others than its owner, "
                             "who could replace the program of hook x; chmod go-w it\n");
    cr_assert_eq(chmod(box_path("lib"), 0755), 0);
    cr_assert_eq(chmod(box_path("bin"), 0777), 0);
    expect_environment(HOOK, "c.conf:4: command: BOX/bin may be written by others than its owner, "
                             "who could replace the program of hook x; chmod go-w it\n");
}

Test(environment, owners)
{
    if (geteuid() != 0) {
        box_close(); /* a skipped test is not finished */
        cr_skip("needs root");
    }
    cr_assert_eq(mkdir(box_path("bin"), 0755), 0);
    write_mode("bin/run", "", 0755);
    cr_assert_eq(chown(box_path("bin/run"), 12345, 0), 0);
    expect_environment(HOOK,
                       "c.conf:4: command: BOX/bin/run of hook x belongs to another user, who "
                       "could change it; chown it to root\n");
    cr_assert_eq(chown(box_path("bin/run"), 0, 12345), 0);
    cr_assert_eq(chown(box_path("bin"), 12345, 0), 0);
    expect_environment(HOOK,
                       "c.conf:4: command: BOX/bin belongs to another user, who could replace "
                       "the program of hook x; move the program to a directory of root\n");
}

#define KEY "[pronto]\napi_key_file = @/key\n"

Test(environment, api_key_file)
{
    static const unsigned open_modes[] = {0640, 0604, 0660, 0610, 0601};
    expect_environment(KEY, "c.conf:4: api_key_file: BOX/key cannot be found: No such file or "
                            "directory\n");
    write_mode("key", "k", 0600);
    expect_environment(KEY, "");
    write_mode("key", "k", 0400);
    expect_environment(KEY, "");
    for (size_t i = 0; i < ARRAY_SIZE(open_modes); i++) {
        cr_assert_eq(chmod(box_path("key"), open_modes[i]), 0);
        expect_environment(KEY, "c.conf:4: api_key_file: BOX/key is open to others than its owner; "
                                "chmod 600 it, and let Pronto make a new key\n");
    }
    remove(box_path("key"));
    cr_assert_eq(mkdir(box_path("key"), 0700), 0);
    expect_environment(KEY, "c.conf:4: api_key_file: BOX/key is not a regular file\n");
}

#define SECRETS "secret_file = @/secrets\n"

Test(environment, secret_file)
{
    expect_environment(SECRETS,
                       "c.conf:3: secret_file: BOX/secrets cannot be read: No such file or "
                       "directory\n");
    write_mode("secrets", "# old\n\nabcDEF-_.~09\n", 0600);
    expect_environment(SECRETS, "");
    cr_assert_eq(chmod(box_path("secrets"), 0640), 0);
    expect_environment(SECRETS, "c.conf:3: secret_file: BOX/secrets must belong to root or to "
                                "prontod's user, and nobody else may read or write it; chmod 600 "
                                "it\n");
    write_mode("secrets", "# none\n", 0600);
    expect_environment(SECRETS, "c.conf:3: secret_file: BOX/secrets has no secret; add a line, or "
                                "leave the key empty\n");
    write_mode("secrets", "# one\n\ngood-one\nsh0rt\n", 0600);
    expect_environment(SECRETS, "c.conf:3: secret_file: line 4 of BOX/secrets must be 8 to 128 "
                                "characters of A-Z a-z 0-9 - _ . ~, and there may be at most 64 "
                                "such lines\n");
}

/* The line of a key that another file overrides is that of the other file. */
Test(environment, line_of_the_key_that_counts)
{
    cr_assert_eq(mkdir(box_path("c.conf.d"), 0700), 0);
    box_text("c.conf.d/1.conf", "# key\n\n[pronto]\napi_key_file = /nonexistent\n");
    expect_environment(KEY,
                       "c.conf.d/1.conf:4: api_key_file: /nonexistent cannot be found: No such "
                       "file or directory\n");
}

Test(environment, users_of_hooks)
{
    cr_assert_eq(mkdir(box_path("bin"), 0755), 0);
    write_mode("bin/run", "#!/bin/sh\n", 0755);
    expect_environment(HOOK "user = root\n", "");
    expect_environment(HOOK "user = nobody-of-this-name\n",
                       "c.conf:5: user: there is no user nobody-of-this-name for hook x; add it "
                       "with useradd(8), or leave the key empty\n");
}
