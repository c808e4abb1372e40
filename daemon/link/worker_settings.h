/* What both workers' main() begin with: the command line, and the faults of a configuration. */
#pragma once

/* --config FILE, --version, --help. Returns -1 to go on, with *ret_config of @argv or
 * @config_default; else the exit status. */
int worker_parse_arguments(const char *program, const char *usage, const char *config_default,
                           int argc, char **argv, const char **ret_config);

/* The first fault of a configuration, as one line; empty: none yet. */
struct worker_fault {
    char text[512];
};

/* Logs a fault and keeps the first one: fits config_load(), @userdata is a struct worker_fault. */
void worker_note_fault(const char *file, unsigned line, const char *message, void *userdata);
