/* The table of commands: prontoctl's main reads it, and so do its help and its tests. */
#pragma once

#include "ctl/client.h"
#include "ctl/output.h"

/* Exit statuses (prontoctl(1)); the vendor's own client uses the same for 0 to 5. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_INPUT = 2,
    EXIT_AUTHENTICATION = 3,
    EXIT_RATE = 4,
    EXIT_CREDITS = 5,
    EXIT_NOT_FOUND = 6,
    EXIT_UNREACHABLE = 7,
};

struct context {
    struct client *client;
    enum format format;
    bool format_given; /* not only by what standard output is */
    const char *command;
};

struct command {
    const char *name;
    const char *arguments; /* of the usage line */
    const char *help;
    const char *options; /* lines of the command's help; usage.h reads them, too */
    int (*run)(struct context *context, int argc,
               char **argv); /* argv[0] is the command; returns an exit status */
};

/* NULL-named row ends each. */
extern const struct command request_commands[], callback_commands[], delivery_commands[],
    hook_commands[], status_commands[], import_commands[], export_commands[], watch_commands[],
    completion_commands[];

/* All of them, NULL at the end; and the lines of help of what stands before a command. */
extern const struct command *const command_groups[];
extern const char command_global_options[];

/* One line on standard error: "prontoctl: ..."; returns @status. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A wrong use of a command, with a pointer to its help. */
int usage_error(const struct context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls prontod; any answer but 2xx becomes a line on standard error and an exit status. Returns
 * EXIT_OK with *ret, else the status to end with. */
int call(struct context *context, const char *method, const char *path, struct json_object *body,
         const char *idempotency_key, struct answer *ret);

/* Likewise with a path that was built; consumes it. */
int call_path(struct context *context, const char *method, struct path *path,
              struct json_object *body, struct answer *ret);

/* Gets a list, all pages of it with @all, and prints it. @path is without limit and after;
 * consumed. */
int print_list(struct context *context, struct path *path, const char *limit, bool all,
               const struct column *columns);

/* Gets one object and prints it. */
int print_one(struct context *context, const char *method, struct path *path,
              struct json_object *body, const struct column *columns);

/* What getopt_long() found wrong. */
int option_error(const struct context *context, int option, char **argv);
