#include "ctl/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

int fail(int status, const char *format, ...)
{
    cleanup_free char *text = NULL;
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    fprintf(stderr, "prontoctl: %s\n", n >= 0 ? text : "out of memory");
    return status;
}

int usage_error(const struct context *context, const char *format, ...)
{
    cleanup_free char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return fail(EXIT_INPUT, "%s; see prontoctl %s --help", text ? text : "wrong arguments",
                context->command);
}

int option_error(const struct context *context, int option, char **argv)
{
    if (option == ':')
        return usage_error(context, "option %s needs a value", argv[optind - 1]);
    if (strncmp(argv[optind - 1], "--format", 8) == 0 ||
        strncmp(argv[optind - 1], "--socket", 8) == 0)
        return usage_error(context, "%s goes before the command", argv[optind - 1]);
    return usage_error(context, "unknown option %s", argv[optind - 1]);
}

/* As the vendor's own client: what is wrong with the call, the key, the pace, the credits. Of what
 * Pronto refused the problem says which, whatever status it has here. */
static int status_of(const struct answer *answer)
{
    const char *kind = json_get_string(answer->json, "kind");

    if (kind && strcmp(kind, "authentication") == 0)
        return EXIT_AUTHENTICATION;
    if (kind && strcmp(kind, "rate_limit") == 0)
        return EXIT_RATE;
    if (kind && strcmp(kind, "credits") == 0)
        return EXIT_CREDITS;
    switch (answer->status) {
    case 400:
    case 413:
    case 415:
    case 422:
        return EXIT_INPUT;
    case 401:
    case 403:
        return EXIT_AUTHENTICATION;
    case 402:
        return EXIT_CREDITS;
    case 404:
        return EXIT_NOT_FOUND;
    case 429:
        return EXIT_RATE;
    default:
        return EXIT_ERROR;
    }
}

int call(struct context *context, const char *method, const char *path, struct json_object *body,
         const char *idempotency_key, struct answer *ret)
{
    struct answer answer = {0};
    int r = client_call(context->client, method, path, body, idempotency_key, &answer);
    int status = EXIT_OK;

    if (r < 0)
        return fail(EXIT_ERROR, "out of memory");
    if (r == CLIENT_E_UNREACHABLE)
        status = fail(EXIT_UNREACHABLE, "%s", answer.detail);
    else if (r == CLIENT_E_GARBAGE)
        status = fail(EXIT_ERROR, "%s", answer.detail);
    else if (answer.status >= 300)
        status = fail(status_of(&answer), "%s", answer.detail);
    if (status == EXIT_OK)
        *ret = answer;
    else
        answer_done(&answer);
    return status;
}

int call_path(struct context *context, const char *method, struct path *path,
              struct json_object *body, struct answer *ret)
{
    int status;

    if (path_end(path) < 0)
        return fail(EXIT_ERROR, "out of memory");
    status = call(context, method, path->text, body, NULL, ret);
    free(path->text);
    path->text = NULL;
    return status;
}

int print_one(struct context *context, const char *method, struct path *path,
              struct json_object *body, const struct column *columns)
{
    struct answer answer = {0};
    int status = call_path(context, method, path, body, &answer);

    if (status == EXIT_OK && answer.json)
        output_object(stdout, context->format, answer.json, columns);
    answer_done(&answer);
    return status;
}

/* Moves the items of a later page behind those of the first. */
static int merge(struct json_object *first, struct json_object *later)
{
    struct json_object *items = json_get(first, "items"), *more = json_get(later, "items");
    struct json_object *next = json_get(later, "next");

    for (size_t i = 0; items && more && i < json_object_array_length(more); i++)
        if (json_append(items, json_object_get(json_object_array_get_idx(more, i))) < 0)
            return -1;
    return json_add(first, "next", json_object_get(next));
}

static int next_page(struct context *context, const char *base, bool has_query, const char *limit,
                     const char *after, struct answer *ret)
{
    struct path path;

    path_begin(&path, base);
    path.has_query = has_query;
    path_add(&path, "limit", limit);
    path_add(&path, "after", after);
    return call_path(context, "GET", &path, NULL, ret);
}

int print_list(struct context *context, struct path *path, const char *limit, bool all,
               const struct column *columns)
{
    struct answer first = {0};
    int status;

    if (path_end(path) < 0)
        return fail(EXIT_ERROR, "out of memory");
    status = next_page(context, path->text, path->has_query, all ? "1000" : limit, NULL, &first);
    while (status == EXIT_OK && json_get_string(first.json, "next")) {
        /* A page may be short although more follows: a filter looks at a bounded number of rows a
         * call. */
        size_t got = json_object_array_length(json_get(first.json, "items"));
        struct answer later = {0};

        if (!all && got > 0)
            break;
        status = next_page(context, path->text, path->has_query, all ? "1000" : limit,
                           json_get_string(first.json, "next"), &later);
        if (status == EXIT_OK && merge(first.json, later.json) < 0)
            status = fail(EXIT_ERROR, "out of memory");
        answer_done(&later);
    }
    if (status == EXIT_OK)
        output_list(stdout, context->format, first.json, columns);
    answer_done(&first);
    free(path->text);
    path->text = NULL;
    return status;
}
