#include "common/io.h"

#include "common/cleanup.h"
#include "common/crypto.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static const char *make_file(const char *name, const void *data, size_t size, mode_t mode)
{
    const char *path = path_of(name);
    unlink(path); /* it may be read-only from a case before */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fd_write_all(fd, data, size), 0);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static void setup(void)
{
    cr_assert_eq(crypto_init(), 0);
    strcpy(directory, "/tmp/prontod-test-io-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void teardown(void)
{
    static const char *const names[] = {"file", "pipe"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unlink(path_of(names[i]));
    rmdir(directory);
}

TestSuite(io, .init = setup, .fini = teardown);

Test(io, file_read_sizes)
{
    static const size_t sizes[] = {0, 1, 4093, 4094, 4095, 4096, 4097, 100000};
    cleanup_free char *data = malloc(100000);

    memset(data, 'x', 100000);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        cleanup_free char *text = NULL;
        size_t size = 77;
        const char *path = make_file("file", data, sizes[i], 0600);
        cr_expect_eq(file_read(path, sizes[i], &text, &size), 0, "size %zu", sizes[i]);
        cr_expect_eq(size, sizes[i]);
        cr_expect_eq(strlen(text), sizes[i]);
        if (sizes[i] > 0) {
            char *none = NULL;
            cr_expect_eq(file_read(path, sizes[i] - 1, &none, &size), -EFBIG);
            cr_expect_null(none);
        }
    }
}

Test(io, file_read_keeps_nul)
{
    cleanup_free char *text = NULL;
    size_t size = 0;

    cr_expect_eq(file_read(make_file("file", "a\0b", 3, 0600), 10, &text, &size), 0);
    cr_expect_eq(size, 3);
    cr_expect_eq(memcmp(text, "a\0b", 4), 0);
}

/* Files of proc say that their size is 0. */
Test(io, file_read_of_unknown_size)
{
    cleanup_free char *text = NULL;
    char *none = NULL;
    size_t size = 0;

    cr_expect_eq(file_read("/proc/self/status", 65536, &text, &size), 0);
    cr_expect_eq(strncmp(text, "Name:", 5), 0);
    cr_expect_eq(file_read("/proc/self/status", 10, &none, &size), -EFBIG);
}

Test(io, file_read_refuses)
{
    char *text = NULL;
    size_t size;

    cr_expect_eq(file_read(path_of("absent"), 10, &text, &size), -ENOENT);
    cr_expect_eq(file_read(directory, 10, &text, &size), -EISDIR);
    cr_expect_eq(file_read("/dev/null", 10, &text, &size), -EINVAL);
    cr_assert_eq(mkfifo(path_of("pipe"), 0600), 0);
    cr_expect_eq(file_read(path_of("pipe"), 10, &text, &size), -EINVAL);
    cr_expect_null(text);
}

Test(io, write_all)
{
    int fds[2];
    char buffer[8] = "";

    cr_assert_eq(pipe(fds), 0);
    cr_expect_eq(fd_write_all(fds[1], "hello", 5), 0);
    cr_expect_eq(fd_write_all(fds[1], NULL, 0), 0);
    cr_expect_eq(read(fds[0], buffer, sizeof(buffer)), 5);
    cr_expect_str_eq(buffer, "hello");
    close(fds[0]);
    close(fds[1]);
    cr_expect_eq(fd_write_all(fds[1], "x", 1), -EBADF);
}

Test(io, nonblock_and_cloexec)
{
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_expect_eq(fd_set_nonblock_cloexec(fds[1]), 0);
    cr_expect(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    cr_expect_eq(fcntl(fds[1], F_GETFL) & O_ACCMODE, O_WRONLY);
    cr_expect(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
    cr_expect_eq(fd_set_nonblock_cloexec(-1), -EBADF);
}

Test(io, secret_modes)
{
    static const struct {
        mode_t mode;
        int result;
    } cases[] = {
        {0600, 0},      {0400, 0},      {0700, 0},      {0711, 0},      {0640, -EPERM},
        {0620, -EPERM}, {0604, -EPERM}, {0602, -EPERM}, {0666, -EPERM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *text = NULL;
        size_t size = 0;
        const char *path = make_file("file", "secret\n", 7, cases[i].mode);
        cr_expect_eq(secret_read(path, &text, &size), cases[i].result, "mode %o", cases[i].mode);
        if (cases[i].result == 0)
            cr_expect_str_eq(text, "secret\n");
        else
            cr_expect_null(text);
    }
}

Test(io, secret_size)
{
    static char data[64 * 1024 + 1];
    cleanup_free char *text = NULL;
    char *none = NULL;
    size_t size = 0;

    memset(data, 'x', sizeof(data));
    cr_expect_eq(secret_read(make_file("file", data, sizeof(data) - 1, 0600), &text, &size), 0);
    cr_expect_eq(size, sizeof(data) - 1);
    cr_expect_eq(secret_read(make_file("file", data, sizeof(data), 0600), &none, &size), -EFBIG);
}

/* Needs root to give a file away. */
Test(io, secret_of_another_user)
{
    char *text = NULL;
    size_t size;
    const char *path = make_file("file", "x", 1, 0600);

    if (geteuid() != 0)
        cr_skip_test("not root");
    cr_assert_eq(chown(path, 12345, 12345), 0);
    cr_expect_eq(secret_read(path, &text, &size), -EPERM);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    cr_expect_eq(secret_read(path, &text, &size), 0);
    free(text);
}

Test(io, credentials_are_guarded_by_their_directory)
{
    cleanup_free char *text = NULL;
    char *none = NULL, *dots = NULL;
    size_t size;
    const char *path = make_file("file", "x", 1, 0440);

    cr_expect_eq(secret_read(path, &none, &size), -EPERM);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    cr_expect_eq(secret_read(path, &text, &size), 0);
    setenv("CREDENTIALS_DIRECTORY", "/tmp", 1); /* not directly in it */
    cr_expect_eq(secret_read(path, &none, &size), -EPERM);
    cr_assert_geq(asprintf(&dots, "/tmp/..%s", path), 0);
    setenv("CREDENTIALS_DIRECTORY", "/tmp/..", 1);
    cr_expect_eq(secret_read(dots, &none, &size), -EPERM);
    free(dots);
}

Test(io, secret_paths)
{
    char *path = NULL;

    make_file("file", "x", 1, 0600);
    cr_expect_eq(secret_path("file", NULL, &path), 0);
    cr_expect_null(path);
    cr_expect_eq(secret_path("file", "", &path), 0);
    cr_expect_null(path);
    cr_expect_eq(secret_path("file", "/etc/key", &path), 0);
    cr_expect_str_eq(path, "/etc/key");
    free(path);

    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    cr_expect_eq(secret_path("file", "/etc/key", &path), 0);
    cr_expect_str_eq(path, path_of("file"));
    free(path);
    cr_expect_eq(secret_path("absent", "/etc/key", &path), 0);
    cr_expect_str_eq(path, "/etc/key");
    free(path);
    cr_expect_eq(secret_path(NULL, "/etc/key", &path), 0);
    cr_expect_str_eq(path, "/etc/key");
    free(path);
}
