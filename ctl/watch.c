/* watch: events as they come, across restarts of prontod. */
#include "ctl/command.h"
#include "ctl/interrupt.h"
#include "ctl/transfer.h"

#include "common/timestamp.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define TURN_MS         200
#define RETRY_FIRST_MS  100
#define RETRY_MAX_MS    5000
#define LINE_BYTES_MAX  65536
#define ANSWER_KEEP_MAX 4096 /* of a problem */

static const struct column columns[] = {
    {"ID", "id"},
    {"TIME", "time"},
    {"EVENT", "event"},
    {"REQUEST", "request_id"},
    {"ENRICHMENT ID", "enrichment_id"},
    {"DELIVERY", "delivery_id"},
    {"HOOK", "hook"},
    {NULL, NULL},
};

struct watch {
    struct context *context;
    CURLM *multi;
    CURL *curl;
    char last[64];        /* id of the last event that was shown; "": none yet */
    int64_t connected_at; /* wall time of the first connection: nothing older is shown */
    bool from_now;        /* without --since */
    bool lost;            /* and it was said */
    bool header;          /* of CSV was written */
    char *line;
    size_t size;
    int status; /* EXIT_OK, or the status to end with */
    char problem[ANSWER_KEEP_MAX];
    size_t problem_size;
};

static void show_table(struct json_object *event)
{
    static const char *const names[] = {"request_id", "delivery_id", "hook", "enrichment_id"};
    static const char *const words[] = {"request", "delivery", "hook", "enrichment"};

    output_value(stdout, FORMAT_TABLE, json_get(event, "time"));
    fputs("  ", stdout);
    output_value(stdout, FORMAT_TABLE, json_get(event, "event"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct json_object *value = json_get(event, names[i]);

        if (!value)
            continue;
        printf("  %s ", words[i]);
        output_value(stdout, FORMAT_TABLE, value);
    }
    putchar('\n');
}

static void show_event(struct watch *watch, struct json_object *event, const char *line)
{
    switch (watch->context->format) {
    case FORMAT_TABLE:
        show_table(event);
        break;
    case FORMAT_JSON:
        puts(line);
        break;
    case FORMAT_CSV:
        output_csv(stdout, event, columns, !watch->header);
        watch->header = true;
        break;
    }
}

/* After a connection that was lost before any event, all that are kept come again. */
static bool is_old(const struct watch *watch, struct json_object *event)
{
    const char *time = json_get_string(event, "time");
    int64_t at;

    return watch->from_now && !watch->last[0] && time && time_parse_rfc3339(time, &at) == 0 &&
           at < watch->connected_at;
}

static void take_line(struct watch *watch, const char *line, size_t size)
{
    cleanup_json struct json_object *event = NULL;
    const char *name, *id;

    if (json_parse_strict(line, size, true, &event) != 0)
        return; /* cut by the end of the connection */
    name = json_get_string(event, "event");
    id = json_get_string(event, "id");
    if (!name || strcmp(name, "heartbeat") == 0)
        return;
    if (strcmp(name, "gap") == 0) {
        if (watch->context->format == FORMAT_JSON)
            puts(line);
        else
            fail(EXIT_ERROR, "events are missing here: they are no longer kept");
        return;
    }
    if (is_old(watch, event))
        return;
    show_event(watch, event, line);
    if (id)
        snprintf(watch->last, sizeof(watch->last), "%s", id);
}

/* Whole lines of an answer 200; the text of any other. */
static size_t on_data(char *data, size_t one, size_t size, void *userdata)
{
    struct watch *watch = userdata;
    long status = 0;
    char *end;

    curl_easy_getinfo(watch->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        size_t room = sizeof(watch->problem) - watch->problem_size;

        memcpy(watch->problem + watch->problem_size, data, size < room ? size : room);
        watch->problem_size += size < room ? size : room;
        return size;
    }
    if (watch->size + size > LINE_BYTES_MAX + CURL_MAX_WRITE_SIZE)
        return 0;
    memcpy(watch->line + watch->size, data, size * one);
    watch->size += size;
    while ((end = memchr(watch->line, '\n', watch->size))) {
        size_t n = (size_t)(end - watch->line);

        *end = '\0';
        take_line(watch, watch->line, n);
        watch->size -= n + 1;
        memmove(watch->line, end + 1, watch->size);
    }
    fflush(stdout);
    return ferror(stdout) ? 0 : size;
}

/* prontod answered, but not with events. True: it may do so later. */
static bool take_problem(struct watch *watch, long http)
{
    cleanup_json struct json_object *problem = NULL;
    const char *detail = NULL;

    if (json_parse_strict(watch->problem, watch->problem_size, true, &problem) == 0)
        detail = json_get_string(problem, "detail");
    if (http == 503)
        return true;
    watch->status = fail(http == 400   ? EXIT_INPUT
                         : http == 403 ? EXIT_AUTHENTICATION
                                       : EXIT_ERROR,
                         "%s", detail ? detail : "what answers is not prontod");
    return false;
}

/* One connection until it ends. True: try again. */
static bool listen_once(struct watch *watch, const char *path)
{
    struct transfer transfer = {.curl = watch->curl,
                                .socket = client_socket(watch->context->client)};
    CURLcode code = CURLE_OK;
    int running = 1, left;
    CURLMsg *message;
    long http = 0;
    bool again = true;

    watch->size = watch->problem_size = 0;
    if (transfer_prepare(&transfer, "GET", path, NULL, 0, NULL) < 0) {
        watch->status = fail(EXIT_ERROR, "out of memory");
        return false;
    }
    curl_easy_setopt(watch->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(watch->curl, CURLOPT_WRITEDATA, watch);
    curl_multi_add_handle(watch->multi, watch->curl);
    while (running && !interrupted()) {
        if (curl_multi_perform(watch->multi, &running) != CURLM_OK)
            break;
        curl_easy_getinfo(watch->curl, CURLINFO_RESPONSE_CODE, &http);
        if (http == 200 && watch->lost) {
            fail(EXIT_OK, "prontod is there again");
            watch->lost = false;
        }
        if (http == 200 && watch->connected_at == 0)
            watch->connected_at = time_now();
        if (running)
            curl_multi_poll(watch->multi, NULL, 0, TURN_MS, NULL);
    }
    while ((message = curl_multi_info_read(watch->multi, &left)))
        code = message->data.result;
    curl_multi_remove_handle(watch->multi, watch->curl);
    if (ferror(stdout)) {
        watch->status = fail(EXIT_ERROR, "cannot write the events");
        again = false;
    } else if (watch->connected_at == 0 && code != CURLE_OK && !interrupted()) {
        struct answer answer = {0}; /* never was there: not waited for */

        transfer_answer(&transfer, code, &answer);
        watch->status = fail(EXIT_UNREACHABLE, "%s", answer.detail);
        again = false;
    } else if (code == CURLE_OK && http != 200 && !interrupted()) {
        again = take_problem(watch, http);
    }
    transfer_done(&transfer);
    return again && !interrupted();
}

static void pause_ms(struct watch *watch, int64_t ms)
{
    int64_t end = time_boot_ms() + ms;

    while (!interrupted() && time_boot_ms() < end)
        curl_multi_poll(watch->multi, NULL, 0, (int)(end - time_boot_ms()), NULL);
}

static int listen_on(struct watch *watch, const char *since)
{
    int64_t wait = RETRY_FIRST_MS;

    for (;;) {
        const char *from = watch->last[0] ? watch->last : since;
        int64_t began = time_boot_ms();
        struct path path;
        bool again;

        path_begin(&path, "/v1/events");
        path_add(&path, "since", from ? from : watch->connected_at ? "0" : NULL);
        if (path_end(&path) < 0)
            return fail(EXIT_ERROR, "out of memory");
        again = listen_once(watch, path.text);
        free(path.text);
        if (!again)
            return watch->status;
        if (!watch->lost)
            fail(EXIT_OK, "the connection to prontod was lost; trying again");
        watch->lost = true;
        wait = time_boot_ms() - began > RETRY_MAX_MS ? RETRY_FIRST_MS : wait;
        pause_ms(watch, wait);
        if (interrupted())
            return EXIT_OK;
        wait = wait * 2 < RETRY_MAX_MS ? wait * 2 : RETRY_MAX_MS;
    }
}

static int run_watch(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {{"since", required_argument, NULL, 's'}, {0}};
    struct watch watch = {.context = context};
    const char *since = NULL;
    int option, status;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (option != 's')
            return option_error(context, option, argv);
        since = optarg;
    }
    if (optind < argc)
        return usage_error(context, "unexpected argument '%s'", argv[optind]);
    watch.from_now = since == NULL;
    interrupt_catch();
    watch.multi = curl_multi_init();
    watch.curl = curl_easy_init();
    watch.line = malloc(LINE_BYTES_MAX + CURL_MAX_WRITE_SIZE);
    status = watch.multi && watch.curl && watch.line ? listen_on(&watch, since)
                                                     : fail(EXIT_ERROR, "out of memory");
    curl_easy_cleanup(watch.curl);
    curl_multi_cleanup(watch.multi);
    free(watch.line);
    return status;
}

const struct command watch_commands[] = {
    {"watch", "[--since ID]", "events as they come, until Ctrl-C",
     "  --since ID                             those behind this event; 0: all that are kept\n",
     run_watch},
    {0},
};
