#include "ctl/progress.h"

#include "common/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_MS  100
#define LINE_MS    10000
#define WIDTH      80 /* of a terminal that does not say */
#define BAR_MIN    10
#define BAR_MAX    40
#define RATE_AFTER 500 /* ms: before, it would be a guess */

/* "3 s", "4 min 10 s", "2 h 5 min" */
static void format_left(uint64_t seconds, char *ret, size_t size)
{
    unsigned long long s = seconds;

    if (s < 60)
        snprintf(ret, size, "%llu s left", s);
    else if (s < 3600)
        snprintf(ret, size, "%llu min %llu s left", s / 60, s % 60);
    else
        snprintf(ret, size, "%llu h %llu min left", s / 3600, s / 60 % 60);
}

static void format_numbers(const struct progress_facts *facts, char *ret, size_t size)
{
    char rows[96], rate[48] = "", left[48] = "", ends[96] = "", wrong[48] = "";
    double per_s = facts->elapsed_ms >= RATE_AFTER
                       ? (double)facts->rows * 1000 / (double)facts->elapsed_ms
                       : 0;

    if (facts->total > 0)
        snprintf(rows, sizeof(rows), "%llu/%llu rows %s", (unsigned long long)facts->rows,
                 (unsigned long long)facts->total, facts->verb);
    else
        snprintf(rows, sizeof(rows), "%llu rows %s", (unsigned long long)facts->rows, facts->verb);
    if (per_s > 0)
        snprintf(rate, sizeof(rate), per_s < 10 ? ", %.1f/s" : ", %.0f/s", per_s);
    if (per_s > 0 && facts->total > facts->rows) {
        strcpy(left, ", ");
        format_left((uint64_t)((double)(facts->total - facts->rows) / per_s) + 1, left + 2,
                    sizeof(left) - 2);
    }
    if (facts->wrong > 0)
        snprintf(wrong, sizeof(wrong), ", %llu wrong", (unsigned long long)facts->wrong);
    if (facts->finished + facts->failed > 0)
        snprintf(ends, sizeof(ends), ", %llu finished, %llu failed",
                 (unsigned long long)facts->finished, (unsigned long long)facts->failed);
    snprintf(ret, size, "%s%s%s%s%s", rows, rate, left, wrong, ends);
}

/* "[####    ] " */
static size_t format_bar(const struct progress_facts *facts, size_t room, char *ret)
{
    size_t inner = room < BAR_MAX ? room : BAR_MAX;
    uint64_t rows = facts->rows < facts->total ? facts->rows : facts->total;
    size_t done = (size_t)((double)inner * (double)rows / (double)facts->total);

    ret[0] = '[';
    memset(ret + 1, '#', done);
    memset(ret + 1 + done, ' ', inner - done);
    memcpy(ret + 1 + inner, "] ", 3);
    return inner + 3;
}

size_t progress_line(const struct progress_facts *facts, size_t width, bool bar, char *ret,
                     size_t size)
{
    char numbers[512], front[BAR_MAX + 4] = "";
    size_t n;

    format_numbers(facts, numbers, sizeof(numbers));
    n = strlen(numbers);
    if (bar && facts->total > 0 && n + BAR_MIN + 3 <= width)
        format_bar(facts, width - n - 3, front);
    snprintf(ret, size, "%s%s", front, numbers);
    if (strlen(ret) > width)
        ret[width] = '\0';
    return strlen(ret);
}

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1};
    progress->started_at = progress->shown_at = time_boot_ms();
}

int64_t progress_elapsed_ms(const struct progress *progress)
{
    return time_boot_ms() - progress->started_at;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return WIDTH;
    return size.ws_col;
}

void progress_show(struct progress *progress, struct progress_facts *facts)
{
    int64_t now = time_boot_ms();
    char line[512];

    if (now - progress->shown_at < (progress->terminal ? REDRAW_MS : LINE_MS))
        return;
    progress->shown_at = now;
    facts->elapsed_ms = now - progress->started_at;
    /* not in the last column, where some terminals break the line */
    progress_line(facts, progress->terminal ? terminal_width() - 1 : sizeof(line) - 1,
                  progress->terminal, line, sizeof(line));
    if (progress->terminal)
        fprintf(stderr, "\r%s\033[K", line);
    else
        fprintf(stderr, "prontoctl: %s\n", line);
    fflush(stderr);
    progress->drawn = progress->terminal;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
