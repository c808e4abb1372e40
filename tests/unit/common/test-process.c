#include "common/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void *handler_of(int number)
{
    struct sigaction action;

    cr_assert_eq(sigaction(number, NULL, &action), 0);
    return (void *)action.sa_handler;
}

Test(process, harden)
{
    int fds[2];

    cr_expect_eq(process_harden(), 0);
    cr_expect_eq(prctl(PR_GET_DUMPABLE), 0);
    cr_expect_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    cr_expect_eq(handler_of(SIGPIPE), (void *)SIG_IGN);
    cr_expect_eq(handler_of(SIGXFSZ), (void *)SIG_IGN);
    cr_expect_eq(umask(022), 077);

    cr_assert_eq(pipe(fds), 0);
    close(fds[0]);
    cr_expect_eq(write(fds[1], "x", 1), -1);
    cr_expect_eq(errno, EPIPE);
}
