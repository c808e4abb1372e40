/* A deliverer in this process: a real store in a directory of its own, a loop that the test runs, and
 * a runner at the other end of the link that the test plays itself. */
#pragma once

#include "delivery/deliverer.h"
#include "link/link.h"
#include "model/wire.h"
#include "store/store.h"

struct job {
    int64_t id;
    char hook[65];
    char request[UUID_TEXT_SIZE]; /* of the document, or "" */
    char event[16];
    size_t n_env;
};

struct stage {
    char directory[64];
    sd_event *loop;
    struct config config;
    struct hook_config hooks[2];
    struct store *store;
    struct store_reader *reader;
    struct worker_link *to_runner;
    struct deliverer *deliverer;
    sd_event_source *store_source;
    struct link *runner; /* NULL: somebody else plays it */
    struct job *jobs;    /* that came, in order */
    size_t n_jobs, room;
};

/* Hooks "crm" (exec, at most 4 at a time) and "stream" (stream), both on finished and failed; change
 * stage->config between the two. @runner_fd: the runner's end of the link is handed out; NULL: the
 * stage plays it and collects jobs. */
void stage_open(struct stage *stage);
void stage_start(struct stage *stage, int *runner_fd);
void stage_close(struct stage *stage);

/* Turns of the loop until @done says so, or the test fails. */
void stage_until(struct stage *stage, bool (*done)(struct stage *stage));
void stage_until_jobs(struct stage *stage, size_t n);
/* One turn that does not wait for long. */
void stage_turn(struct stage *stage);

/* @n requests that get their result, without waiting for the end. */
void stage_finish(struct stage *stage, size_t n);
/* Runs the loop until all of them are stored. */
void stage_settle(struct stage *stage);
/* How many deliveries are in this state. */
int64_t stage_count(struct stage *stage, enum delivery_state state);
struct hook_status stage_hook(struct stage *stage, const char *name);

/* The runner says that it takes jobs, as stage_start() lets it do; answers; cannot take one. */
void stage_ready(struct stage *stage);
void stage_answer(struct stage *stage, const struct job *job, int exit_code);
void stage_refuse(struct stage *stage, const struct job *job);
