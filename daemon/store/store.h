/* The only door to the database. One writer thread with a queue and group commit; readers with
 * their own read-only connection. Sole user of sqlite3.h. Speaks of requests, callbacks and
 * deliveries, not of rows: a second engine is to fit behind the same door. */
#pragma once

#include "common/histogram.h"
#include "store/commands.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_open_result {
    STORE_OPEN_OK = 0,
    STORE_OPEN_E_REFUSED = 1, /* *ret_reason says in words what is wrong and the remedy: in use by
                                 pid N, schema N newer than M, not a database, corrupt, of another
                                 program, directory missing or read-only, no space */
    STORE_OPEN_E_NEWER = 2,   /* likewise: its schema is newer than this program's */
};

/* Opens (or creates) the database at @path with everything it needs: lock file, checks, migrations,
 * recovery of what a crash left (running deliveries are due at once and count an interruption;
 * submissions in a call may have been sent and wait resend_after_ms), prepared statements; then
 * starts the writer thread. The calling thread becomes the loop thread. @path: absolute, borrowed.
 * On failure nothing is left open and an existing database is as it was. Returns STORE_OPEN_OK,
 * STORE_OPEN_E_REFUSED or _NEWER with *ret_reason (allocation), or a negative errno. */
int store_open(const char *path, const struct store_settings *settings, int64_t now,
               struct store **ret, char **ret_reason);

/* Applies what is queued, ends the writer, and gives every command back: from then on store_post() refuses, and no done is called any more. So whoever
 * owns commands stops the store before it goes. Thread of the loop; once is enough. */
void store_stop(struct store *store);

/* Stops the store if that was not done, checkpoints, closes. No reader may be open any more.
 * NULL is fine. */
void store_close(struct store *store);

/* Queues a command; it belongs to the store until its done function is called. Any thread; never
 * blocks for the disk. Returns STORE_OK, STORE_E_FULL (the queue holds STORE_QUEUE_MAX commands or
 * STORE_QUEUE_BYTES; commands of our own schedulers always fit), or STORE_E_UNAVAILABLE (closing):
 * then it still belongs to the caller and done will not be called. */
#define STORE_QUEUE_MAX   8192
#define STORE_QUEUE_BYTES (64UL * 1024 * 1024)
enum store_result store_post(struct store *store, struct store_command *command);

/* Whether the writer still works: each turn that it ends after store_knock() makes store_answered()
 * return the @number of the last knock. A commit that fails, a full disk, are answered; one that never
 * returns is not. Any thread. */
void store_knock(struct store *store, uint64_t number);
uint64_t store_answered(const struct store *store);

/* For the loop: becomes readable when store_dispatch() has something to do. */
int store_fd(const struct store *store);

/* What changed in the commits since the last dispatch. */
struct store_changes {
    bool submissions;         /* some submission may be due, or credits of today were released */
    bool polls;               /* some poll may be due earlier than was said */
    bool deliveries;          /* some delivery may be due */
    bool events;              /* events were appended */
    const store_key *settled; /* requests that left queued/pending, ascending */
    size_t n_settled;
    const store_key *cancelled; /* deliveries that were erased while they ran */
    size_t n_cancelled;
};

/* Calls done of the finished commands that want the loop, then @changed (once, if anything
 * changed). Thread of the loop only. Returns 0, or a negative errno when the writer had to give up
 * for good (a second failed sync): the process must end. */
int store_dispatch(struct store *store,
                   void (*changed)(const struct store_changes *changes, void *userdata),
                   void *userdata);

/* The latest time in the file when it was opened, in milliseconds since the epoch; 0: it was new. */
int64_t store_newest_at(const struct store *store);

/* True while a commit would succeed: for /readyz. Any thread, no I/O. */
bool store_ready(struct store *store);

/* Counts and states of the writer, exact as of the last commit; any thread, no I/O, independent of
 * the size of the store. */
enum store_trouble {
    STORE_TROUBLE_NONE = 0,
    STORE_TROUBLE_DISK_LOW,      /* callbacks are refused while less than min_free is free */
    STORE_TROUBLE_COMMIT_FAILED, /* the last commit; it is tried again and again */
    STORE_TROUBLE_GAVE_UP,       /* only a new start may help */
};
struct store_counts {
    int64_t requests[REQUEST_STATE_MAX_][ENRICHMENT_MAX_];
    int64_t callbacks[CALLBACK_STATE_MAX_];
    int64_t differing; /* duplicates that differ */
    int64_t deliveries[DELIVERY_STATE_MAX_];
    int64_t duplicates_dropped; /* identical copies beyond those that are kept, since start */
    int64_t erased_refused;     /* callbacks of erased requests, since start */
    int64_t credit_day;         /* days since the epoch, of the newest that was counted */
    int64_t credits_reserved, credits_spent; /* of that day */
    int64_t tombstones, tombstones_max;
    int64_t commits, commit_failures, commands; /* since start */
    int last_failure; /* of a commit: a negative errno; 0: none since start */
    int64_t queue_length, queue_bytes;
    int64_t last_commit_ms, longest_commit_ms;
    struct histogram commit_times; /* of those that wrote something, since start */
    int64_t database_bytes, wal_bytes, free_bytes;
    bool ready;
    enum store_trouble trouble;
    const char *not_ready_reason; /* its static text; NULL when ready */
};
void store_counts(struct store *store, struct store_counts *ret);

/* Keys as identifiers and back; pure. store_key_of() returns 0, or -EINVAL when @id is not one of
 * this kind in this database. */
enum store_kind {
    STORE_KIND_REQUEST = 1,
    STORE_KIND_CALLBACK,
    STORE_KIND_DELIVERY,
    STORE_KIND_EVENT,
    STORE_KIND_SUBMISSION, /* never shown: a token carries its key */
};
void store_id(const struct store *store, enum store_kind kind, store_key key,
              char ret[static UUID_TEXT_SIZE]);
int store_key_of(const struct store *store, enum store_kind kind, const char *id, store_key *ret);

/* The schema this program knows (user_version). */
int store_schema_version(void);
