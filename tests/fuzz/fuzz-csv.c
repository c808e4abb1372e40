/* Any bytes as CSV. Beyond not crashing: in whatever pieces it comes the rows are the same, every
 * byte belongs to one row, line numbers grow, and a row without a fault is UTF-8 and writes back to
 * the same fields. The first byte decides about the size of the pieces. */
#include "ctl/columns.h"
#include "ctl/csv_write.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a parse came to. */
struct digest {
    uint64_t rows, faults, bytes, hash;
};

static void mix(struct digest *digest, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest->hash = (digest->hash ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
}

static void check_again(const struct csv_row *row)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct csv *csv = NULL;
    struct csv_row again;

    assert(stream);
    for (size_t i = 0; i < row->n; i++) {
        if (i > 0)
            fputc(',', stream);
        csv_write(stream, ',', row->fields[i].text, row->fields[i].size);
    }
    fputc('\n', stream);
    fclose(stream);
    assert(csv_new(',', &csv) == 0 && csv_feed(csv, text, size) == 0);
    csv_finish(csv);
    assert(csv_next(csv, &again) == CSV_ROW);
    assert(again.fault == CSV_OK && again.n == row->n);
    for (size_t i = 0; i < row->n; i++)
        assert(again.fields[i].size == row->fields[i].size &&
               memcmp(again.fields[i].text, row->fields[i].text, row->fields[i].size) == 0);
    assert(csv_next(csv, &again) == CSV_END);
    csv_free(csv);
    free(text);
}

static void check_columns(const struct csv_row *row)
{
    static const struct columns_wish none;
    struct columns *columns = malloc(sizeof(*columns));
    char *detail = NULL;

    assert(columns);
    if (columns_find(row, &none, columns, &detail) == COLUMNS_OK)
        columns_done(columns);
    free(detail);
    free(columns);
}

static struct digest parse(const char *text, size_t size, size_t piece, char delimiter)
{
    struct digest digest = {.hash = UINT64_C(14695981039346656037)};
    struct csv *csv = NULL;
    struct csv_row row;
    uint64_t line = 0;
    int r;

    assert(csv_new(delimiter, &csv) == 0);
    while ((r = csv_next(csv, &row)) != CSV_END) {
        if (r == CSV_MORE) {
            size_t n = size < piece ? size : piece;

            if (n == 0)
                csv_finish(csv);
            else
                assert(csv_feed(csv, text, n) == 0);
            text += n;
            size -= n;
            continue;
        }
        assert(r == CSV_ROW && row.line > line);
        line = row.line;
        digest.rows++;
        digest.faults += row.fault != CSV_OK;
        digest.bytes += row.raw_size + strlen(row.end);
        mix(&digest, row.raw, row.raw_size);
        mix(&digest, &row.line, sizeof(row.line));
        mix(&digest, &row.fault, sizeof(row.fault));
        assert(csv_is_broken(row.fault) ? row.n == 0 : row.n >= 1);
        if (row.fault == CSV_OK && row.n > 1 && delimiter == ',')
            check_again(&row);
        if (row.fault == CSV_OK && digest.rows == 1)
            check_columns(&row);
    }
    csv_free(csv);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    struct digest whole, pieces;
    char delimiter;

    if (size < 1)
        return 0;
    delimiter = csv_detect_delimiter(text, size - 1);
    whole = parse(text, size - 1, size, delimiter);
    pieces = parse(text, size - 1, 1 + data[0] % 16, delimiter);
    assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
    assert(whole.bytes == size - 1);
    return 0;
}
