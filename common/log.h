/* Log lines: to the journal with fields when standard error is the journal (sd-journal), else to
 * standard error.
 *
 * Only main, manager and callbacks of the loop log; rooms return (CONTRIBUTING.md). No personal
 * data and no secret in a line or a field: things are named by their ids. Thread-safe. A log that
 * cannot be written is ignored. */
#pragma once

#include <stddef.h>
#include <syslog.h> /* LOG_ERR ... LOG_DEBUG */

struct log_field {
    const char *name;  /* of the journal, upper case, e.g. "PRONTO_REQUEST_ID" */
    const char *value; /* NULL: the field is left out */
};

/* Names the program in every line and finds out where the lines go ($JOURNAL_STREAM,
 * sd_journal_stream_fd(3)).
 * @program must live as long as the process. $PRONTOD_LOG_LEVEL (a syslog name or digit) sets the
 * level; default info. */
void log_open(const char *program);

/* Lines of a higher (less urgent) priority are dropped. */
void log_set_max_priority(int priority);

/* Writes one line. @message_id is one of common/message_ids.h or NULL. Control characters in the text
 * become '?', so that no peer can forge a second line. On standard error the fields follow as "
 * name=value" in lower case without the "PRONTO_" prefix. */
void log_fields(int priority, const char *message_id, const struct log_field *fields,
                size_t n_fields, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A line with a MESSAGE_ID and no fields. */
#define log_message(priority, message_id, ...)                                                     \
    log_fields(priority, message_id, NULL, 0, __VA_ARGS__)
#define log_error(...)   log_fields(LOG_ERR, NULL, NULL, 0, __VA_ARGS__)
#define log_warning(...) log_fields(LOG_WARNING, NULL, NULL, 0, __VA_ARGS__)
#define log_notice(...)  log_fields(LOG_NOTICE, NULL, NULL, 0, __VA_ARGS__)
#define log_info(...)    log_fields(LOG_INFO, NULL, NULL, 0, __VA_ARGS__)
#define log_debug(...)   log_fields(LOG_DEBUG, NULL, NULL, 0, __VA_ARGS__)

/* At most one line a minute for each @state, for faults that a peer can cause at any rate. Counts
 * what it drops and says the number with the next line. @state is static storage of the caller,
 * zero at first. */
struct log_rate {
    long long next_ms;
    unsigned dropped;
};
void log_limited_fields(struct log_rate *state, int priority, const char *message_id,
                        const struct log_field *fields, size_t n_fields, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
#define log_limited(state, priority, ...)                                                          \
    log_limited_fields(state, priority, NULL, NULL, 0, __VA_ARGS__)
