/* Files and descriptors: whole reads and writes, secrets from files and credentials. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads a whole regular file of at most @max bytes, NUL-terminated. Returns 0, -errno, or -EFBIG.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes all of @data, past EINTR and short writes. Returns 0 or -errno. Not for non-blocking
 * descriptors. */
int fd_write_all(int fd, const void *data, size_t size);

/* Where a secret is: the credential @credential of systemd ($CREDENTIALS_DIRECTORY,
 * systemd.exec(5)) when it is there, else @path, else NULL. *ret is an allocation or NULL. Returns
 * 0 or -ENOMEM. */
int secret_path(const char *credential, const char *path, char **ret);

/* Reads a secret of at most 64 KiB. A file that others than its owner may read or write is refused
 * with -EPERM unless it is a credential; so is one of another user than root and ours. The caller
 * wipes it (crypto.h, secret_wipe()). */
int secret_read(const char *path, char **ret, size_t *ret_size);

/* O_CLOEXEC and O_NONBLOCK for a descriptor that came from elsewhere. Returns 0 or -errno. */
int fd_set_nonblock_cloexec(int fd);
