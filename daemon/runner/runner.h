/* prontod-runner's work: jobs become programs, their ends become outcomes. The commands come from
 * its own configuration; a job only names a hook. */
#pragma once

#include "config/config.h"
#include "link/worker_main.h"

#define RUNNER_JOBS_MAX 256 /* beyond it a job comes back as interrupted */

struct runner;

/* @config is consumed. 0 or a negative errno. */
int runner_new(const char *config_path, struct config *config, struct runner **ret);
void runner_free(struct runner *runner);

/* What worker_main.h asks for; userdata is the runner. */
extern const struct worker_ops runner_ops;
void runner_set_worker(struct runner *runner, struct worker *worker);
