/* Control groups in a directory that only looks like one: what is written where. */
#include "runner/cgroup.h"
#include "runner/process_internal.h"

#include "common/io.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void expect_mark(const char *env, size_t size, const char *expected)
{
    char mark[MARK_SIZE];

    kin_mark(env, size, mark);
    cr_expect_str_eq(mark, expected);
}

#define EXPECT_MARK(env, expected) expect_mark(env, sizeof(env) - 1, expected)

Test(kin, marks)
{
    EXPECT_MARK("", "");
    EXPECT_MARK("A=1\0B=2\0", "");
    EXPECT_MARK("A=1\0PRONTO_DELIVERY_ID=d1\0", "PRONTO_DELIVERY_ID=d1");
    EXPECT_MARK("PRONTO_HOOK=crm\0A=1\0", "PRONTO_HOOK=crm");
    EXPECT_MARK("PRONTO_HOOK=crm\0PRONTO_DELIVERY_ID=d1\0", "PRONTO_DELIVERY_ID=d1");
    EXPECT_MARK("PRONTO_DELIVERY_ID=d1\0PRONTO_HOOK=crm\0", "PRONTO_DELIVERY_ID=d1");
    EXPECT_MARK("PRONTO_DELIVERY_ID=d1", "PRONTO_DELIVERY_ID=d1"); /* it was overwritten */
    EXPECT_MARK("XPRONTO_DELIVERY_ID=d1\0PRONTO_DELIVERY_ID=\0", "");
}

/* A directory without the files of the kernel: a process cannot be started in it. */
Test(cgroup, a_directory_that_is_none)
{
    char directory[] = "/tmp/test-cgroup-XXXXXX", name[64];

    cr_assert_not_null(mkdtemp(directory));
    cr_expect_null(cgroups_open_at(directory));
    cr_expect_null(cgroups_open_at("/nowhere/at/all"));
    snprintf(name, sizeof(name), "%s/prontod-runner", directory);
    rmdir(name);
    cr_expect_eq(rmdir(directory), 0, "nothing is left in it");
}
