#include "runner/environment.h"

#include "common/io.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const struct hook_config plain;

static void expect_of(const struct hook_config *hook, const char *home, struct json_object *env,
                      const char *const *expected)
{
    cleanup_environment char **got = NULL;
    char error[PROGRAM_ERROR_SIZE] = "";

    cr_assert_eq(hook_environment(hook, home, env, &got, error), 0, "%s", error);
    for (size_t i = 0; expected[i] || got[i]; i++) {
        cr_assert(expected[i] && got[i], "item %zu", i);
        cr_expect_str_eq(got[i], expected[i]);
    }
}

static void expect_environment(struct json_object *env, const char *const *expected)
{
    expect_of(&plain, NULL, env, expected);
}

static struct json_object *array_of(const char *const *texts)
{
    struct json_object *array = json_object_new_array();

    for (; *texts; texts++)
        cr_assert_eq(json_append(array, json_object_new_string(*texts)), 0);
    return array;
}

Test(environment, our_own_part)
{
    cleanup_json struct json_object *none = json_object_new_array();

    setenv("PATH", "/tmp", 1);
    setenv("PRONTO_SECRET", "x", 1);
    setenv("HOME", "/home/x", 1);
    setenv("LANG", "de_DE.UTF-8", 1);
    expect_environment(none, (const char *[]){path, "HOME=/home/x", "LANG=de_DE.UTF-8", NULL});
    unsetenv("HOME");
    setenv("LANG", "", 1);
    expect_environment(none, (const char *[]){path, "HOME=/", "LANG=C.UTF-8", NULL});
}

Test(environment, names)
{
    static const struct {
        const char *text;
        bool passes;
    } cases[] = {
        {"PRONTO_EVENT=finished", true},
        {"PRONTO_EMAIL=", true},
        {"PRONTO_CUSTOM_A=a=b\nc", true},
        {"PRONTO__=", true},
        {"PRONTO_0=", true},
        {"PRONTO_Z9_=", true},
        {"PRONTO_=", false},
        {"PRONTO_", false},
        {"PRONTO_A", false},
        {"PRONTO=", false},
        {"PRONTOX_A=", false},
        {"APRONTO_A=", false},
        {" PRONTO_A=", false},
        {"PRONTO_a=", false},
        {"PRONTO_A B=", false},
        {"PRONTO_A-B=", false},
        {"PRONTO_A\n=", false},
        {"PRONTO_\xc3\x84=", false},
        {"PRONTO_BASH_FUNC_x%%=() { :; }", false},
        {"LD_PRELOAD=/tmp/x", false},
        {"BASH_ENV=PRONTO_A=", false},
        {"PATH=/tmp", false},
        {"", false},
        {"=", false},
    };

    setenv("HOME", "/home/x", 1);
    setenv("LANG", "C", 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_json struct json_object *env = array_of((const char *[]){cases[i].text, NULL});
        const char *text = cases[i].passes ? cases[i].text : NULL;

        expect_environment(env, (const char *[]){path, "HOME=/home/x", "LANG=C", text, NULL});
    }
}

Test(environment, order_and_what_is_no_text)
{
    cleanup_json struct json_object *env =
        array_of((const char *[]){"PRONTO_B=1", "EVIL=1", "PRONTO_A=2", NULL});

    setenv("HOME", "/home/x", 1);
    setenv("LANG", "C", 1);
    cr_assert_eq(json_append(env, NULL), 0);
    cr_assert_eq(json_append(env, json_object_new_int(7)), 0);
    expect_environment(
        env, (const char *[]){path, "HOME=/home/x", "LANG=C", "PRONTO_B=1", "PRONTO_A=2", NULL});
}

static void set_own(void)
{
    setenv("HOME", "/home/x", 1);
    setenv("LANG", "C", 1);
}

Test(environment, of_another_user)
{
    set_own();
    expect_of(&plain, "/home/y", NULL, (const char *[]){path, "HOME=/home/y", "LANG=C", NULL});
}

Test(environment, of_the_configuration)
{
    char *variables[] = {(char *)"A=1", (char *)"PATH=/opt", (char *)"HOME=/h", NULL};
    const struct hook_config hook = {.environment = variables};
    cleanup_json struct json_object *env = array_of((const char *[]){"PRONTO_A=1", NULL});

    set_own();
    expect_of(&hook, NULL, env,
              (const char *[]){"PATH=/opt", "HOME=/h", "LANG=C", "A=1", "PRONTO_A=1", NULL});
}

static char file[] = "/tmp/test-environment-XXXXXX";

/* A file of secrets with that text. */
static void write_file(const char *text, mode_t mode)
{
    int fd = mkstemp(strcpy(file, "/tmp/test-environment-XXXXXX"));

    cr_assert_geq(fd, 0);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

Test(environment, of_a_file)
{
    char *variables[] = {(char *)"A=1", NULL};
    const struct hook_config hook = {.environment = variables, .environment_file = file};

    set_own();
    write_file("# comment\n\n  \n  # more\nB=x=\"y\" z \r\nA=2\nLAST=", 0600);
    expect_of(
        &hook, NULL, NULL,
        (const char *[]){path, "HOME=/home/x", "LANG=C", "A=2", "B=x=\"y\" z ", "LAST=", NULL});
    unlink(file);
}

static void expect_refusal(const char *name, const char *words)
{
    const struct hook_config hook = {.environment_file = (char *)name};
    char error[PROGRAM_ERROR_SIZE] = "";
    char **got = NULL;

    cr_expect_eq(hook_environment(&hook, NULL, NULL, &got, error), PROGRAM_REFUSED);
    cr_expect_null(got);
    cr_expect_not_null(strstr(error, words), "%s", error);
    cr_expect_null(strstr(error, "s3cret"), "%s", error);
}

Test(environment, of_a_file_that_is_wrong)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *words;
    } cases[] = {
        {"A=1\nA s3cret\n", 0600, "wrong line 2"}, {"1A=s3cret\n", 0600, "wrong line 1"},
        {"=s3cret\n", 0600, "wrong line 1"},       {"PRONTO_A=s3cret\n", 0600, "wrong line 1"},
        {" A=s3cret\n", 0600, "wrong line 1"},     {"A=s3cret\n", 0640, "chmod 600"},
        {"A=s3cret\n", 0604, "chmod 600"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        write_file(cases[i].text, cases[i].mode);
        expect_refusal(file, cases[i].words);
        unlink(file);
    }
    expect_refusal(file, "No such file");
    expect_refusal("/tmp", "Is a directory");
}

Test(environment, of_a_credential)
{
    const struct hook_config hook = {.environment_file = (char *)"crm"};
    char directory[] = "/tmp/test-environment-XXXXXX", name[64];
    int fd;

    set_own();
    unsetenv("CREDENTIALS_DIRECTORY");
    expect_refusal("crm", "no credential");
    cr_assert_not_null(mkdtemp(directory));
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    expect_refusal("crm", "no credential");
    snprintf(name, sizeof(name), "%s/crm", directory);
    fd = open(name, O_WRONLY | O_CREAT, 0440);
    cr_assert_eq(fd_write_all(fd, "A=1\n", 4), 0);
    close(fd);
    expect_of(&hook, NULL, NULL, (const char *[]){path, "HOME=/home/x", "LANG=C", "A=1", NULL});
    unlink(name);
    rmdir(directory);
}
