#include "fds.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

int fds_inherited(int *ret_callback, int *ret_query)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    if (n < 0)
        return n;
    *ret_callback = *ret_query = -1;
    for (int i = 0; i < n; i++) {
        int fd = SD_LISTEN_FDS_START + i;

        if (strcmp(names[i], "callback") == 0 && *ret_callback < 0)
            *ret_callback = fd;
        else if (strcmp(names[i], "query") == 0 && *ret_query < 0)
            *ret_query = fd;
        else
            close(fd);
        free(names[i]);
    }
    free(names);
    if (*ret_callback >= 0 && fd_set_nonblock_cloexec(*ret_callback) < 0)
        return -EBADF;
    return *ret_query >= 0 ? fd_set_nonblock_cloexec(*ret_query) : 0;
}

/* Splits "ADDR:PORT" or "[ADDR6]:PORT" into a socket address. 0 or -EINVAL. */
static int parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    size_t length;
    char *end;
    unsigned long port;

    if (!colon || (size_t)(colon - text) >= sizeof(host))
        return -EINVAL;
    port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port > 65535)
        return -EINVAL;
    length = (size_t)(colon - text);
    memcpy(host, text, length);
    host[length] = '\0';
    memset(ret, 0, sizeof(*ret));
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *ret_size = sizeof(*v6);
        return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    *ret_size = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int fds_listen_tcp(const char *address, int *ret_fd)
{
    struct sockaddr_storage where;
    socklen_t size;
    cleanup_close int fd = -1;
    int one = 1, r = parse_address(address, &where, &size);

    if (r < 0)
        return r;
    fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&where, size) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

const char *fds_unix_path(const char *address)
{
    static const char prefix[] = "unix:";

    return strncmp(address, prefix, strlen(prefix)) == 0 ? address + strlen(prefix) : NULL;
}

/* Is somebody listening there? A leftover of a killed prontod refuses the connection. */
static bool is_alive(const struct sockaddr_un *where)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 || connect(fd, (const struct sockaddr *)where, sizeof(*where)) == 0 ||
           errno == EAGAIN;
}

static int remove_leftover(const struct sockaddr_un *where)
{
    struct stat st;

    if (lstat(where->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    if (is_alive(where))
        return -EADDRINUSE;
    return unlink(where->sun_path) < 0 ? -errno : 0;
}

int fds_listen_unix(const char *path, int *ret_fd)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cleanup_close int fd = -1;
    int r;

    if (strlen(path) >= sizeof(where.sun_path))
        return -ENAMETOOLONG;
    memcpy(where.sun_path, path, strlen(path) + 1);
    r = remove_leftover(&where);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || chmod(path, 0666) < 0 ||
        listen(fd, BACKLOG) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}
