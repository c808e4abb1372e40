/* Reading the store: each reader is one read-only connection of one thread. No call holds a
 * transaction after it has returned, and each looks at a bounded number of rows whatever the size
 * of the store. */
#pragma once

#include "common/limits.h"
#include "store/records.h"

struct store;
struct store_reader;
struct person; /* model/person.h */

/* Returns 0 or a negative errno. A reader is used by one thread at a time and freed before
 * store_close(). */
int store_reader_open(struct store *store, struct store_reader **ret);
void store_reader_free(struct store_reader *reader);

enum reader_result {
    READER_OK = 0,
    READER_E_NOT_FOUND = 1,
    READER_E_AMBIGUOUS, /* an enrichment_id that several requests share */
    READER_E_CURSOR,    /* the cursor is not one of this list */
};

/* Whose token is it? READER_OK, READER_E_NOT_FOUND or a negative errno (then say 503). Takes the
 * same time for any unknown token. */
int reader_token(struct store_reader *reader, const struct token *token, store_key *ret_submission);
/* Likewise without a look at the store: true when this store made it, and for which submission. Whether
 * that is still there, and has this token, must be asked before anything is said or stored: by
 * reader_token(), or by the command that is given both (struct store_receive). */
bool reader_token_open(const struct store_reader *reader, const struct token *token,
                       store_key *ret_submission);

/* By key; by the text of an id or of an enrichment_id. READER_OK, _E_NOT_FOUND, _E_AMBIGUOUS or a
 * negative errno. */
int reader_request(struct store_reader *reader, store_key key, struct request_record *ret);
int reader_request_find(struct store_reader *reader, const char *text, store_key *ret);
int reader_callback(struct store_reader *reader, store_key key, struct callback_record *ret);
int reader_delivery(struct store_reader *reader, store_key key, struct delivery_record *ret);
int reader_delivery_facts(struct store_reader *reader, store_key key, struct delivery_facts *ret);
/* Those of a delivery that there is not: of @event of @request, without key, id and hook. */
int reader_test_facts(struct store_reader *reader, store_key request, enum hook_event event,
                      struct delivery_facts *ret);

/* Lists are newest first. @after: a cursor of an earlier answer, or NULL.
 * @limit: 1..LIMIT_PAGE_MAX.
 *
 * A page has at most @limit items and may have fewer (even none) although *ret_next is set: a call
 * looks at no more than READER_SCAN_MAX rows for filters that no index serves, and ends a page that
 * has read READER_PAGE_BYTES. Go on until *ret_next is NULL. *ret_items is an array of *ret_n
 * records for xxx_records_free(); *ret_next an allocation or NULL. READER_OK, READER_E_CURSOR or a
 * negative errno.
 *
 * All come by key, which is the order in which they were made. Times of a filter are looked for by
 * bisection: where the clock was set back, a list begins and ends at one of the moments that had the
 * time, and what it gives is never outside of the filter. */
#define READER_SCAN_MAX   10000
#define READER_PAGE_BYTES ((size_t)4 * 1024 * 1024)

struct request_filter {
    bool has_state, has_type;
    enum request_state state;
    enum enrichment_type type;
    const char *enrichment_id;            /* or NULL */
    const struct digest *idempotency_key; /* or NULL */
    const char *const *custom_keys;       /* n_custom pairs of key and value: all must be there */
    const char *const *custom_values;
    size_t n_custom;
    int64_t since, until; /* created_at >= since and < until; 0: open */
};
int reader_requests(struct store_reader *reader, const struct request_filter *filter,
                    const char *after, size_t limit, struct request_record **ret_items,
                    size_t *ret_n, char **ret_next);
void request_records_free(struct request_record *items, size_t n);

struct callback_filter {
    bool has_state;
    enum callback_state state;
    store_key request; /* 0: any */
};
int reader_callbacks(struct store_reader *reader, const struct callback_filter *filter,
                     const char *after, size_t limit, struct callback_record **ret_items,
                     size_t *ret_n, char **ret_next);
void callback_records_free(struct callback_record *items, size_t n);

struct delivery_filter {
    bool has_state;
    enum delivery_state state;
    bool has_event;
    enum hook_event event;
    const char *hook;     /* or NULL */
    store_key request;    /* 0: any */
    int64_t since, until; /* created_at >= since and < until; 0: open */
};
int reader_deliveries(struct store_reader *reader, const struct delivery_filter *filter,
                      const char *after, size_t limit, struct delivery_record **ret_items,
                      size_t *ret_n, char **ret_next);
void delivery_records_free(struct delivery_record *items, size_t n);

/* Events after @since (exclusive; 0: from the oldest kept), oldest first; @limit as above.
 * *ret_gap: events after @since are no longer kept. */
int reader_events(struct store_reader *reader, store_key since, size_t limit,
                  struct event_record **ret_items, size_t *ret_n, bool *ret_gap);
void event_records_free(struct event_record *items, size_t n);

/* What GET /v1/hooks shows of one hook; all 0 for one that the store has not heard of. READER_OK or
 * a negative errno. */
struct hook_counts {
    int64_t of[DELIVERY_STATE_MAX_];
    int64_t last_success_at, last_failure_at; /* 0: never */
    bool paused;
};
int reader_hook(struct store_reader *reader, const char *hook, struct hook_counts *ret);
/* The names of all hooks that ever had a delivery or were paused, in order: a NULL-terminated vector
 * for the caller. READER_OK or a negative errno. */
int reader_hook_names(struct store_reader *reader, char ***ret);

/* When was the oldest of these created? 0: there is none. For ages in status. */
struct store_ages {
    int64_t oldest_queued, oldest_pending, oldest_delivery, oldest_dead, oldest_unmatched;
};
int reader_ages(struct store_reader *reader, struct store_ages *ret);

/* How many dead deliveries were created before @before, and so will be erased with what they are
 * about; of each hook no more than OLD_DEAD_MAX are counted. 0 or a negative errno. */
#define OLD_DEAD_MAX 1000
int reader_old_dead(struct store_reader *reader, int64_t before, int64_t *ret);

/* Finds what is about a person: calls @found with a request (@callback 0), or with a callback that
 * belongs to none (@request 0); the same request may come more than once. @found returns 0 or a
 * negative errno, which ends it. Looks at a bounded number of rows: 1 when there is more to look at,
 * with the same @cursor, which is zero at first; 0 at the end; or a negative errno. */
struct person_cursor {
    int stage;
    store_key key;
};
typedef int (*person_found_fn)(store_key request, store_key callback, void *userdata);
int reader_person(struct store_reader *reader, const struct person *person,
                  struct person_cursor *cursor, person_found_fn found, void *userdata);
