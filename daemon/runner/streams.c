#include "runner/streams.h"

#include "common/parse.h"
#include "runner/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    LIST_ENTRY(entry) link;
    struct streams *streams;
    struct stream *stream;
    bool drains;
};

struct streams {
    struct processes *processes;
    const struct config *config;
    struct teller teller;
    LIST_HEAD(, entry) entries;
    bool stopping;
};

static void remove_entry(struct entry *entry)
{
    LIST_REMOVE(entry, link);
    stream_free(entry->stream);
    free(entry);
}

static void on_over(struct stream *stream, void *userdata)
{
    struct entry *entry = userdata;
    struct streams *streams = entry->streams;

    (void)stream;
    remove_entry(entry);
    if (streams_are_idle(streams))
        streams->teller.idle(streams->teller.userdata);
}

/* The one that takes documents. */
static struct entry *find(struct streams *streams, const char *hook)
{
    struct entry *entry;

    LIST_FOREACH(entry, &streams->entries, link)
    if (!entry->drains && strcmp(stream_name(entry->stream), hook) == 0)
        return entry;
    return NULL;
}

static struct entry *add(struct streams *streams, const struct hook_config *hook)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->streams = streams;
    if (stream_new(streams->processes, hook, &streams->teller, on_over, entry, &entry->stream) <
        0) {
        free(entry);
        return NULL;
    }
    LIST_INSERT_HEAD(&streams->entries, entry, link);
    return entry;
}

/* Consumes the document. */
static void give(struct streams *streams, const struct hook_config *hook, struct document *document)
{
    struct entry *entry = find(streams, hook->name);

    if (!entry)
        entry = add(streams, hook);
    if (entry) {
        stream_give(entry->stream, document);
        return;
    }
    teller_refuse(&streams->teller, document->id, true, strerror(ENOMEM));
    free(document);
}

static const char *find_delivery_id(struct json_object *env)
{
    static const char name[] = "PRONTO_DELIVERY_ID=";

    for (size_t i = 0; i < json_object_array_length(env); i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(env, i));

        if (text && strncmp(text, name, strlen(name)) == 0)
            return text + strlen(name);
    }
    return NULL;
}

void streams_give(struct streams *streams, const struct hook_config *hook,
                  const struct hook_job *job, const char *document, size_t size)
{
    const char *delivery_id = find_delivery_id(job->env);
    struct document *copy;

    if (!delivery_id || memchr(document, '\n', size)) {
        teller_refuse(
            &streams->teller, job->id, false,
            "prontod gave a stream hook a document without delivery_id, or one of several "
            "lines");
        return;
    }
    if (streams->stopping) {
        teller_refuse(&streams->teller, job->id, true, "prontod-runner is stopping");
        return;
    }
    copy = document_new(job->id, delivery_id, document, size);
    if (copy)
        give(streams, hook, copy);
    else
        teller_refuse(&streams->teller, job->id, true, strerror(ENOMEM));
}

void streams_cancel(struct streams *streams, int64_t id)
{
    struct entry *entry;

    LIST_FOREACH(entry, &streams->entries, link)
    stream_cancel(entry->stream, id);
}

/* What its stream was not yet given, when the hook goes on or not. */
static void give_again(struct streams *streams, const struct hook_config *hook,
                       struct documents *unwritten)
{
    struct document *document;

    while ((document = documents_take(unwritten))) {
        if (hook && hook->mode == HOOK_STREAM && !streams->stopping) {
            give(streams, hook, document);
            continue;
        }
        teller_refuse(&streams->teller, document->id, true, "the hook's process is ending");
        free(document);
    }
}

static void drain(struct streams *streams, struct entry *entry, const struct hook_config *hook)
{
    struct documents unwritten = TAILQ_HEAD_INITIALIZER(unwritten);

    entry->drains = true;
    if (stream_drain(entry->stream, &unwritten))
        remove_entry(entry);
    give_again(streams, hook, &unwritten);
}

static bool texts_equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Whether a process of one serves the other. */
static bool is_same(const struct hook_config *a, const struct hook_config *b)
{
    return a->mode == b->mode && strv_equal(a->command, b->command) &&
           a->timeout_ms == b->timeout_ms && a->kill_after_ms == b->kill_after_ms &&
           a->window == b->window && a->memory == b->memory && a->cpu_ms == b->cpu_ms &&
           a->files == b->files && a->processes == b->processes && texts_equal(a->user, b->user) &&
           texts_equal(a->working_directory, b->working_directory) &&
           strv_equal(a->environment, b->environment) &&
           texts_equal(a->environment_file, b->environment_file);
}

void streams_reload(struct streams *streams, const struct config *config)
{
    struct entry *entry, *next;

    streams->config = config;
    for (entry = LIST_FIRST(&streams->entries); entry; entry = next) {
        const struct hook_config *hook = config_hook(config, stream_name(entry->stream));

        next = LIST_NEXT(entry, link);
        if (entry->drains)
            continue;
        if (hook && is_same(stream_hook(entry->stream), hook))
            stream_keep(entry->stream, hook);
        else
            drain(streams, entry, hook);
    }
}

void streams_stop(struct streams *streams)
{
    struct entry *entry, *next;

    streams->stopping = true;
    for (entry = LIST_FIRST(&streams->entries); entry; entry = next) {
        next = LIST_NEXT(entry, link);
        if (!entry->drains)
            drain(streams, entry, NULL);
    }
}

void streams_drop(struct streams *streams)
{
    struct entry *entry, *next;

    for (entry = LIST_FIRST(&streams->entries); entry; entry = next) {
        next = LIST_NEXT(entry, link);
        entry->drains = true;
        if (stream_drop(entry->stream))
            remove_entry(entry);
    }
}

bool streams_are_idle(const struct streams *streams)
{
    return !LIST_FIRST(&streams->entries);
}

int streams_new(struct processes *processes, const struct config *config,
                const struct teller *teller, struct streams **ret)
{
    struct streams *streams = calloc(1, sizeof(*streams));

    if (!streams)
        return -ENOMEM;
    streams->processes = processes;
    streams->config = config;
    streams->teller = *teller;
    LIST_INIT(&streams->entries);
    *ret = streams;
    return 0;
}

void streams_free(struct streams *streams)
{
    struct entry *entry;

    if (!streams)
        return;
    while ((entry = LIST_FIRST(&streams->entries)))
        remove_entry(entry);
    free(streams);
}
