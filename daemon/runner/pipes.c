#include "runner/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_pipe(int our_end, int *ret_ours, int *ret_theirs)
{
    int fds[2], error;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    if (fcntl(fds[our_end], F_SETFL, O_NONBLOCK) < 0) {
        error = errno;
        close(fds[0]);
        close(fds[1]);
        return -error;
    }
    *ret_ours = fds[our_end];
    *ret_theirs = fds[!our_end];
    return 0;
}

int pipe_to_program(int *ret_ours, int *ret_theirs)
{
    return open_pipe(1, ret_ours, ret_theirs);
}

int pipe_from_program(int *ret_ours, int *ret_theirs)
{
    return open_pipe(0, ret_ours, ret_theirs);
}
