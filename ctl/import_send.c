/* Sending the rows: each is one call, or, with --batch, part of an array. No more than what is under
 * way is in memory. */
#include "ctl/import.h"
#include "ctl/import_unit.h"
#include "ctl/interrupt.h"

#include "common/timestamp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define SLOTS       16
#define TURN_MS     100
#define STATUS_MS   1000              /* how often finished and failed are asked for, for the bar */
#define BODY_MAX    (3 * 1024 * 1024) /* of an array; prontod takes 4 MiB */
#define CALL_STATUS "/v1/status"

struct sender {
    struct import *import;
    struct pipeline *pipeline;
    struct unit *batches[ENRICHMENT_MAX_]; /* being gathered */
    struct units units;
    struct unit *refused; /* arrays whose rows are sent one by one */
    int64_t started_at;   /* wall time: what is older was there before */
    int64_t status_at;
    bool asking_status;
    int failed; /* while waiting for input */
};

/* Answers. */

static void count_row(struct sender *sender, struct json_object *request, unsigned tries)
{
    const char *created = json_get_string(request, "created_at");
    struct import *import = sender->import;
    bool existing = false;
    int64_t at = 0;

    json_get_bool(request, "existing", &existing);
    if (!existing)
        import->made++;
    else if (created && time_parse_rfc3339(created, &at) == 0 && at < sender->started_at)
        import->known++;
    else if (tries > 1) /* the first time its answer was lost */
        import->made++;
    else
        import->repeated++;
}

static void take_status(struct sender *sender, struct json_object *status)
{
    static const char *const names[] = {"finished", "failed"};
    struct progress_facts *facts = &sender->import->facts;
    uint64_t *counts[] = {&facts->finished, &facts->failed};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int64_t then = 0, now = 0;

        json_get_int64(json_get(sender->import->baseline, "requests"), names[i], &then);
        json_get_int64(json_get(status, "requests"), names[i], &now);
        *counts[i] = now > then ? (uint64_t)(now - then) : 0;
    }
}

/* prontod refused it. An array is taken apart, so that each of its rows gets its own answer. */
static int take_refusal(struct sender *sender, struct unit *unit, const struct answer *answer)
{
    if (answer->status == 403 || answer->status == 401) {
        progress_clear(&sender->import->progress);
        return fail(EXIT_AUTHENTICATION, "%s", answer->detail);
    }
    if (unit->array) {
        unit->next = 0;
        unit->refused = sender->refused;
        sender->refused = unit;
        return 0;
    }
    import_wrong(sender->import, unit->rows[0].line, answer->detail);
    sender->import->refused++;
    unit_free(unit);
    return 0;
}

static int on_done(void *tag, struct answer *answer, unsigned tries, void *userdata)
{
    struct sender *sender = userdata;
    struct unit *unit = tag;

    if (!unit) {
        sender->asking_status = false;
        take_status(sender, answer->json);
        return 0;
    }
    if (answer->status >= 300)
        return take_refusal(sender, unit, answer);
    for (size_t i = 0; i < unit->n; i++)
        count_row(sender, unit->array ? json_object_array_get_idx(answer->json, i) : answer->json,
                  tries);
    unit_free(unit);
    return 0;
}

static void on_trouble(const char *detail, void *userdata)
{
    const struct sender *sender = userdata;

    import_trouble(sender->import, detail);
}

/* Calls. */

static void show(struct import *import)
{
    import->facts.wrong = import->wrong;
    progress_show(&import->progress, &import->facts);
}

static int turn(struct sender *sender, int timeout_ms)
{
    struct import *import = sender->import;
    int64_t now = time_boot_ms();
    int r = 0;

    if (import->progress.terminal && !sender->asking_status &&
        now - sender->status_at >= STATUS_MS && pipeline_has_room(sender->pipeline)) {
        sender->status_at = now;
        sender->asking_status = true;
        r = pipeline_start(sender->pipeline, "GET", CALL_STATUS, NULL, 0, NULL);
    }
    if (r == 0)
        r = pipeline_turn(sender->pipeline, timeout_ms);
    import->facts.rows = import->made + import->known + import->repeated + import->wrong;
    show(import);
    return r;
}

static int start(struct sender *sender, struct unit *unit)
{
    int r = unit_end(unit);

    while (r == 0 && !pipeline_has_room(sender->pipeline))
        r = turn(sender, TURN_MS);
    if (r == 0)
        r = pipeline_start(sender->pipeline, "POST", "/v1/requests", unit->body, unit->size, unit);
    return r;
}

static int send_alone(struct sender *sender, uint64_t line, const char *key, const char *text,
                      size_t size)
{
    struct unit *unit;
    int r = unit_new(&sender->units, 1, false, &unit);

    if (r == 0)
        r = unit_add(unit, line, key, text, size);
    return r < 0 ? r : start(sender, unit);
}

/* Rows of arrays that were refused go before new ones. */
static int send_refused(struct sender *sender)
{
    int r = 0;

    while (r == 0 && sender->refused) {
        struct unit *unit = sender->refused;
        const struct unit_row *row = &unit->rows[unit->next];

        if (unit->next == unit->n) {
            sender->refused = unit->refused;
            unit_free(unit);
            continue;
        }
        unit->next++;
        r = send_alone(sender, row->line, row->key, unit->body + row->at, row->size);
    }
    return r;
}

static int flush(struct sender *sender, enum enrichment_type type)
{
    struct unit *unit = TAKE_PTR(sender->batches[type]);

    return unit ? start(sender, unit) : 0;
}

static int gather(struct sender *sender, const struct source_row *row, const char *text,
                  size_t size)
{
    struct unit **batch = &sender->batches[row->type];
    int r = 0;

    if (*batch && unit_has(*batch, row->key)) {
        sender->import->repeated++;
        return 0;
    }
    if (*batch && (*batch)->size + size > BODY_MAX)
        r = flush(sender, row->type);
    if (r == 0 && !*batch)
        r = unit_new(&sender->units, sender->import->batch, true, batch);
    if (r == 0)
        r = unit_add(*batch, row->csv.line, row->key, text, size);
    if (r == 0 && (*batch)->n == (*batch)->capacity)
        r = flush(sender, row->type);
    return r;
}

static int send_row(struct sender *sender, struct source_row *row)
{
    cleanup_free char *text = NULL;
    size_t size;
    int r = json_add_string(row->body, "idempotency_key", row->key);

    if (r == 0)
        r = json_serialize(row->body, &text, &size);
    if (r < 0)
        return r;
    if (sender->import->batch > 1)
        return gather(sender, row, text, size);
    return send_alone(sender, row->csv.line, row->key, text, size);
}

static int take_row(struct sender *sender, struct source_row *row)
{
    struct import *import = sender->import;

    import->last_line = row->csv.line;
    if (row->blank)
        return 0;
    import->rows++;
    if (row->fault) {
        import_wrong(import, row->csv.line, row->fault);
        return 0;
    }
    import->by_type[row->type]++;
    return import->dry_run ? 0 : send_row(sender, row);
}

/* Before a read that may block: what is under way goes on. */
static int on_wait(int fd, void *userdata)
{
    struct pollfd input = {.fd = fd, .events = POLLIN};
    struct sender *sender = userdata;
    int r = 0;

    while (r == 0 && !interrupted()) {
        bool busy = pipeline_busy(sender->pipeline) > 0;

        if (poll(&input, 1, busy ? 0 : TURN_MS) > 0)
            return 0;
        if (busy)
            r = turn(sender, TURN_MS);
    }
    sender->failed = r;
    return -EINTR;
}

/* Until the end of the file or a signal. */
static int read_rows(struct sender *sender, struct source *source)
{
    int r = 0;

    while (r == 0 && !interrupted()) {
        struct source_row row;

        r = send_refused(sender);
        if (r != 0)
            break;
        r = source_next(source, &row);
        if (r == SOURCE_END)
            return 0;
        if (r == -EINTR)
            return sender->failed;
        if (r < 0 && r != -ENOMEM) {
            progress_clear(&sender->import->progress);
            return fail(EXIT_ERROR, "%s: %s", sender->import->options.path, strerror(-r));
        }
        if (r == 0)
            r = take_row(sender, &row);
        source_row_done(&row);
        if (sender->import->dry_run) {
            sender->import->facts.rows = sender->import->rows;
            show(sender->import);
        } else if (r == 0 && pipeline_has_room(sender->pipeline)) {
            r = turn(sender, 0);
        }
    }
    return r;
}

/* What is gathered is sent, and what is under way comes to its end, also after a signal. */
static int drain(struct sender *sender)
{
    int r = 0;

    for (size_t type = 0; r == 0 && type < ENRICHMENT_MAX_; type++)
        r = flush(sender, (enum enrichment_type)type);
    while (r == 0 && (pipeline_busy(sender->pipeline) > 0 || sender->refused)) {
        r = send_refused(sender);
        if (r == 0)
            r = turn(sender, TURN_MS);
    }
    return r;
}

static void sender_done(struct sender *sender)
{
    pipeline_free(sender->pipeline);
    while (!LIST_EMPTY(&sender->units))
        unit_free(LIST_FIRST(&sender->units));
}

int import_send(struct import *import)
{
    cleanup_source struct source *source = NULL;
    struct sender sender = {.import = import, .started_at = time_now()};
    struct pipeline_settings settings = {
        .socket = client_socket(import->context->client),
        .slots = SLOTS,
        .patience_ms = import->patience_ms,
        .trouble = on_trouble,
        .done = on_done,
        .userdata = &sender,
    };
    int r = source_open(&import->options, &source);

    if (r != EXIT_OK)
        return r;
    if (import->wait && !csv_file_is_regular(source_file(source)))
        return fail(
            EXIT_INPUT,
            "%s: --wait reads the file a second time, which a pipe does not do: save it first",
            import->options.path);
    import->facts.verb = import->dry_run ? "checked" : "sent";
    import->facts.total = csv_file_count(source_file(source));
    progress_begin(&import->progress);
    source_on_wait(source, on_wait, &sender);
    r = pipeline_new(&settings, &sender.pipeline);
    if (r == 0)
        r = read_rows(&sender, source);
    import->stopped = interrupted();
    if (r == 0)
        r = drain(&sender);
    progress_clear(&import->progress);
    if (r != 0)
        r = import_failed(import, sender.pipeline, r);
    sender_done(&sender);
    return r;
}
