#include "common/process.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static int ignore_signal(int number)
{
    const struct sigaction action = {.sa_handler = SIG_IGN};

    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

int process_harden(void)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    int r = ignore_signal(SIGPIPE);
    if (r >= 0)
        r = ignore_signal(SIGXFSZ);
    umask(077);
    return r;
}
