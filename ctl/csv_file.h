/* A CSV file, or standard input, row by row. */
#pragma once

#include "ctl/csv.h"

struct csv_file;

enum csv_file_result {
    CSV_FILE_OK = 0,
    CSV_FILE_END = 1,
    CSV_FILE_E_UTF16, /* it begins like UTF-16 */
};

/* @path: "-" is standard input. @delimiter: 0 finds it in the first line. Returns CSV_FILE_OK,
 * CSV_FILE_E_UTF16, or a negative errno. */
int csv_file_open(const char *path, char delimiter, struct csv_file **ret);
void csv_file_close(struct csv_file *file);
static inline void csv_file_close_p(struct csv_file **file)
{
    csv_file_close(*file);
}
#define cleanup_csv_file __attribute__((cleanup(csv_file_close_p)))

/* Called before each read of what is no regular file, with its descriptor; what it returns, if not 0,
 * ends csv_file_next(). */
void csv_file_on_wait(struct csv_file *file, int (*wait)(int fd, void *userdata), void *userdata);

/* CSV_FILE_OK with a row that is valid until the next call, CSV_FILE_END, or a negative errno. */
int csv_file_next(struct csv_file *file, struct csv_row *ret);

char csv_file_delimiter(const struct csv_file *file);
bool csv_file_has_bom(const struct csv_file *file);
bool csv_file_is_regular(const struct csv_file *file);

/* Counts the lines of a regular file after its header that are not within quotes, which are about
 * its rows: for a progress bar. 0 when it is no regular file or cannot be read. */
uint64_t csv_file_count(const struct csv_file *file);
