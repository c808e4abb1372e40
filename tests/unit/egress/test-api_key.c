#include "egress/api_key.h"

#include "common/cleanup.h"
#include "common/crypto.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char box[] = "/tmp/test-api_key-XXXXXX";
static char file[64], credential[64];

static void set_up(void)
{
    cr_assert_eq(crypto_init(), 0);
    cr_assert_not_null(mkdtemp(box));
    snprintf(file, sizeof(file), "%s/key", box);
    snprintf(credential, sizeof(credential), "%s/pronto-api-key", box);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void tear_down(void)
{
    unlink(file);
    unlink(credential);
    rmdir(box);
}

static void write_file(const char *path, const char *text, size_t size, mode_t mode)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, size), (ssize_t)size);
    cr_assert_eq(fchmod(fd, mode), 0);
}

/* @expected: the key, or with a leading '!' a word of why there is none. */
static void expect_load(const char *path, const char *expected)
{
    struct api_key key;

    cr_assert_eq(api_key_load(path, &key), 0);
    if (*expected == '!') {
        cr_expect_null(key.text);
        cr_assert_not_null(key.detail);
        cr_expect_not_null(strstr(key.detail, expected + 1), "%s", key.detail);
    } else {
        cr_expect_null(key.detail);
        cr_assert_not_null(key.text, "%s", key.detail);
        cr_expect_str_eq(key.text, expected);
    }
    api_key_done(&key);
    cr_expect_null(key.text);
    cr_expect_null(key.detail);
}

TestSuite(api_key, .init = set_up, .fini = tear_down);

Test(api_key, contents)
{
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } cases[] = {
#define TEXT(t) t, sizeof(t) - 1
        {TEXT("key"), "key"},
        {TEXT("key\n"), "key"},
        {TEXT("key\r\n"), "key"},
        {TEXT("k!~"), "k!~"},
        {TEXT(""), "!empty"},
        {TEXT("\n"), "!empty"},
        {TEXT("\r\n"), "!empty"},
        {TEXT("key\n\n"), "!not an API key"},
        {TEXT("key\nmore\n"), "!not an API key"},
        {TEXT("key\rX-Other: 1"), "!not an API key"},
        {TEXT("a key"), "!not an API key"},
        {TEXT("\tkey"), "!not an API key"},
        {TEXT("key\0more"), "!not an API key"},
        {TEXT("key\x7f"), "!not an API key"},
        {TEXT("k\xc3\xa9y"), "!not an API key"},
#undef TEXT
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        write_file(file, cases[i].text, cases[i].size, 0600);
        expect_load(file, cases[i].expected);
    }
}

Test(api_key, sizes)
{
    char text[LIMIT_API_KEY + 2];
    static char large[128 * 1024];

    memset(text, 'k', sizeof(text));
    text[LIMIT_API_KEY] = '\n';
    write_file(file, text, LIMIT_API_KEY + 1, 0600);
    text[LIMIT_API_KEY] = '\0';
    expect_load(file, text);
    text[LIMIT_API_KEY] = 'k';
    write_file(file, text, LIMIT_API_KEY + 1, 0600);
    expect_load(file, "!not an API key");
    memset(large, 'k', sizeof(large));
    write_file(file, large, sizeof(large), 0600);
    expect_load(file, "!too large");
}

Test(api_key, files)
{
    expect_load(NULL, "!api_key_file");
    expect_load(file, "!not there");
    expect_load(box, "!");
    write_file(file, "key", 3, 0640);
    expect_load(file, "!chmod 0600");
    write_file(file, "key", 3, 0604);
    expect_load(file, "!chmod 0600");
    write_file(file, "key", 3, 0400);
    expect_load(file, "key");
}

Test(api_key, the_credential_comes_first)
{
    setenv("CREDENTIALS_DIRECTORY", box, 1);
    write_file(file, "from-file", 9, 0600);
    expect_load(file, "from-file");
    write_file(credential, "from-systemd\n", 13, 0440);
    expect_load(file, "from-systemd");
    expect_load(NULL, "from-systemd");
}

static void expect_masked(const char *key, const char *body, size_t size, const char *expected)
{
    cleanup_free char *masked = NULL;
    size_t masked_size;

    cr_assert_eq(api_key_mask(key, body, size, &masked, &masked_size), 0);
    cr_expect_str_eq(masked, expected);
    cr_expect_eq(masked_size, strlen(expected));
}

Test(api_key, masked)
{
    static const struct {
        const char *key, *body, *expected;
    } cases[] = {
        {"k3y", "", ""},
        {"k3y", "nothing", "nothing"},
        {"k3y", "k3y", "***"},
        {"k3y", "k3yk3y", "******"},
        {"k3y", "the key k3y is wrong", "the key *** is wrong"},
        {"k3y", "k3", "k3"},
        {"k3y", "k3k3y", "k3***"},
        {"aab", "aaab", "a***"},
        {"k/y", "{\"a\": \"k\\/y\"}", "{\"a\": \"***\"}"},
        {"k\"y", "k\\\"y", "***"},
        {"k\\y", "k\\\\y k\\y", "*** ***"},
        {"k3y", "\\u006b\\u0033\\u0079", "***"},
        {"k3y", "\\u006B3%79", "***"},
        {"k+y", "k%2by k%2By k+y", "*** *** ***"},
        {"k3y", "%6b%33%7", "%6b%33%7"},
        {"k3y", "\\u006b\\u0033\\u007", "\\u006b\\u0033\\u007"},
        {"x", "xx", "******"},
        {"***", "***", "***"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_masked(cases[i].key, cases[i].body, strlen(cases[i].body), cases[i].expected);
}

Test(api_key, masked_beside_nul)
{
    cleanup_free char *masked = NULL;
    size_t size;

    cr_assert_eq(api_key_mask("k3y", "\0k3y\0", 5, &masked, &size), 0);
    cr_expect_eq(size, 5);
    cr_expect_eq(memcmp(masked, "\0***\0", 6), 0);
}
