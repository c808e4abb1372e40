#include "runner/window.h"

#include "common/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct document *document_new(int64_t id, const char *delivery_id, const char *text, size_t size)
{
    struct document *document = malloc(sizeof(*document) + size + 1);

    if (!document)
        return NULL;
    *document = (struct document){.id = id, .size = size + 1};
    snprintf(document->delivery_id, sizeof(document->delivery_id), "%s", delivery_id);
    memcpy(document->text, text, size);
    document->text[size] = '\n';
    return document;
}

struct document *documents_take(struct documents *list)
{
    struct document *document = TAILQ_FIRST(list);

    if (document)
        TAILQ_REMOVE(list, document, link);
    return document;
}

void window_init(struct window *window, int64_t most)
{
    *window = (struct window){.most = most};
    TAILQ_INIT(&window->queued);
    TAILQ_INIT(&window->sent);
}

void window_add(struct window *window, struct document *document)
{
    TAILQ_INSERT_TAIL(&window->queued, document, link);
    window->bytes += document->size;
}

/* The one that was written in part, or NULL. */
static struct document *unfinished(const struct window *window)
{
    struct document *document = TAILQ_LAST(&window->sent, documents);

    return document && document->sent < document->size ? document : NULL;
}

bool window_has_more(const struct window *window)
{
    return unfinished(window) || (TAILQ_FIRST(&window->queued) && window->n_sent < window->most);
}

int window_gather(const struct window *window, struct iovec iov[static WINDOW_BATCH])
{
    struct document *document = unfinished(window);
    int64_t places = window->most - window->n_sent;
    int n = 0;

    if (document)
        iov[n++] = (struct iovec){document->text + document->sent, document->size - document->sent};
    TAILQ_FOREACH(document, &window->queued, link)
    {
        if (n == WINDOW_BATCH || places-- <= 0)
            break;
        iov[n++] = (struct iovec){document->text, document->size};
    }
    return n;
}

/* The first one that waits is being written. */
static struct document *begin(struct window *window, size_t errors)
{
    struct document *document = documents_take(&window->queued);

    document->written_at = time_now();
    document->written_boot_ms = time_boot_ms();
    document->errors_before = errors;
    TAILQ_INSERT_TAIL(&window->sent, document, link);
    window->n_sent++;
    return document;
}

void window_written(struct window *window, size_t size, size_t errors)
{
    while (size > 0) {
        struct document *document = unfinished(window);
        size_t some;

        if (!document)
            document = begin(window, errors);
        some = document->size - document->sent;
        some = some < size ? some : size;
        document->sent += some;
        size -= some;
    }
}

static void wait_again(struct window *window, struct document *document)
{
    TAILQ_REMOVE(&window->sent, document, link);
    TAILQ_INSERT_HEAD(&window->queued, document, link);
    window->n_sent--;
    document->sent = 0;
    document->written_at = document->written_boot_ms = 0;
    document->errors_before = 0;
}

void window_unread(struct window *window, size_t size)
{
    struct document *document = TAILQ_LAST(&window->sent, documents);

    while (document && document->sent <= size && !document->late) {
        struct document *before = TAILQ_PREV(document, documents, link);

        size -= document->sent;
        if (!document->cancelled)
            wait_again(window, document);
        document = before;
    }
}

struct document *window_cancel(struct window *window, int64_t id)
{
    struct document *document;

    TAILQ_FOREACH(document, &window->sent, link)
    if (document->id == id)
        document->cancelled = true;
    TAILQ_FOREACH(document, &window->queued, link)
    {
        if (document->id != id)
            continue;
        TAILQ_REMOVE(&window->queued, document, link);
        window->bytes -= document->size;
        return document;
    }
    return NULL;
}

struct document *window_find(const struct window *window, const char *delivery_id)
{
    struct document *document;

    TAILQ_FOREACH(document, &window->sent, link)
    if (strcmp(document->delivery_id, delivery_id) == 0)
        return document->sent == document->size ? document : NULL;
    return NULL;
}

static struct document *take(struct window *window, struct documents *list)
{
    struct document *document = documents_take(list);

    if (document)
        window->bytes -= document->size;
    return document;
}

void window_answered(struct window *window, struct document *document)
{
    TAILQ_REMOVE(&window->sent, document, link);
    window->n_sent--;
    window->bytes -= document->size;
    free(document);
}

struct document *window_take_sent(struct window *window)
{
    struct document *document = take(window, &window->sent);

    window->n_sent -= document != NULL;
    return document;
}

struct document *window_take_queued(struct window *window)
{
    return take(window, &window->queued);
}

void window_clear(struct window *window)
{
    struct document *document;

    while ((document = window_take_sent(window)) || (document = window_take_queued(window)))
        free(document);
}
