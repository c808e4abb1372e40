#include "common/log.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int lines_fd = -1; /* where standard error ends */

/* Standard error becomes a pipe, which is not the journal. */
static void setup(void)
{
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_geq(dup2(fds[1], STDERR_FILENO), 0);
    close(fds[1]);
    lines_fd = fds[0];
    unsetenv("JOURNAL_STREAM");
    unsetenv("PRONTOD_LOG_LEVEL");
}

/* What was written until now, at most one pipe full. */
static const char *take_output(void)
{
    static char buffer[65536];

    cr_assert_eq(write(STDERR_FILENO, "", 1), 1); /* so that read() never waits */
    ssize_t n = read(lines_fd, buffer, sizeof(buffer) - 1);
    cr_assert_geq(n, 1);
    buffer[n] = '\0';
    return buffer;
}

TestSuite(log, .init = setup);

Test(log, line)
{
    log_open("prontod");
    log_info("plain %d", 5);
    cr_expect_str_eq(take_output(), "prontod: plain 5\n");
}

Test(log, fields)
{
    static const struct log_field fields[] = {
        {"PRONTO_REQUEST_ID", "r-1"}, {"PRONTO_HOOK", NULL}, {"CODE", "A b"}};

    log_open("prontoctl");
    log_fields(LOG_ERR, "0123456789abcdef0123456789abcdef", fields, ARRAY_SIZE(fields), "text");
    cr_expect_str_eq(take_output(), "prontoctl: text request_id=r-1 code=A b\n");
}

Test(log, no_second_line)
{
    static const struct log_field fields[] = {{"PRONTO_X", "a\nb\x1b[2J"}};

    log_open("prontod");
    log_fields(LOG_ERR, NULL, fields, 1, "a\nb\r\tc\x7f \xC2\x9B \xC3\xA9 %s", "\n<3>forged");
    cr_expect_str_eq(take_output(), "prontod: a?b??c? ?? \xC3\xA9 ?<3>forged x=a?b?[2J\n");
}

Test(log, levels)
{
    static const struct {
        const char *level;
        int priority; /* the last that is shown */
    } cases[] = {
        {NULL, LOG_INFO},         {"debug", LOG_DEBUG},  {"7", LOG_DEBUG},
        {"err", LOG_ERR},         {"error", LOG_ERR},    {"3", LOG_ERR},
        {"WARNING", LOG_WARNING}, {"warn", LOG_WARNING}, {"nonsense", LOG_INFO},
        {"8", LOG_INFO},          {"33", LOG_INFO},      {"", LOG_INFO},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        log_set_max_priority(LOG_INFO);
        if (cases[i].level)
            setenv("PRONTOD_LOG_LEVEL", cases[i].level, 1);
        log_open("p");
        log_fields(cases[i].priority, NULL, NULL, 0, "shown");
        log_fields(cases[i].priority + 1, NULL, NULL, 0, "dropped");
        cr_expect_str_eq(take_output(), "p: shown\n", "case %zu", i);
    }
}

Test(log, errno_is_kept)
{
    log_open("p");
    errno = ENOENT;
    log_info("%m");
    cr_expect_eq(errno, ENOENT);
    cr_expect_str_eq(take_output(), "p: No such file or directory\n");
    close(STDERR_FILENO);
    errno = ENOENT;
    log_info("to nowhere");
    cr_expect_eq(errno, ENOENT);
}

/* One write of at most PIPE_BUF bytes, whatever comes. */
Test(log, long_lines_are_cut)
{
    static char huge[100000];
    struct log_field fields[40];

    memset(huge, 'x', sizeof(huge) - 1);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        fields[i] = (struct log_field){"PRONTO_FIELD", huge};
    log_open("p");
    log_fields(LOG_ERR, NULL, fields, ARRAY_SIZE(fields), "%s", huge);
    const char *output = take_output();
    cr_expect_leq(strlen(output), PIPE_BUF);
    cr_expect_eq(strchr(output, '\n'), output + strlen(output) - 1);
    cr_expect_not_null(strstr(output, "xxx... field=xxx"));
}

Test(log, limited)
{
    struct log_rate rate = {0};
    struct log_rate other = {0};

    log_open("p");
    log_limited(&rate, LOG_DEBUG, "not shown, not counted");
    log_limited(&rate, LOG_ERR, "fault %d", 1);
    log_limited(&rate, LOG_ERR, "fault %d", 2);
    log_limited(&rate, LOG_ERR, "fault %d", 3);
    log_limited(&other, LOG_ERR, "other");
    cr_expect_str_eq(take_output(), "p: fault 1\np: other\n");
    rate.next_ms = 0; /* a minute goes by */
    log_limited(&rate, LOG_ERR, "fault %d", 4);
    cr_expect_str_eq(take_output(), "p: fault 4 (2 more were not logged)\n");
    rate.next_ms = 0;
    log_limited(&rate, LOG_ERR, "fault %d", 5);
    cr_expect_str_eq(take_output(), "p: fault 5\n");
}

Test(log, limited_with_fields)
{
    static const struct log_field field = {"PRONTO_HOOK", "crm"};
    struct log_rate rate = {0};

    log_open("p");
    log_limited_fields(&rate, LOG_ERR, "0123456789abcdef0123456789abcdef", &field, 1, "a");
    log_limited_fields(&rate, LOG_ERR, "0123456789abcdef0123456789abcdef", &field, 1, "b");
    rate.next_ms = 0; /* a minute goes by */
    log_limited_fields(&rate, LOG_ERR, "0123456789abcdef0123456789abcdef", &field, 1, "c");
    cr_expect_str_eq(take_output(), "p: a hook=crm\np: c (1 more were not logged) hook=crm\n");
}

static struct log_rate shared_rate;

static void *log_much(void *unused)
{
    for (int i = 0; i < 1000; i++)
        log_limited(&shared_rate, LOG_ERR, "race");
    return unused;
}

Test(log, limited_by_threads)
{
    pthread_t threads[8];

    log_open("p");
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, log_much, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    cr_expect_str_eq(take_output(), "p: race\n");
    cr_expect_eq(shared_rate.dropped, 7999);
}

/* A stream of the journal whose native socket cannot be reached: the priority goes before the line.
 * Where a journal runs, the lines go there and not here, so the test is for where none does. */
Test(log, stream_of_the_journal)
{
    char value[64];
    struct stat st;

    if (access("/run/systemd/journal/socket", W_OK) == 0)
        cr_skip_test("a journal runs here");
    cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
    snprintf(value, sizeof(value), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", value, 1);
    log_open("p");
    log_warning("text");
    cr_expect_str_eq(take_output(), "<4>p: text\n");
}

/* Redirected since systemd started us, or nonsense: plain lines. */
Test(log, stream_of_another)
{
    static const char *const cases[] = {"1:1", "",   "x",    "1",
                                        "1:",  ":1", "1:1x", "99999999999999999999999:1"};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setenv("JOURNAL_STREAM", cases[i], 1);
        log_open("p");
        log_warning("text");
        cr_expect_str_eq(take_output(), "p: text\n", "case %zu", i);
    }
}
