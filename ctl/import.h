/* What the parts of import share. */
#pragma once

#include "ctl/pipeline.h"
#include "ctl/progress.h"
#include "ctl/source.h"

struct import {
    struct context *context;
    struct source_options options;
    size_t batch; /* rows of one call; 1: single ones */
    bool wait, dry_run;
    int64_t wait_ms; /* negative: without end */
    int64_t patience_ms;

    struct progress progress;
    struct progress_facts facts;
    struct json_object *baseline; /* GET /v1/status at the start; owned */

    uint64_t rows, wrong;           /* read; wrong among them */
    uint64_t made, known, repeated; /* what became of those that were sent */
    uint64_t refused; /* by prontod, among the wrong: they are in the file and have no request */
    uint64_t by_type[ENRICHMENT_MAX_];
    uint64_t finished, failed, expired, missing; /* of --wait */
    bool waited;
    bool stopped;       /* by a signal */
    uint64_t last_line; /* that was read */
};

/* "FILE:LINE: reason" on standard error; counts it. */
void import_wrong(struct import *import, uint64_t line, const char *reason);
/* A line on standard error between what the bar shows. */
void import_say(struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For pipelines: says that prontod is away and will be called again. */
void import_trouble(struct import *import, const char *detail);
/* What a pipeline's turn ended with, said; the status to end with. */
int import_failed(struct import *import, const struct pipeline *pipeline, int result);

/* Sends every row, or with dry_run looks at it. EXIT_OK also with wrong rows, else the status to end
 * with. */
int import_send(struct import *import);

/* Reads the file once more, until each of its rows has settled. EXIT_OK when all finished. */
int import_wait(struct import *import);
