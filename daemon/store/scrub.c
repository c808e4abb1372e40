/* secure_delete overwrites what is deleted. But when SQLite moves cells from page to page it leaves
 * their old bytes between the cell pointers and the cell content of the page they came from, where
 * nothing overwrites them: an erased person could be read there for years. So these gaps, which
 * hold nothing by the file format (sqlite.org/fileformat2.html, 1.6), are zeroed on the way to the
 * file. Nothing else changes for it: the layer is the default one with another xWrite. In the WAL,
 * which gather.c looks after, the gaps stay, until a checkpoint empties it. */
#include "store/scrub.h"

#include "store/gather.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

#define NAME      "prontod-scrub"
#define PAGE_SIZE 4096
#define FILE_HEAD 100 /* at the beginning of the first page */

enum page_type {
    PAGE_INTERIOR_INDEX = 2,
    PAGE_INTERIOR_TABLE = 5,
    PAGE_LEAF_INDEX = 10,
    PAGE_LEAF_TABLE = 13,
};

/* Follows the default layer's own part of an open file. */
struct scrubbed {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *base;
};

static sqlite3_vfs vfs, *base_vfs;

static void *behind(sqlite3_file *file)
{
    return (char *)file + base_vfs->szOsFile;
}

static struct scrubbed *scrubbed_of(sqlite3_file *file)
{
    return behind(file);
}

static struct gathered *gathered_of(sqlite3_file *file)
{
    return behind(file);
}

static size_t number_at(const uint8_t *page, size_t at)
{
    return (size_t)page[at] << 8 | page[at + 1];
}

static void scrub(uint8_t page[static PAGE_SIZE], size_t head)
{
    uint8_t type = page[head];
    size_t pointers, content;

    if (type == PAGE_INTERIOR_INDEX || type == PAGE_INTERIOR_TABLE)
        pointers = head + 12;
    else if (type == PAGE_LEAF_INDEX || type == PAGE_LEAF_TABLE)
        pointers = head + 8;
    else
        return;
    pointers += 2 * number_at(page, head + 3);
    content = number_at(page, head + 5);
    if (content <= PAGE_SIZE && pointers < content)
        memset(page + pointers, 0, content - pointers);
}

static int scrub_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    const sqlite3_io_methods *base = scrubbed_of(file)->base;
    uint8_t page[PAGE_SIZE];

    if (size != PAGE_SIZE || offset % PAGE_SIZE != 0)
        return base->xWrite(file, data, size, offset);
    memcpy(page, data, PAGE_SIZE);
    scrub(page, offset == 0 ? FILE_HEAD : 0);
    return base->xWrite(file, page, PAGE_SIZE, offset);
}

static int scrub_open(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    int result = base_vfs->xOpen(base_vfs, name, file, flags, ret_flags);

    (void)self;
    if (result == SQLITE_OK && (flags & SQLITE_OPEN_WAL))
        gather_attach(file, gathered_of(file), gathered_of);
    if (result != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB))
        return result;
    scrubbed_of(file)->base = file->pMethods;
    scrubbed_of(file)->methods = *file->pMethods;
    scrubbed_of(file)->methods.xWrite = scrub_write;
    file->pMethods = &scrubbed_of(file)->methods;
    return SQLITE_OK;
}

static void register_vfs(void)
{
    /* Before the library's first use: its books of memory cost a lock for each allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    base_vfs = sqlite3_vfs_find(NULL);
    if (base_vfs == NULL)
        return;
    vfs = *base_vfs;
    vfs.zName = NAME;
    vfs.pNext = NULL;
    vfs.szOsFile = base_vfs->szOsFile + (int)(sizeof(struct gathered) > sizeof(struct scrubbed)
                                                  ? sizeof(struct gathered)
                                                  : sizeof(struct scrubbed));
    vfs.xOpen = scrub_open;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        base_vfs = NULL;
}

const char *scrub_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, register_vfs);
    return base_vfs ? NAME : NULL;
}
