/* Nothing here allocates (but sd-journal, for large lines), so a line about memory that ran out can
 * be written. A line is put together in one buffer and written with one write(2) of at most
 * PIPE_BUF bytes, so lines of several threads or programs on one pipe do not mix. errno is kept,
 * and "%m" in a format is the caller's. */
/* Or every line would say that it comes from this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "common/log.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define MESSAGE_SIZE   2048
#define FIELDS_MAX     16 /* more are dropped */
#define FIELD_SIZE     256
#define LIMIT_MS       60000
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELD_PREFIX   "PRONTO_"

static const char *program_name = "prontod";
static int max_priority = LOG_INFO; /* atomic */
static bool stderr_is_journal;      /* these two are set before the threads start */
static bool journal_usable;

/* $JOURNAL_STREAM is "device:inode" of the stream that systemd made; ours may have been redirected
 * since (systemd.exec(5)). */
static bool detect_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char *end;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    errno = 0;
    unsigned long long device = strtoull(stream, &end, 10);
    if (end == stream || *end != ':')
        return false;
    const char *second = end + 1;
    unsigned long long inode = strtoull(second, &end, 10);
    if (end == second || *end || errno != 0)
        return false;
    return st.st_dev == device && st.st_ino == inode;
}

/* A name as in syslog.conf(5) or a digit; -1 for another word. */
static int parse_priority(const char *text)
{
    static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                        "warning", "notice", "info", "debug"};

    if (text[0] >= '0' && text[0] <= '7' && !text[1])
        return text[0] - '0';
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(text, names[i]) == 0)
            return (int)i;
    if (strcasecmp(text, "error") == 0)
        return LOG_ERR;
    return strcasecmp(text, "warn") == 0 ? LOG_WARNING : -1;
}

void log_open(const char *program)
{
    const char *level = getenv("PRONTOD_LOG_LEVEL");
    int priority = level ? parse_priority(level) : -1;

    program_name = program;
    if (priority >= 0)
        log_set_max_priority(priority);
    stderr_is_journal = detect_journal();
    /* sd_journal_sendv() says success when there is no such socket. */
    journal_usable = stderr_is_journal && access(JOURNAL_SOCKET, W_OK) == 0;
}

void log_set_max_priority(int priority)
{
    __atomic_store_n(&max_priority, priority, __ATOMIC_RELAXED);
}

static bool is_dropped(int priority)
{
    return priority > __atomic_load_n(&max_priority, __ATOMIC_RELAXED);
}

/* C0, DEL, and C1 as UTF-8 writes it, for terminals obey these too. */
static void replace_controls(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7F)
            *p = '?';
        else if (*p == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F)
            p[0] = p[1] = '?';
    }
}

/* Marks a text that did not fit. */
static void mark_cut(char *text, size_t size, int needed)
{
    if (needed >= (int)size)
        memcpy(text + size - 4, "...", 4);
}

static void format_field(const struct log_field *field, char ret[static FIELD_SIZE])
{
    int n = snprintf(ret, FIELD_SIZE, "%s=%s", field->name, field->value);

    mark_cut(ret, FIELD_SIZE, n);
    replace_controls(ret);
}

static int send_journal(int priority, const char *message_id, const struct log_field *fields,
                        size_t n_fields, const char *message)
{
    char text[MESSAGE_SIZE + 16], level[16], identifier[64], id[64];
    char values[FIELDS_MAX][FIELD_SIZE];
    struct iovec iov[FIELDS_MAX + 4];
    int n = 0;

    snprintf(text, sizeof(text), "MESSAGE=%s", message);
    snprintf(level, sizeof(level), "PRIORITY=%d", priority);
    snprintf(identifier, sizeof(identifier), "SYSLOG_IDENTIFIER=%s", program_name);
    iov[n++] = (struct iovec){text, strlen(text)};
    iov[n++] = (struct iovec){level, strlen(level)};
    iov[n++] = (struct iovec){identifier, strlen(identifier)};
    if (message_id) {
        snprintf(id, sizeof(id), "MESSAGE_ID=%s", message_id);
        iov[n++] = (struct iovec){id, strlen(id)};
    }
    for (size_t i = 0; i < n_fields && i < FIELDS_MAX; i++) {
        if (!fields[i].value)
            continue;
        format_field(&fields[i], values[i]);
        iov[n++] = (struct iovec){values[i], strlen(values[i])};
    }
    return sd_journal_sendv(iov, n);
}

/* Appends " name=value" at @size. Returns the new size; a field that does not fit is left out. */
static size_t append_field(char *line, size_t size, size_t capacity, const struct log_field *field)
{
    char text[FIELD_SIZE];
    size_t prefix = strlen(FIELD_PREFIX), skip = 0;

    format_field(field, text);
    if (strncmp(text, FIELD_PREFIX, prefix) == 0)
        skip = prefix;
    size_t length = strlen(text + skip);
    if (size + 1 + length > capacity)
        return size;
    line[size++] = ' ';
    memcpy(line + size, text + skip, length);
    for (char *p = line + size; *p != '='; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return size + length;
}

static void write_stderr(int priority, const struct log_field *fields, size_t n_fields,
                         const char *message)
{
    char line[PIPE_BUF], prefix[16] = "";

    if (stderr_is_journal)
        snprintf(prefix, sizeof(prefix), "<%d>", priority); /* sd-daemon(3) */
    int n = snprintf(line, sizeof(line), "%s%.32s: %s", prefix, program_name, message);
    size_t size = n < 0 ? 0 : (size_t)n;
    for (size_t i = 0; i < n_fields && i < FIELDS_MAX; i++)
        if (fields[i].value)
            size = append_field(line, size, sizeof(line) - 1, &fields[i]);
    line[size++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, size);
    (void)ignored;
}

static void write_line(int priority, const char *message_id, const struct log_field *fields,
                       size_t n_fields, char *message)
{
    replace_controls(message);
    if (journal_usable && send_journal(priority, message_id, fields, n_fields, message) >= 0)
        return;
    write_stderr(priority, fields, n_fields, message);
}

void log_fields(int priority, const char *message_id, const struct log_field *fields,
                size_t n_fields, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    int saved_errno = errno;
    va_list arguments;

    if (is_dropped(priority))
        return;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (n >= 0) {
        mark_cut(message, sizeof(message), n);
        write_line(priority, message_id, fields, n_fields, message);
    }
    errno = saved_errno;
}

/* Whether this call is the one that may write. The thread that moves next_ms on has won. */
static bool take_turn(struct log_rate *state, unsigned *ret_dropped)
{
    long long now = time_boot_ms();
    long long next = __atomic_load_n(&state->next_ms, __ATOMIC_RELAXED);

    if (now < next || !__atomic_compare_exchange_n(&state->next_ms, &next, now + LIMIT_MS, false,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&state->dropped, 1, __ATOMIC_RELAXED);
        return false;
    }
    *ret_dropped = __atomic_exchange_n(&state->dropped, 0, __ATOMIC_RELAXED);
    return true;
}

void log_limited_fields(struct log_rate *state, int priority, const char *message_id,
                        const struct log_field *fields, size_t n_fields, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    int saved_errno = errno;
    unsigned dropped;
    va_list arguments;

    if (is_dropped(priority) || !take_turn(state, &dropped))
        return;
    errno = saved_errno; /* for "%m" */
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof(message) - 64, format, arguments);
    va_end(arguments);
    if (n >= 0) {
        mark_cut(message, sizeof(message) - 64, n);
        size_t size = strlen(message);
        if (dropped > 0)
            snprintf(message + size, sizeof(message) - size, " (%u more were not logged)", dropped);
        write_line(priority, message_id, fields, n_fields, message);
    }
    errno = saved_errno;
}
