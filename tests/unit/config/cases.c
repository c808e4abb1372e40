#include "cases.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char box[64];
char faults[16384];

void box_open(void)
{
    snprintf(box, sizeof box, "/tmp/prontod-config.XXXXXX");
    cr_assert_not_null(mkdtemp(box));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

void box_close(void)
{
    nftw(box, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *box_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", box, name);
    return path;
}

void box_write(const char *name, const void *data, size_t size, unsigned mode)
{
    const char *path = box_path(name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

void box_text(const char *name, const char *text)
{
    box_write(name, text, strlen(text), 0600);
}

void collect(const char *file, unsigned line, const char *message, void *userdata)
{
    size_t length = strlen(box), used = strlen(faults);
    cr_assert_str_eq(userdata, "userdata");
    cr_assert_eq(strncmp(file, box, length), 0);
    int n = snprintf(faults + used, sizeof faults - used, "%s:%u: %s\n", file + length + 1, line,
                     message);
    cr_assert(n > 0 && used + (size_t)n < sizeof faults);
}

int load(struct config **ret)
{
    char userdata[] = "userdata";
    *ret = NULL;
    faults[0] = '\0';
    return config_load(box_path("c.conf"), collect, userdata, ret);
}

void expect_faults(const char *text, const char *expected)
{
    cleanup_config struct config *config = NULL;
    box_text("c.conf", text);
    int r = load(&config);
    cr_expect_str_eq(faults, expected, "%s\nshould have said:\n%sbut said:\n%s", text, expected,
                     faults);
    cr_expect_eq(r, *expected ? CONFIG_INVALID : CONFIG_OK, "%s\nresult %d", text, r);
    cr_expect_eq(config != NULL, r == CONFIG_OK);
}
