#include "runner/program.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with "safe/program" and "open/program", of which the second folder is anybody's. */
static char box[] = "/tmp/test-program-XXXXXX";
static char error[PROGRAM_ERROR_SIZE];

/* The path of @name, until the fourth call after this one. */
static const char *in_box(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned n;
    char *path = paths[n++ % 4];

    snprintf(path, PATH_MAX, "%s/%s", box, name);
    return path;
}

static void make_program(const char *name)
{
    int fd = open(in_box(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fchmod(fd, 0755), 0);
    close(fd);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(box));
    cr_assert_eq(mkdir(in_box("safe"), 0755), 0);
    cr_assert_eq(mkdir(in_box("open"), 0755), 0);
    cr_assert_eq(chmod(in_box("open"), 0777), 0);
    make_program("safe/program");
    make_program("open/program");
}

static void tear_down(void)
{
    static const char *const names[] = {"safe/program", "safe/link", "open/program",
                                        "open/link",    "safe",      "open"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        remove(in_box(names[i]));
    remove(box);
}

TestSuite(program, .init = set_up, .fini = tear_down);

static void expect_refused(const char *path, const char *where, const char *why)
{
    cr_expect_eq(program_check(path, error), PROGRAM_REFUSED, "%s", path);
    cr_expect_eq(strncmp(error, where, strlen(where)), 0, "%s", error);
    cr_expect_not_null(strstr(error, why), "%s", error);
}

static void make_link(const char *target, const char *name)
{
    cr_assert_eq(symlink(in_box(target), in_box(name)), 0);
}

Test(program, good)
{
    cr_expect_eq(program_check(in_box("safe/program"), error), PROGRAM_OK);
    cr_expect_eq(program_check("/bin/sh", error), PROGRAM_OK, "a link to a link");
    make_link("safe/program", "safe/link");
    cr_expect_eq(program_check(in_box("safe/link"), error), PROGRAM_OK);
}

Test(program, modes)
{
    static const mode_t bad[] = {0775, 0757, 0777, 0720, 0702};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cr_assert_eq(chmod(in_box("safe/program"), bad[i]), 0);
        expect_refused(in_box("safe/program"), box, "chmod go-w");
    }
    cr_assert_eq(chmod(in_box("safe/program"), 0600), 0);
    cr_expect_eq(program_check(in_box("safe/program"), error), PROGRAM_OK, "execve(2) says it");
}

Test(program, directories)
{
    expect_refused(in_box("open/program"), in_box("open:"), "could replace the program");
    cr_assert_eq(chmod(in_box("open"), 01777), 0);
    cr_expect_eq(program_check(in_box("open/program"), error), PROGRAM_OK);
}

Test(program, links)
{
    make_link("open/program", "safe/link");
    expect_refused(in_box("safe/link"), in_box("open:"), "could replace the program");
    make_link("safe/program", "open/link");
    expect_refused(in_box("open/link"), in_box("open:"), "could replace the program");
}

Test(program, no_files)
{
    expect_refused(in_box("safe/none"), in_box("safe/none:"), "No such file");
    expect_refused(in_box("safe"), in_box("safe:"), "not a regular file");
    expect_refused("/dev/null", "/dev/null:", "not a regular file");
    expect_refused("/", "/:", "not a regular file");
    make_link("safe/link", "safe/link");
    expect_refused(in_box("safe/link"), in_box("safe/link:"), "symbolic links");
}

Test(program, owners)
{
    if (geteuid() != 0)
        return; /* nobody else can give files away */
    cr_assert_eq(chown(in_box("safe/program"), 65534, 65534), 0);
    expect_refused(in_box("safe/program"), in_box("safe/program:"), "another user");
    cr_assert_eq(chown(in_box("safe/program"), 0, 65534), 0);
    cr_expect_eq(program_check(in_box("safe/program"), error), PROGRAM_OK);
    cr_assert_eq(chown(in_box("safe"), 65534, 0), 0);
    expect_refused(in_box("safe/program"), in_box("safe:"), "another user");
}

Test(program, long_paths)
{
    char path[PROGRAM_ERROR_SIZE * 2];

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    cr_expect_eq(program_check(path, error), PROGRAM_REFUSED);
    cr_expect_lt(strlen(error), PROGRAM_ERROR_SIZE);
    cr_expect_not_null(strstr(error, "File name too long"));
}

Test(program, explanations)
{
    static const struct {
        int number;
        const char *words;
    } cases[] = {
        {ENOENT, "/x: the interpreter"},      {ENOEXEC, "/x: neither a binary"},
        {EACCES, "/x: not executable"},       {E2BIG, "/x: Argument list too long"},
        {EAGAIN, "/x: Resource temporarily"}, {ENOMEM, "/x: Cannot allocate memory"},
        {ETXTBSY, "/x: Text file busy"},      {123456, "/x: cannot be started"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        program_explain("/x", cases[i].number, error);
        cr_expect_eq(strncmp(error, cases[i].words, strlen(cases[i].words)), 0, "%s", error);
    }
}
