/* Whether the service manager may be told that all is well: only when each thread that has to work has
 * ended a turn since it was last asked to. Without that a prontod whose disk never answers would look
 * healthy, since its main loop goes on. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum watchdog_thread {
    WATCHDOG_STORE = 0, /* commits */
    WATCHDOG_HTTP,      /* takes callbacks */
    WATCHDOG_THREADS_
};
const char *watchdog_thread_name(enum watchdog_thread thread);

/* Looks in a row without an answer after which a thread is called stuck. */
#define WATCHDOG_MISSES 3
/* Looks in the time that the service manager waits: it is told of several, and what is stuck is said
 * before it ends us. */
#define WATCHDOG_LOOKS 6

enum watchdog_news {
    WATCHDOG_SAME = 0,
    WATCHDOG_STUCK, /* said once */
    WATCHDOG_MOVES, /* it was stuck */
};

struct watchdog {
    uint64_t knock; /* the number to ask with after a look; grows with each */
    uint64_t seen[WATCHDOG_THREADS_];
    unsigned missed[WATCHDOG_THREADS_];
};

/* How often to look: milliseconds. @limit_ms: what the service manager waits; 0: it does not. */
int64_t watchdog_period_ms(int64_t limit_ms);

/* @answered: the number that each thread answered last. Any progress counts, also an answer to an older
 * question: a turn may take longer than a look. Before the first question (@watchdog all zero) there
 * is nothing to miss. True when all is well; @news[i] is what to say of each thread. The caller asks
 * with @watchdog->knock afterwards. */
bool watchdog_look(struct watchdog *watchdog, const uint64_t answered[WATCHDOG_THREADS_],
                   enum watchdog_news news[WATCHDOG_THREADS_]);
