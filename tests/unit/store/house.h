/* A store in a directory of its own, and each command as one call that waits for its end. */
#pragma once

#include "common/json.h"
#include "store/store.h"

#include <sqlite3.h>

struct house {
    char directory[64], path[96];
    struct store_settings settings;
    struct store *store;
    struct store_changes_seen {
        bool submissions, polls, deliveries, events;
        int n_settled;
        store_key settled[64];
        int n_cancelled;
        store_key cancelled[64];
    } seen;
    int dispatched; /* what store_dispatch() returned last */
    int64_t now;
};

/* Opens; settings: hook "crm" on finished and failed, "audit" on unmatched and dead. */
void house_open(struct house *house);
void house_start(struct house *house); /* the store alone */
void house_stop(struct house *house);
void house_close(struct house *house); /* and removes the directory */
/* A copy of the database as a crash would leave it now, with a house around it. */
void house_crash(struct house *house, struct house *ret);

/* Posts, and runs the loop until done was called. */
enum store_result house_do(struct house *house, void *command);
/* Runs the loop once, for changes. */
void house_look(struct house *house);

/* One integer by a connection of its own. */
int64_t house_count(struct house *house, const char *sql);
/* Changes rows behind the store's back. */
void house_run(struct house *house, const char *sql);
/* Counters and rows agree, and the file is sound. */
void house_check(struct house *house);
/* Whether @text is in a file of the directory. */
bool house_holds(struct house *house, const char *text);

/* A contact of type email. @custom: JSON, or NULL. */
struct contact house_contact(const char *first, const char *last, const char *custom);

store_key house_submit(struct house *house, const char *first, const char *last,
                       const char *custom);
/* @n contacts as one array. @each: a key for each, or NULL. Takes the contacts. */
struct store_submit house_submit_array(struct house *house, struct contact *contacts, size_t n,
                                       const struct idempotency *each);
/* Claims at most STORE_CLAIM_MAX; the jobs are the caller's. */
struct store_claim_submissions house_claim_all(struct house *house);
void house_drop_jobs(struct store_claim_submissions *claim);
/* Claims what is due; the job is the caller's. NULL: none. */
struct submission_job *house_claim(struct house *house);
/* Claims one, accepts it with @enrichment_id, and returns its submission. */
store_key house_accept(struct house *house, const char *enrichment_id);
enum store_result house_finish_call(struct house *house, store_key call,
                                    enum submission_outcome outcome, const char *text);

struct received {
    enum store_result result;
    enum callback_state state;
    enum callback_reason reason;
    store_key callback, request; /* 0: none */
};
struct received house_receive(struct house *house, store_key submission, const char *body);
/* Likewise on a token that is to be compared. */
struct received house_receive_on(struct house *house, store_key submission,
                                 const struct token *token, const char *body);

/* Claims at most @max of @hook. */
size_t house_claim_deliveries(struct house *house, const char *hook, size_t max, store_key *keys);
enum store_result house_finish_attempt(struct house *house, store_key delivery,
                                       enum attempt_outcome outcome, int64_t next_at);
enum store_result house_erase(struct house *house, store_key request);
