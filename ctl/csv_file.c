#include "ctl/csv_file.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK ((size_t)64 * 1024)

struct csv_file {
    int fd;
    bool own_fd, bom, regular;
    char delimiter;
    struct csv *csv;
    int (*wait)(int fd, void *userdata);
    void *wait_userdata;
    char chunk[CHUNK];
};

/* What there is until a whole line is among it, at most @size bytes. -errno. */
static ssize_t read_line(int fd, char *data, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
        if (memchr(data, '\n', got))
            break;
    }
    return (ssize_t)got;
}

/* The first chunk tells how to read the rest. */
static int begin(struct csv_file *file, char delimiter)
{
    ssize_t n = read_line(file->fd, file->chunk, CHUNK);
    size_t skip;
    int r;

    if (n < 0)
        return (int)n;
    if (n >= 2 &&
        (memcmp(file->chunk, "\xff\xfe", 2) == 0 || memcmp(file->chunk, "\xfe\xff", 2) == 0))
        return CSV_FILE_E_UTF16;
    file->bom = n >= 3 && memcmp(file->chunk, "\xef\xbb\xbf", 3) == 0;
    skip = file->bom ? 3 : 0;
    file->delimiter =
        delimiter ? delimiter : csv_detect_delimiter(file->chunk + skip, (size_t)n - skip);
    r = csv_new(file->delimiter, &file->csv);
    return r < 0 ? r : csv_feed(file->csv, file->chunk + skip, (size_t)n - skip);
}

int csv_file_open(const char *path, char delimiter, struct csv_file **ret)
{
    cleanup_csv_file struct csv_file *file = calloc(1, sizeof(*file));
    struct stat st;
    int r;

    if (!file)
        return -ENOMEM;
    file->own_fd = strcmp(path, "-") != 0;
    file->fd = file->own_fd ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (file->fd < 0)
        return -errno;
    if (fstat(file->fd, &st) < 0)
        return -errno;
    file->regular = S_ISREG(st.st_mode);
    r = begin(file, delimiter);
    if (r == CSV_FILE_OK)
        *ret = TAKE_PTR(file);
    return r;
}

void csv_file_close(struct csv_file *file)
{
    if (!file)
        return;
    if (file->own_fd && file->fd >= 0)
        close(file->fd);
    csv_free(file->csv);
    free(file);
}

/* What there is, so that rows of a pipe are not held back. 0 or a negative errno. */
static int feed(struct csv_file *file)
{
    ssize_t n;
    int r = file->wait && !file->regular ? file->wait(file->fd, file->wait_userdata) : 0;

    if (r != 0)
        return r;
    do
        n = read(file->fd, file->chunk, CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n > 0)
        return csv_feed(file->csv, file->chunk, (size_t)n);
    csv_finish(file->csv);
    return 0;
}

int csv_file_next(struct csv_file *file, struct csv_row *ret)
{
    int r;

    while ((r = csv_next(file->csv, ret)) == CSV_MORE) {
        r = feed(file);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    return r == CSV_ROW ? CSV_FILE_OK : CSV_FILE_END;
}

void csv_file_on_wait(struct csv_file *file, int (*wait)(int fd, void *userdata), void *userdata)
{
    file->wait = wait;
    file->wait_userdata = userdata;
}

char csv_file_delimiter(const struct csv_file *file)
{
    return file->delimiter;
}

bool csv_file_has_bom(const struct csv_file *file)
{
    return file->bom;
}

bool csv_file_is_regular(const struct csv_file *file)
{
    return file->regular;
}

uint64_t csv_file_count(const struct csv_file *file)
{
    cleanup_free char *chunk = malloc(CHUNK);
    uint64_t rows = 0;
    bool quoted = false, pending = false; /* a row that has begun */
    off_t at = 0;
    ssize_t n;

    while (file->regular && chunk && (n = pread(file->fd, chunk, CHUNK, at)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            bool ends = !quoted && (chunk[i] == '\n' || chunk[i] == '\r');

            quoted ^= chunk[i] == '"';
            rows += ends && pending;
            pending = !ends;
        }
        at += n;
    }
    rows += pending;
    return rows > 0 ? rows - 1 : 0;
}
