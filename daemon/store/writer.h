/* What the commands work with: the writer's connection and all that belongs to the transaction
 * under way. Used by the writer thread only, and by store_open() and store_close() while there is
 * none.
 *
 * Functions return 0 or a negative errno unless they say otherwise. An error means that the whole
 * transaction is rolled back; so a command that refuses with a positive enum store_result does so
 * before it writes. */
#pragma once

#include "model/matching.h"
#include "store/database.h"
#include "store/store.h"
#include "store/store_internal.h"

/* Counters in memory: the fixed ones first, then a block for each hook. */
struct counter {
    int64_t a, b, n;
    enum counter_kind kind;
    bool dirty;
};

struct counters {
    struct counter *cells;
    size_t n;
};

/* What a day's submissions may still cost, and what their results cost. Of the newest few days in
 * memory; older ones take their place when they are asked for. */
#define BUDGET_DAYS 8
struct credit_day {
    int64_t day, reserved, spent; /* days since the epoch, UTC */
    bool dirty;
};
struct budget {
    struct credit_day days[BUDGET_DAYS];
    size_t n;
};

/* A growing list. */
struct keys {
    store_key *items;
    size_t n, room;
};
int keys_add(struct keys *keys, store_key key);
void keys_sort(struct keys *keys);
bool keys_have(const struct keys *keys, store_key key); /* sorted */
void keys_done(struct keys *keys);

/* What a transaction changed, for the loop; and its own part of the counts since start. */
struct changes {
    bool submissions, polls, deliveries, events;
    struct keys settled;
    struct keys cancelled; /* deliveries that ran and were erased */
    struct keys erased; /* requests, callbacks and deliveries, each with its kind: see events.c */
    int64_t duplicates_dropped, erased_refused;
};
void changes_done(struct changes *changes);

/* Requests that came to a class, or left it, in a block of neighbours. */
struct class_change {
    int64_t class, block, n;
};
struct class_changes {
    struct class_change *items;
    size_t n;
};

struct writer {
    const char *path;
    struct database database;
    bool is_open;
    uint64_t database_number;
    uint8_t secret[DIGEST_KEY_BYTES];
    struct store_settings settings;
    struct counters counters;
    struct budget budget;
    struct changes changes;
    struct class_changes class_changes;
    int64_t changes_before; /* rows changed before this transaction */
    int64_t wal_pages;
    struct database
        mark; /* where the next slice of the WAL ends, see backfill.c; opened when needed */
    bool marked;
    int file; /* a descriptor of the database, or -1; closed after all connections, whose locks it would take along */
    store_key first_event, last_event; /* that are kept; 0: none */
    int64_t newest_at;                 /* the latest time in the file when it was opened; 0: none */
    int64_t free_bytes;
    bool disk_low; /* less than min_free is left */
};

/* Opening for work: statements, meta, counters, first event. The file has the right schema. */
int writer_open(struct writer *writer);
void writer_close(struct writer *writer);
store_key writer_last_key(struct writer *writer);           /* of the row that was just inserted */
void writer_set_free(struct writer *writer, int64_t bytes); /* on the disk */

/* BEGIN IMMEDIATE; COMMIT with counters and trimmed events; ROLLBACK and everything in memory as it
 * was. After an error of any of them the connection may be good for nothing: writer_usable(). */
int writer_begin(struct writer *writer);
int writer_commit(struct writer *writer, bool *ret_wrote);
int writer_rollback(struct writer *writer);
bool writer_usable(const struct writer *writer); /* open, and in no transaction */

/* Moves the WAL to the database as far as readers let it (*ret_complete), and empties it. */
int writer_checkpoint(struct writer *writer, bool truncate, bool *ret_complete);

/* backfill.c: moves the WAL to the database as far as the last call found it, and marks how far the next
 * one goes. It is unmarked before all of the WAL is to be moved. 0 or a negative errno. */
int backfill_slice(struct writer *writer);
void backfill_unmark(struct writer *writer);
void backfill_done(struct writer *writer);

/* counters.c */
int counters_load(struct writer *writer);
int counters_flush(struct writer *writer); /* what changed, to the table */
void counters_done(struct counters *counters);
void count_request(struct writer *writer, enum request_state state, enum enrichment_type type,
                   int64_t delta);
void count_callback(struct writer *writer, enum callback_state state, int64_t delta);
void count_differing(struct writer *writer, int64_t delta);
void count_rejected_bytes(struct writer *writer, int64_t delta);
void count_tombstones(struct writer *writer, int64_t delta);
int64_t counted_tombstones(const struct writer *writer);
int count_delivery(struct writer *writer, store_key hook, enum delivery_state state, int64_t delta);
int64_t counted_callbacks(const struct writer *writer, enum callback_state state);
int64_t counted_rejected_bytes(const struct writer *writer);
/* A key that no row of the kind ever had: of callbacks, deliveries and events. It grows. */
store_key next_key(struct writer *writer, enum store_kind kind);
/* Fills the counts that are kept on disk. */
void counters_read(const struct counters *counters, struct store_counts *ret);

/* class_blocks.c: which requests are in which class (state and type). @n: 1 or -1. What waits belongs to
 * the transaction. */
int class_block_change(struct writer *writer, store_key request, int64_t class, int64_t n);
int class_blocks_flush(struct writer *writer);
void class_changes_done(struct class_changes *changes);

/* events.c */
int event_append(struct writer *writer, int64_t at, int name, store_key request, store_key delivery,
                 store_key callback);
int events_load(struct writer *writer);
int events_trim(struct writer *writer);
/* Events of what is erased go when the transaction ends, all at once: that takes a scan. */
int events_forget(struct writer *writer, enum store_kind kind, store_key key);
int events_delete_forgotten(struct writer *writer);

/* requests.c */
struct request_row {
    store_key key, submission;
    enum request_state state;
    enum enrichment_type type;
    int64_t created_at;
    char enrichment_id[ENRICHMENT_ID_MAX + 1]; /* "": none */
    struct digest custom_digest;
    int64_t submitted_at; /* 0: not yet */
    store_key callback; /* the one that finished it, or that is its signal with verify = fetch; 0 */
    int64_t credits;    /* what its calls may cost; reserved while it is queued or pending */
    int64_t credit_day; /* on which day */
};
struct request_rows {
    struct request_row *items;
    size_t n;
};
void request_rows_done(struct request_rows *rows);
int request_get(struct writer *writer, store_key key, struct request_row *ret); /* 1: found, 0 */
int requests_of_submission(struct writer *writer, store_key submission, struct request_rows *ret);
int requests_of_enrichment_id(struct writer *writer, const char *enrichment_id,
                              struct request_rows *ret);
/* What matching asks of a submission. */
struct submission_trait {
    bool bulk;
    bool ids_known;     /* none of its calls went unanswered */
    bool registered;    /* it has no calls */
    struct token token; /* zeros: none */
};
/* requests_of_submission() with that, in one statement, for callbacks. */
int candidates_of_submission(struct writer *writer, store_key submission, struct request_rows *ret,
                             struct submission_trait *ret_trait);
struct new_request {
    const struct contact *contact;
    store_key submission;
    enum request_state state;
    const char *enrichment_id; /* or NULL */
    int64_t now;
};
int request_create(struct writer *writer, const struct new_request *new_request, store_key *ret);
int request_content(struct writer *writer, store_key key, struct json_object **ret);
/* The result has come: state, result row, event, deliveries; the submission when it was the last.
 */
struct request_end {
    enum result_source source;
    store_key callback; /* 0: it was asked for */
    const struct reading *reading;
    const char *raw; /* what Pronto answered when it was asked, or NULL */
    size_t raw_size;
    int64_t received_at, now;
};
int request_finish(struct writer *writer, const struct request_row *row,
                   const struct request_end *end);
int request_fail(struct writer *writer, const struct request_row *row, const char *error,
                 int64_t now);
int request_accept(struct writer *writer, const struct request_row *row, const char *enrichment_id,
                   int64_t now);
int request_expire(struct writer *writer, const struct request_row *row, int64_t now);
/* An early callback brings the identifier before the answer of the submit call does. */
int request_learn_id(struct writer *writer, const struct request_row *row,
                     const char *enrichment_id);
int request_uncount(struct writer *writer, const struct request_row *row); /* it was deleted */
int note_settled(struct writer *writer, store_key key); /* it left queued or pending */
int request_set_error(struct writer *writer, store_key key, const char *error);

/* submission_rows.c. state: see the schema. */
enum submission_state {
    SUBMISSION_WAITING = 0,
    SUBMISSION_IN_CALL,
    SUBMISSION_ANSWERED,
    SUBMISSION_REGISTERED,
    SUBMISSION_STATE_REFUSED,
};
struct submission_row {
    store_key key;
    enum submission_state state;
    enum enrichment_type type;
    bool bulk;
    int64_t tries, unanswered;
    int64_t part; /* most contacts of its next call; 0: all, and a single one was never sent */
    struct token token;
};
int submission_get(struct writer *writer, store_key key, struct submission_row *ret); /* 1, 0 */
struct new_submission {
    enum submission_state state;
    enum enrichment_type type;
    bool bulk;
    int64_t next_at;
};
/* Gets a token, but for a registration, whose callbacks come elsewhere. */
int submission_create(struct writer *writer, const struct new_submission *new_submission,
                      store_key *ret);
int submission_set_state(struct writer *writer, store_key key, enum submission_state state,
                         int64_t next_at);
int submission_set_part(struct writer *writer, store_key key, int64_t part);
/* When nothing is queued any more and it waits, it is answered: it is never sent again. */
int submission_settle(struct writer *writer, store_key key);

/* calls.c */
struct call_row {
    store_key key, submission;
    bool ended;
    store_key first_request, last_request; /* those between that were queued then */
    size_t contacts;                       /* how many those were */
    int64_t price;                         /* what each of them reserved for it */
};
int call_get(struct writer *writer, store_key key, struct call_row *ret); /* 1, 0 */
/* @finish->call ends, and what it means for its requests and its submission. */
int call_end(struct writer *writer, const struct store_finish_call *finish,
             const struct call_row *call);

/* The callback of @row, which was queued, proves that Pronto has the others of its unanswered call. */
int call_is_proven(struct writer *writer, const struct request_row *row, const char *enrichment_id,
                   int64_t now);

/* jobs.c: the call that a submission makes next. */
/* 1 when one bulk_enrich can have both contents, 0, or -ENOMEM. */
int job_may_have_both(struct json_object *content, struct json_object *other);
/* The call is on disk and its cost reserved; the submission is in it. *ret NULL: nothing is left to
 * ask for, and the submission is answered. The day's credits allow at least one. */
int job_make(struct writer *writer, const struct submission_row *row, int64_t now,
             struct submission_job **ret);

/* grouping.c: lone submissions that are sent together ([pronto] batch). */
int64_t grouping_delay(const struct writer *writer); /* ms that a new lone one waits for company */
/* 1 with the first one when so many of @type wait that they need not wait any longer; 0. */
int grouping_is_full(struct writer *writer, enum enrichment_type type, store_key *ret_first);
/* Others join a lone one that is about to be sent; nothing for one that is not lone. */
int grouping_join(struct writer *writer, const struct submission_row *first, int64_t now);

/* idempotency.c */
/* The requests that a key stands for: of one array, so their keys follow each other. */
struct idempotent {
    store_key first_request;
    int64_t n;
    bool conflict; /* it is of another body */
};
int idempotency_get(struct writer *writer, const struct idempotency *idempotency,
                    struct idempotent *ret); /* 1, 0 */
/* Those of its requests that are left, at most @max; ascending. */
int idempotency_requests(struct writer *writer, const struct idempotent *known, store_key *keys,
                         size_t max, size_t *ret_n);
int idempotency_create(struct writer *writer, const struct idempotency *idempotency,
                       store_key first_request, size_t n, int64_t now);
/* After @request was erased. */
int idempotency_forget(struct writer *writer, store_key request);

/* budget.c: [pronto] daily_credits and credit_prices. */
int budget_load(struct writer *writer);
int budget_flush(struct writer *writer); /* what changed, to the table */
void budget_read(const struct budget *budget, struct store_counts *ret);
/* How many more requests of @type the day of @now allows; SIZE_MAX: any number. */
int budget_room(struct writer *writer, enum enrichment_type type, int64_t now, size_t *ret);
/* The price of one more call is reserved for @row, in the day of @now. */
int budget_reserve(struct writer *writer, struct request_row *row, int64_t now);
/* A call that Pronto did not take costs nothing. */
int budget_take_back(struct writer *writer, struct request_row *row, int64_t price);
/* @row, in its state before, ends with a result; or without one (failed, expired). */
int budget_settle(struct writer *writer, const struct request_row *row, bool found);
int budget_release(struct writer *writer, const struct request_row *row);

/* polls.c: when Pronto is asked. */
/* The first time for a request that is pending since @now; at once when a callback was its signal. */
int poll_begin(struct writer *writer, const struct request_row *row, const char *enrichment_id,
               int64_t now);
int poll_at(struct writer *writer, store_key request, int64_t at);
/* 1 when its call had more contacts: then there is no result to fetch, 0. */
int poll_is_of_batch(struct writer *writer, const struct request_row *row,
                     const char *enrichment_id);

/* What was being asked for when prontod ended is due now. */
int polls_recover(struct writer *writer, int64_t now);

/* person.c: [pronto] reuse. */
int person_remember(struct writer *writer, store_key request, const struct contact *contact);
/* Those of its requests that were answered a while ago for the same person are finished. */
int submission_reuse(struct writer *writer, store_key submission, int64_t now);

/* signal.c: [ingress] verify = fetch. */
/* 1 when a callback that matches @row is only a signal, 0. @alone: no other request could be meant. */
int signal_is(struct writer *writer, const struct request_row *row, bool alone);
/* The first one: the result is fetched now, or as soon as the submit call is answered. */
int signal_take(struct writer *writer, const struct request_row *row, store_key callback,
                const char *enrichment_id, int64_t now);

/* delivery_rows.c */
struct delivery_row {
    store_key key, hook, request, callback;
    enum delivery_state state;
    enum hook_event event;
    int64_t attempts, interruptions;
    int64_t created_at, renewed_at; /* renewed_at 0: it was never run again by hand */
};
int delivery_get(struct writer *writer, store_key key, struct delivery_row *ret); /* 1, 0 */
int hook_get(struct writer *writer, const char *name, store_key *ret);            /* 1, 0 */
int hook_after(struct writer *writer, store_key hook, store_key *ret);            /* 1, 0 */
/* One that is configured is made when it is not there. 1, or 0: neither configured nor known. */
int hook_known(struct writer *writer, const char *name, store_key *ret);
bool hook_is_configured(const struct writer *writer, const char *name);
/* An earlier one of the same hook and request is not finished. */
int delivery_must_wait(struct writer *writer, store_key request, store_key hook, bool *ret);
/* New deliveries for every hook that wants the event. */
struct delivery_cause {
    enum hook_event event;
    const struct request_row *request; /* or NULL */
    bool found;                        /* event finished: the result has data */
    store_key callback;                /* event unmatched, and the death of one of these */
    const struct delivery_row *dead;   /* event dead */
    int64_t now;
};
int deliveries_create(struct writer *writer, const struct delivery_cause *cause);
/* Changes state; @row has what is to be stored beside it. */
int delivery_become(struct writer *writer, struct delivery_row *row, enum delivery_state state,
                    int64_t next_at, int64_t now);
/* One that waits is due now; its attempts and its age count from now. */
int delivery_hurry(struct writer *writer, const struct delivery_row *row, int64_t now);
/* The next one of the same hook and request may run. */
int delivery_release(struct writer *writer, const struct delivery_row *ended, int64_t now);
int attempt_append(struct writer *writer, store_key delivery,
                   const struct store_finish_attempt *attempt);

/* callbacks.c */
struct new_callback {
    const struct store_receive *receive;
    enum callback_state state;
    enum callback_reason reason;
    bool differs;
    store_key submission, request;
};
int callback_create(struct writer *writer, const struct new_callback *new_callback, store_key *ret);
int callback_keep_rejected(struct writer *writer, const struct store_receive *receive,
                           store_key *ret);
struct callback_row {
    store_key key, submission, request;
    enum callback_state state;
    enum callback_reason reason;
    bool differs;
    int64_t received_at;
    struct json_object *body; /* as parsed; NULL when it is no object */
};
void callback_row_done(struct callback_row *row);
int callback_get(struct writer *writer, store_key key, struct callback_row *ret); /* 1, 0 */
/* An unmatched or mismatched one belongs to @request now: as its result or as a duplicate. */
struct callback_match {
    const struct request_row *request;
    const struct reading *reading;
    enum callback_reason reason;
    bool batch; /* others could be meant */
    int64_t now;
};
int callback_match(struct writer *writer, struct callback_row *row,
                   const struct callback_match *match);
/* Unmatched ones that wait for @enrichment_id find their request, if they can. */
int callbacks_match_waiting(struct writer *writer, const char *enrichment_id, int64_t now);
int result_differs(struct writer *writer, store_key request, const struct reading *reading,
                   bool *ret);

/* resolve.c: whose callback is it? */
struct resolution {
    struct match_verdict verdict;
    struct request_rows rows; /* the candidates */
    store_key submission;     /* that it is about; 0: unknown */
    bool batch;               /* there is, or was, more than one candidate */
    bool erased;              /* it is about an erased person */
    struct token token;       /* of the submission that was asked for; zeros: none */
};
void resolution_done(struct resolution *resolution);
/* @submission: whose token it came on; 0: shared secret. */
int resolve(struct writer *writer, const struct reading *reading, store_key submission,
            struct resolution *ret);

/* 1 when what Pronto answered to a question for @row is about it: its identifier, and its custom (or,
 * without any, its names), where the answer has them. 0, or a negative errno. */
int answer_is_about(struct writer *writer, const struct request_row *row,
                    const struct reading *reading);
/* erase.c: everything of a request, or a callback that belongs to none, with its deliveries. *rows
 * grows by the callbacks and deliveries that went or were looked at. 1, or 0: it is not there, or belongs to one. */
int request_erase(struct writer *writer, store_key key, int64_t now, size_t *rows);
int callback_erase(struct writer *writer, store_key key, size_t *rows);

/* tombstones.c */
int tombstone_add_id(struct writer *writer, const char *enrichment_id, int64_t now);
int tombstone_has_id(struct writer *writer, const char *enrichment_id); /* 1, 0 */
/* A contact of a batch. Names may be NULL. */
struct erased_contact {
    store_key submission;
    const struct digest *custom; /* NULL: absent */
    const char *first_name, *last_name;
};
int tombstone_add_contact(struct writer *writer, const struct erased_contact *contact, int64_t now);
/* 1 when one with the same custom and names was erased; @loosely: with the same custom or names. */
int tombstone_has_contact(struct writer *writer, const struct erased_contact *contact,
                          bool loosely);
/* Deletes at most @max of those that were erased before @before, or are more than TOMBSTONES_MAX,
 * the oldest first. *ret_n: how many went. */
#define TOMBSTONES_MAX 10000000
int tombstones_trim(struct writer *writer, int64_t before, int64_t max, int64_t *ret_n);

/* The commands: 0, a positive enum store_result before anything was written, or a negative errno.
 */
int apply_receive(struct writer *writer, struct store_command *command);
int apply_submit(struct writer *writer, struct store_command *command);
int apply_register(struct writer *writer, struct store_command *command);
int apply_claim_submissions(struct writer *writer, struct store_command *command);
int apply_finish_call(struct writer *writer, struct store_command *command);
int apply_claim_polls(struct writer *writer, struct store_command *command);
int apply_claim_poll(struct writer *writer, struct store_command *command);
int apply_finish_poll(struct writer *writer, struct store_command *command);
int apply_claim_deliveries(struct writer *writer, struct store_command *command);
int apply_finish_attempt(struct writer *writer, struct store_command *command);
int apply_retry(struct writer *writer, struct store_command *command);
int apply_pause_hook(struct writer *writer, struct store_command *command);
int apply_purge_hook(struct writer *writer, struct store_command *command);
int apply_match(struct writer *writer, struct store_command *command);
int apply_erase(struct writer *writer, struct store_command *command);
int apply_purge(struct writer *writer, struct store_command *command);
int apply_forget(struct writer *writer, struct store_command *command);
int apply_reconfigure(struct writer *writer, struct store_command *command);
/* After the commit: it is to be applied once more, for the rest. */
bool retry_goes_on(struct store_command *command);
bool purge_goes_on(struct store_command *command);
bool old_goes_on(struct store_command *command);
bool forget_goes_on(struct store_command *command);
bool command_goes_on(struct store_command *command); /* whichever it is */
/* Frees what a claim brought that is rolled back. */
void drop_claim_submissions(struct store_command *command);

/* recover.c: what a crash left. In a transaction of the caller's. */
int recover(struct writer *writer, int64_t now);
