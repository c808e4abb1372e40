#include "cases.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(secrets, .init = box_open, .fini = box_close);

/* The secrets of a file with @text, joined by blanks, or the error as a number. */
static const char *read_back(const char *text, size_t size)
{
    static char joined[16384];
    char path[256];
    char **secrets = NULL;
    snprintf(path, sizeof path, "%s/secrets", box);
    box_write("secrets", text, size, 0600);
    struct config config = {.ingress.secret_file = path};
    int r = config_read_secrets(&config, &secrets);
    joined[0] = '\0';
    if (r != CONFIG_OK)
        snprintf(joined, sizeof joined, "%d", r);
    for (char **secret = secrets; secret && *secret; secret++) {
        strcat(joined, *secret);
        strcat(joined, " ");
    }
    config_free_secrets(secrets);
    return joined;
}

Test(secrets, lines)
{
    static const struct {
        const char *text, *secrets;
    } cases[] = {
        {"", ""},
        {"\n\n# comment\n  # another\n", ""},
        {"12345678", "12345678 "},
        {"12345678\n", "12345678 "},
        {"  12345678\t\r\n\r\nABCdef-_.~\r\n", "12345678 ABCdef-_.~ "},
        {"12345678\n12345678\n", "12345678 12345678 "},
        {"1234567", "1"},
        {"12345678\n1234567\n", "1"},
        {"1234 5678", "1"},
        {"12345678 # comment", "1"},
        {"1234/5678", "1"},
        {"1234%5678", "1"},
        {"1234\xc3\xa9"
         "5678",
         "1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_str_eq(read_back(cases[i].text, strlen(cases[i].text)), cases[i].secrets, "%s",
                         cases[i].text);
    cr_expect_str_eq(read_back("1234\0"
                               "5678",
                               9),
                     "1");
    cr_expect_str_eq(read_back("\0", 1), "1");
}

Test(secrets, limits)
{
    char text[65 * 9 + 1] = "";
    memset(text, 'a', 128);
    cr_expect_eq(strlen(read_back(text, 128)), 129);
    text[128] = 'a';
    cr_expect_str_eq(read_back(text, 129), "1");
    for (size_t i = 0; i < 65; i++)
        strcpy(text + i * 9, "12345678\n");
    cr_expect_eq(strlen(read_back(text, 64UL * 9)), 64UL * 9);
    cr_expect_str_eq(read_back(text, 65UL * 9), "1");
}

Test(secrets, files)
{
    char path[256];
    char **secrets = NULL;
    struct config config = {0};
    cr_assert_eq(config_read_secrets(&config, &secrets), CONFIG_OK);
    cr_expect_null(secrets[0]);
    config_free_secrets(secrets);
    config_free_secrets(NULL);

    snprintf(path, sizeof path, "%s/none", box);
    config.ingress.secret_file = path;
    cr_expect_eq(config_read_secrets(&config, &secrets), -ENOENT);
    box_write("none", "12345678\n", 9, 0644);
    cr_expect_eq(config_read_secrets(&config, &secrets), -EPERM);
}

/* The credential of systemd goes before secret_file. */
Test(secrets, credential)
{
    char **secrets = NULL;
    char file[] = "/nonexistent";
    struct config config = {.ingress.secret_file = file};
    box_write("callback-secret", "from-systemd\n", 13, 0440);
    setenv("CREDENTIALS_DIRECTORY", box, 1);
    cr_assert_eq(config_read_secrets(&config, &secrets), CONFIG_OK);
    cr_assert_not_null(secrets[0]);
    cr_expect_str_eq(secrets[0], "from-systemd");
    cr_expect_null(secrets[1]);
    config_free_secrets(secrets);
}
