/* The writer thread and what other threads share with it. For store.c, queue.c and engine.c. */
#pragma once

#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>

struct command_list {
    struct store_command *first, **last; /* last: where the next one goes */
    size_t n;
};
void command_list_init(struct command_list *list);
void command_list_append(struct command_list *list, struct store_command *command);

struct store {
    char *path;
    int lock_fd, event_fd;
    uint64_t database_number;
    uint8_t secret[DIGEST_KEY_BYTES]; /* the writer's goes when the file is opened anew */
    pthread_t thread;

    /* The writer thread's. */
    struct writer writer;
    struct command_list erasing; /* committed, but still in the WAL */
    int64_t failed_at;           /* the last failure of the disk; 0: none. Boot time, as all here */
    int64_t looked_at;           /* at the free space */
    int64_t probed_at;           /* whether a commit succeeds */
    int64_t checkpoint_at;       /* an incomplete one is not repeated at once */
    int64_t checkpointed_pages;  /* of the WAL that is */
    int64_t sliced_pages;        /* of the WAL, when the last slice was moved */
    bool commit_failed;          /* the last one */
    struct store_counts measured; /* what only this thread writes; copied to @counts */

    atomic_ullong answered; /* the last knock that a whole turn followed */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* Under the lock. */
    struct command_list queue;
    size_t queue_bytes;
    bool closing;
    uint64_t knock; /* the number of the last one */
    bool stopped;   /* the thread has ended; loop thread */
    int failed;     /* a negative errno: gave up for good */
    struct command_list done;
    struct changes changes;
    struct store_counts counts;
};

/* engine.c: the thread. */
void *engine_main(void *userdata);
/* Counts and readiness for the others. */
void engine_publish(struct store *store);

/* health.c: failures of the disk, checkpoints, erasures, free space. */
void health_failed(struct store *store, int error); /* a commit, or what belongs to it */
void health_succeeded(struct store *store);
void health_look_at_disk(struct store *store);
void health_keep(struct store *store);             /* between two groups */
void health_close(struct store *store);            /* ends erasures and closes the database */
int64_t health_wait_ms(const struct store *store); /* until it is to be kept again */
enum store_trouble health_trouble(const struct store *store);
const char *health_trouble_text(enum store_trouble trouble); /* NULL: none */

/* queue.c */
/* All that waits, after at most @wait_ms or a knock; linked by next. */
struct queue_taken {
    struct store_command *first;
    size_t n;
    bool closing;
    uint64_t knock;
};
struct queue_taken queue_take(struct store *store, int64_t wait_ms);
bool queue_is_empty(struct store *store);
bool queue_is_closing(struct store *store);
void queue_again(struct store *store, struct store_command *command);
/* Ends @n commands, linked by next: their done now, or on the loop, together with the changes,
 * which are taken. */
void queue_end(struct store *store, struct store_command *first, size_t n, struct changes *changes);
void queue_fail(struct store *store, int error);

/* commands.c */
int command_apply(struct writer *writer, struct store_command *command);
void command_drop(struct store_command *command);
size_t command_bytes(const struct store_command *command);
bool command_always_fits(const struct store_command *command);

/* check.c, lock.c, create.c: 0, a positive enum store_open_result with the reason in words, or a
 * negative errno. */
int store_refuse(char **ret_reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
int lock_take(const char *path, int *ret_fd, char **ret_reason);
/* The file is there, ours, sound, and of this schema; made or brought up to it if need be. */
int check_database(const char *path, int64_t now, char **ret_reason);
/* Looks through a file that is small enough for that: 0, -EBADMSG, or another negative errno. */
int check_quickly(struct database *database);
#define DATABASE_APPLICATION_ID 0x70726E74 /* "prnt" */
int database_create(const char *path, int64_t now);
int database_migrate(struct database *database, int64_t from);
