/* Owns the rooms and connects them: start, reload and stop order. The only one that logs for them.
 */
#pragma once

#include "config/config.h"

struct manager;

/* Logs a fault as FILE:LINE; for config_load() and config_check_environment(). */
void manager_log_fault(const char *file, unsigned line, const char *message, void *userdata);

/* Builds everything and begins to serve: store, workers, listeners. @config is consumed.
 * @config_path is borrowed. Signals SIGTERM, SIGINT and SIGHUP must be blocked. Logs what is wrong
 * and returns a negative errno, or 0. */
int manager_new(const char *config_path, struct config *config, struct manager **ret);

/* Serves until SIGTERM, SIGINT, or a fault that only a new start mends. Returns the exit status. */
int manager_run(struct manager *manager);

/* Stops and frees everything; NULL and half-built ones are fine. */
void manager_free(struct manager *manager);
