/* How far a long command is: a bar on a terminal, a line now and then otherwise. On standard error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_facts {
    const char *verb;     /* "sent", "settled" */
    uint64_t rows, total; /* total 0: unknown */
    uint64_t wrong;
    uint64_t finished, failed;
    int64_t elapsed_ms;
};

/* One line without its end, of at most @width columns; pure. @bar: with a bar, when the total is
 * known and there is room. Returns its length. */
size_t progress_line(const struct progress_facts *facts, size_t width, bool bar, char *ret,
                     size_t size);

struct progress {
    bool terminal, drawn;
    int64_t started_at, shown_at; /* boot time */
};

void progress_begin(struct progress *progress);
/* Shows it when it is time to: ten times a second on a terminal, else every ten seconds.
 * elapsed_ms is filled in. */
void progress_show(struct progress *progress, struct progress_facts *facts);
/* Removes the bar, so that something else can be written; it comes again. */
void progress_clear(struct progress *progress);
int64_t progress_elapsed_ms(const struct progress *progress);
