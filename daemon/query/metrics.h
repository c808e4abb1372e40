/* Lines of GET /metrics: metrics.c has what the store counts, metrics_live.c what the other rooms do. */
#pragma once

#include "query/query_internal.h"

#include "common/histogram.h"

#include <stdio.h>

/* HELP and TYPE of a metric, before its first sample. Names come without "prontod_". */
void metrics_head(FILE *out, const char *name, const char *type, const char *help);
void metrics_histogram_head(FILE *out, const char *name, const char *help);

/* The samples of a histogram; @hook: its label, or NULL. */
void metrics_histogram(FILE *out, const char *name, const char *hook,
                       const struct histogram *histogram);

/* Hooks, calls to Pronto, credits, workers, the callback listener. 0 or a negative errno. */
int metrics_print_live(FILE *out, const struct query *query, const struct store_counts *counts);
