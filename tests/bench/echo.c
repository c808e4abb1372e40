/* A stream hook that succeeds: answers each document at once, as many at a time as it has read. It looks for the delivery_id and
 * nothing else, so that it is never what is measured. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_SIZE     36
#define ANSWER_SIZE 80
#define READ_SIZE   (256 * 1024)

static char in[READ_SIZE], out[READ_SIZE];
static size_t in_size, out_size;

static bool write_all(void)
{
    size_t sent = 0;

    while (sent < out_size) {
        ssize_t n = write(STDOUT_FILENO, out + sent, out_size - sent);

        if (n < 0 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    out_size = 0;
    return true;
}

static bool answer(const char *line, size_t size)
{
    static const char key[] = "\"delivery_id\"";
    const char *at = memmem(line, size, key, sizeof(key) - 1), *end = line + size;

    at = at ? memchr(at + sizeof(key) - 1, '"', (size_t)(end - at) - (sizeof(key) - 1)) : NULL;
    if (!at || end - at <= ID_SIZE)
        return false;
    if (out_size + ANSWER_SIZE > sizeof(out) && !write_all())
        return false;
    out_size += (size_t)snprintf(out + out_size, ANSWER_SIZE,
                                 "{\"delivery_id\":\"%.*s\",\"ok\":true}\n", ID_SIZE, at + 1);
    return true;
}

static bool answer_all(void)
{
    size_t at = 0;
    const char *newline;

    while ((newline = memchr(in + at, '\n', in_size - at))) {
        if (!answer(in + at, (size_t)(newline - in) - at))
            return false;
        at = (size_t)(newline - in) + 1;
    }
    memmove(in, in + at, in_size - at);
    in_size -= at;
    return in_size < sizeof(in) && write_all();
}

int main(void)
{
    ssize_t n;

    while ((n = read(STDIN_FILENO, in + in_size, sizeof(in) - in_size)) > 0) {
        in_size += (size_t)n;
        if (!answer_all())
            return 1;
    }
    return n < 0;
}
