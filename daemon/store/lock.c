/* One prontod a database: a lock on a file beside it, held as long as the store is open. The file
 * stays, since whoever removed it could remove another's. */
#include "store/engine.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

static int refuse_opening(const char *path, int error, char **ret_reason)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return store_refuse(ret_reason,
                            "the directory of %s does not exist; create it, owned by the user "
                            "that prontod runs as",
                            path);
    case EACCES:
    case EPERM:
    case EROFS:
        return store_refuse(ret_reason,
                            "cannot write beside %s: %s; its directory must be writable for the "
                            "user that prontod runs as",
                            path, strerror(error));
    case ENOSPC:
    case EDQUOT:
        return store_refuse(ret_reason, "no space left for %s; make some", path);
    default:
        return -error;
    }
}

static int refuse_locked(const char *path, int fd, char **ret_reason)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    if (n > 0)
        pid[strcspn(pid, "\n")] = '\0';
    return store_refuse(ret_reason, "store is in use by pid %s: %s; stop that prontod first",
                        n > 0 ? pid : "?", path);
}

static int write_pid(int fd)
{
    char pid[24];
    int size = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) < 0)
        return -errno;
    return pwrite(fd, pid, (size_t)size, 0) == size ? 0 : -errno;
}

int lock_take(const char *path, int *ret_fd, char **ret_reason)
{
    cleanup_free char *name = NULL;
    cleanup_close int fd = -1;
    int r;

    if (asprintf(&name, "%s.lock", path) < 0) {
        name = NULL;
        return -ENOMEM;
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse_opening(path, errno, ret_reason);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? refuse_locked(path, fd, ret_reason) : -errno;
    r = write_pid(fd);
    if (r < 0)
        return refuse_opening(path, -r, ret_reason);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
