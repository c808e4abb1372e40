/* The file layer of the writer's connection: pages reach the database file without what SQLite
 * leaves in their gaps. For database.c only. */
#pragma once

/* The name for sqlite3_open_v2(); registered at the first call. NULL: out of memory. */
const char *scrub_vfs(void);

/* Overflow and free pages begin with the number of another page, and must not be taken for pages of
 * a tree, which begin with 2, 5, 10 or 13. */
#define SCRUB_PAGES_MAX 0x01FFFFFF
