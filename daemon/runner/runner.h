/* prontod-runner's work: jobs become programs, their ends become outcomes. The commands come from
 * its own configuration; a job only names a hook. */
#pragma once

#include "config/config.h"
#include "link/worker_main.h"

struct runner;

/* @config is consumed, also on failure; @config_path is borrowed. 0 or a negative errno. */
int runner_new(const char *config_path, struct config *config, struct runner **ret);

/* What worker_new() asks for; its userdata is the runner. */
extern const struct worker_ops runner_ops;

/* Before worker_run(). 0 or a negative errno. */
int runner_attach(struct runner *runner, struct worker *worker);

/* Kills the hooks that still run. */
void runner_free(struct runner *runner);
