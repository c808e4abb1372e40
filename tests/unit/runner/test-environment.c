#include "runner/environment.h"

#include "common/parse.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void expect_environment(struct json_object *env, const char *const *expected)
{
    cleanup_strv char **got = hook_environment(env);

    cr_assert_not_null(got);
    for (size_t i = 0; expected[i] || got[i]; i++) {
        cr_assert(expected[i] && got[i], "item %zu", i);
        cr_expect_str_eq(got[i], expected[i]);
    }
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
