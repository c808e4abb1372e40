/* SQLite writes the head and the page of each frame of the WAL by themselves, and then syncs the file.
 * Writes that follow each other wait here until the sync, or until somebody looks at the file. Nobody
 * else reads a frame before the sync: with synchronous=FULL, SQLite tells of a transaction in the
 * WAL's index only after it. */
#include "store/gather.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The default layer takes no more than 0x1ffff bytes at a time. */
#define BUFFER_SIZE (124 * 1024)

static struct gathered *(*gathered_of)(sqlite3_file *file);

static int flush(sqlite3_file *file)
{
    struct gathered *gathered = gathered_of(file);
    int used = gathered->used, result;

    gathered->used = 0;
    if (used == 0)
        return SQLITE_OK;
    result = gathered->base->xWrite(file, gathered->buffer, used, gathered->offset);
    if (result != SQLITE_OK)
        gathered->failure = result;
    return result;
}

static int gather_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    struct gathered *gathered = gathered_of(file);
    bool follows = gathered->used == 0 || (offset == gathered->offset + gathered->used &&
                                           size <= BUFFER_SIZE - gathered->used);

    if (!follows) {
        int result = flush(file);

        if (result != SQLITE_OK)
            return result;
    }
    if (!gathered->buffer)
        gathered->buffer = malloc(BUFFER_SIZE);
    if (!gathered->buffer || size > BUFFER_SIZE)
        return gathered->base->xWrite(file, data, size, offset);
    if (gathered->used == 0)
        gathered->offset = offset;
    memcpy(gathered->buffer + gathered->used, data, (size_t)size);
    gathered->used += size;
    return SQLITE_OK;
}

static int gather_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    int result = flush(file);

    return result == SQLITE_OK ? gathered_of(file)->base->xRead(file, data, size, offset) : result;
}

static int gather_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int result = flush(file);

    return result == SQLITE_OK ? gathered_of(file)->base->xTruncate(file, size) : result;
}

static int gather_sync(sqlite3_file *file, int flags)
{
    struct gathered *gathered = gathered_of(file);
    int result = flush(file);

    if (result == SQLITE_OK)
        result = gathered->failure;
    gathered->failure = SQLITE_OK;
    return result == SQLITE_OK ? gathered->base->xSync(file, flags) : result;
}

static int gather_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int result = flush(file);

    return result == SQLITE_OK ? gathered_of(file)->base->xFileSize(file, ret) : result;
}

static int gather_close(sqlite3_file *file)
{
    struct gathered *gathered = gathered_of(file);
    int result = flush(file), closed;

    free(gathered->buffer);
    gathered->buffer = NULL;
    closed = gathered->base->xClose(file);
    return result == SQLITE_OK ? closed : result;
}

void gather_attach(sqlite3_file *file, struct gathered *gathered,
                   struct gathered *(*of)(sqlite3_file *))
{
    gathered_of = of;
    *gathered = (struct gathered){.methods = *file->pMethods, .base = file->pMethods};
    gathered->methods.xClose = gather_close;
    gathered->methods.xRead = gather_read;
    gathered->methods.xWrite = gather_write;
    gathered->methods.xTruncate = gather_truncate;
    gathered->methods.xSync = gather_sync;
    gathered->methods.xFileSize = gather_size;
    file->pMethods = &gathered->methods;
}
