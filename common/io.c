/* Buffers that are given up are wiped first: any file read here may be a secret. */
#include "common/io.h"

#include "common/cleanup.h"
#include "common/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX     ((size_t)64 * 1024)
#define FIRST_CAPACITY 4096

struct buffer {
    char *data;
    size_t size, capacity;
};

static void buffer_wipe(struct buffer *b)
{
    secret_wipe(b->data, b->capacity);
    free(b->data);
}

static int buffer_grow(struct buffer *b, size_t capacity)
{
    char *data = malloc(capacity);
    if (!data)
        return -ENOMEM;
    if (b->size > 0)
        memcpy(data, b->data, b->size);
    buffer_wipe(b);
    b->data = data;
    b->capacity = capacity;
    return 0;
}

/* Reads to the end of the file, but no more than @max bytes and the one that is too many. */
static int read_to_end(int fd, size_t max, struct buffer *b)
{
    for (;;) {
        if (b->capacity - b->size < 2) {
            int r = buffer_grow(b, b->capacity * 2);
            if (r < 0)
                return r;
        }
        size_t room = b->capacity - b->size - 1;
        if (room > max - b->size + 1)
            room = max - b->size + 1;
        ssize_t n = read(fd, b->data + b->size, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        b->size += n;
        if (b->size > max)
            return -EFBIG;
    }
}

/* Opens a regular file. O_NONBLOCK: a named pipe must not hold us. */
static int open_regular(const char *path, int *ret_fd, struct stat *ret_stat)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 || fstat(fd, ret_stat) < 0)
        return -errno;
    if (S_ISDIR(ret_stat->st_mode))
        return -EISDIR;
    if (!S_ISREG(ret_stat->st_mode))
        return -EINVAL;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int fd_read(int fd, const struct stat *st, size_t max, char **ret, size_t *ret_size)
{
    if (st->st_size > 0 && (size_t)st->st_size > max)
        return -EFBIG;

    struct buffer b = {0};
    size_t expected = (size_t)st->st_size + 2; /* the end is seen, and a NUL */
    int r = buffer_grow(&b, expected > FIRST_CAPACITY ? expected : FIRST_CAPACITY);
    if (r >= 0)
        r = read_to_end(fd, max, &b);
    if (r < 0) {
        buffer_wipe(&b);
        return r;
    }
    b.data[b.size] = '\0';
    *ret = b.data;
    if (ret_size)
        *ret_size = b.size;
    return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_size)
{
    cleanup_close int fd = -1;
    struct stat st = {0};
    int r = open_regular(path, &fd, &st);

    return r < 0 ? r : fd_read(fd, &st, max, ret, ret_size);
}

int fd_write_all(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        size -= n;
    }
    return 0;
}

int secret_path(const char *credential, const char *path, char **ret)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    cleanup_free char *found = NULL;

    if (directory && credential) {
        if (asprintf(&found, "%s/%s", directory, credential) < 0) {
            found = NULL;
            return -ENOMEM;
        }
        if (access(found, F_OK) == 0) {
            *ret = TAKE_PTR(found);
            return 0;
        }
    }
    if (!path || !*path) {
        *ret = NULL;
        return 0;
    }
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

/* Whether @path is directly in $CREDENTIALS_DIRECTORY. */
static bool is_credential(const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const char *slash = strrchr(path, '/');

    if (!directory || !slash || strcmp(slash, "/..") == 0)
        return false;
    size_t length = strlen(directory);
    return length == (size_t)(slash - path) && strncmp(path, directory, length) == 0;
}

/* A credential is guarded by its directory. systemd gives access with an ACL, which shows as bits
 * of the group, and in a user namespace its owner shows as nobody; so neither is looked at. */
static bool is_guarded(const char *path, const struct stat *st)
{
    const mode_t others = S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

    if (is_credential(path))
        return true;
    return (st->st_mode & others) == 0 && (st->st_uid == 0 || st->st_uid == geteuid());
}

int secret_read(const char *path, char **ret, size_t *ret_size)
{
    cleanup_close int fd = -1;
    struct stat st = {0};
    int r = open_regular(path, &fd, &st);

    if (r < 0)
        return r;
    if (!is_guarded(path, &st))
        return -EPERM;
    return fd_read(fd, &st, SECRET_MAX, ret, ret_size);
}

int fd_set_nonblock_cloexec(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}
