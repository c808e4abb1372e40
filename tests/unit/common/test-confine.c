#include "common/confine.h"
#include "common/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void expect_denied(long result)
{
    cr_expect(result < 0 && errno == EPERM);
}

/* A path that is not there: without the filter it would be ENOENT. */
static void *run_programs(void *userdata)
{
    char *argv[] = {NULL};

    expect_denied(execve("/nothing", argv, argv));
    expect_denied(syscall(SYS_execveat, -1, "/nothing", argv, argv, 0));
    expect_denied(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    return userdata;
}

static void expect_allowed(int fd)
{
    cr_expect_geq(fd, 0);
    close(fd);
}

Test(confine, a_receiver)
{
    pthread_t thread;

    cr_assert_eq(process_harden(), 0);
    cr_assert_eq(confine(CONFINE_RECEIVER), 0);
    run_programs(NULL);
    expect_denied(socket(AF_INET, SOCK_STREAM, 0));
    expect_denied(socket(AF_INET6, SOCK_DGRAM, 0));
    expect_allowed(socket(AF_UNIX, SOCK_STREAM, 0));
    cr_assert_eq(pthread_create(&thread, NULL, run_programs, NULL), 0);
    pthread_join(thread, NULL);
}

Test(confine, a_client)
{
    int fd;

    cr_assert_eq(process_harden(), 0);
    cr_assert_eq(confine(CONFINE_CLIENT), 0);
    run_programs(NULL);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    expect_denied(listen(fd, 1));
    close(fd);
}
