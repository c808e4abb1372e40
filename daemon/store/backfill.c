/* The WAL is moved to the database in slices while callbacks come, so that none of them waits for all of
 * it. SQLite has no word for a part of a checkpoint, but it never moves what is behind the oldest reader's
 * mark, and syncs the database only when it has moved everything. So a reader of ours, which reads
 * nothing, marks the end of the next slice. What was moved is given to the disk at once
 * (sync_file_range(2)), so that the sync that the last slice needs finds little to do.
 *
 * The mark is of the same thread as the writer: no other connection ever checkpoints. */
#include "store/writer.h"

#include <fcntl.h>

/* Without a mark there is no slice: all is moved when it is due. */
static void mark(struct writer *writer)
{
    int r = 0;

    if (!writer->mark.connection)
        r = database_open_reader(writer->path, &writer->mark);
    if (r == 0)
        r = database_run(&writer->mark, "BEGIN; SELECT id FROM meta");
    writer->marked = r == 0;
}

void backfill_unmark(struct writer *writer)
{
    if (writer->mark.connection && !sqlite3_get_autocommit(writer->mark.connection))
        (void)database_run(&writer->mark, "ROLLBACK"); /* nothing was written that could be lost */
    writer->marked = false;
}

void backfill_done(struct writer *writer)
{
    database_close(&writer->mark);
    writer->marked = false;
}

int backfill_slice(struct writer *writer)
{
    bool complete;
    int r = writer->marked ? writer_checkpoint(writer, false, &complete) : 0;

    if (r < 0)
        return r;
    /* A hint: the sync comes later, and says whether it went well. */
    if (writer->marked && writer->file >= 0)
        (void)sync_file_range(writer->file, 0, 0, SYNC_FILE_RANGE_WRITE);
    backfill_unmark(writer);
    mark(writer);
    return 0;
}
