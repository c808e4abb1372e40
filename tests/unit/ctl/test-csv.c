#include "ctl/csv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows as "LINE:field|field;" or "LINE!FAULT<raw>;", fed @chunk bytes at a time. */
static char *dump(const char *text, size_t size, size_t chunk, char delimiter)
{
    cleanup_csv struct csv *csv = NULL;
    char *out = NULL;
    size_t out_size = 0;
    FILE *stream = open_memstream(&out, &out_size);
    struct csv_row row;
    int r;

    cr_assert_eq(csv_new(delimiter, &csv), 0);
    while ((r = csv_next(csv, &row)) != CSV_END) {
        if (r == CSV_MORE) {
            size_t n = size < chunk ? size : chunk;

            if (n == 0)
                csv_finish(csv);
            else
                cr_assert_eq(csv_feed(csv, text, n), 0);
            text += n;
            size -= n;
            continue;
        }
        cr_assert_eq(r, CSV_ROW);
        fprintf(stream, "%llu", (unsigned long long)row.line);
        if (row.fault != CSV_OK)
            fprintf(stream, "!%d<%.*s>", row.fault, (int)row.raw_size, row.raw);
        for (size_t i = 0; row.fault == CSV_OK && i < row.n; i++) {
            fprintf(stream, "%c%s", i ? '|' : ':', row.fields[i].text);
            cr_assert_eq(strlen(row.fields[i].text), row.fields[i].size);
        }
        fputc(';', stream);
    }
    fclose(stream);
    return out;
}

static void expect_bytes(const char *text, size_t size, char delimiter, const char *expected)
{
    for (size_t chunk = 1; chunk <= size + 1; chunk++) {
        char *got = dump(text, size, chunk, delimiter);

        cr_assert_str_eq(got, expected, "in pieces of %zu: %s", chunk, got);
        free(got);
    }
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(text, strlen(text), ',', expected);
}

Test(csv, plain)
{
    expect("a,b\nc,d\n", "1:a|b;2:c|d;");
    expect("a,b\nc,d", "1:a|b;2:c|d;");
    expect("a\r\nb\rc\n", "1:a;2:b;3:c;");
    expect("", "");
    expect("\n\n", "1:;2:;");
    expect("a,\n,b\n,,", "1:a|;2:|b;3:||;");
    expect(" a , b\n", "1: a | b;");
}

Test(csv, quotes)
{
    expect("\"a\",\"b,c\"\n", "1:a|b,c;");
    expect("\"a\"\"b\"\n\"\",x\n", "1:a\"b;2:|x;");
    expect("\"a\nb\r\nc\",d\ne\n", "1:a\nb\r\nc|d;4:e;");
    expect("\"a\"", "1:a;");
    expect("\"\"\"\"\n", "1:\";");
}

/* A wrong quote costs its line, and line numbers stay right. */
Test(csv, goes_on_after_a_fault)
{
    expect("a,b\"c\nd\n", "1!5<a,b\"c>;2:d;");
    expect("\"a\"b,c\r\nd\n", "1!6<\"a\"b,c>;2:d;");
    expect("a,\"b\nc,d\ne,f\n", "1!7<a,\"b>;2:c|d;3:e|f;");
    expect("x\na,\"b\nc,\"d\"\ne\n", "1:x;2!6<a,\"b>;3:c|d;4:e;");
    expect("a\"\r\nb\n", "1!5<a\">;2:b;");
    expect("a\"", "1!5<a\">;");
}

Test(csv, bytes)
{
    expect("\xc3\xa9,\xe2\x82\xac,\xf0\x9f\x98\x80\n", "1:\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x98\x80;");
    expect("a,\xe9\nb\n", "1!1<a,\xe9>;2:b;");
    expect("\xc0\xaf\n\xed\xa0\x80\n\xf4\x90\x80\x80\n\xc3\n",
           "1!1<\xc0\xaf>;2!1<\xed\xa0\x80>;3!1<\xf4\x90\x80\x80>;4!1<\xc3>;");
    expect_bytes("a\0b\nc\n", 6, ',', "1!2<a>;2:c;");
}

Test(csv, other_delimiters)
{
    expect_bytes("a;b,c\n", 6, ';', "1:a|b,c;");
    expect_bytes("a\t\"b\tc\"\n", 8, '\t', "1:a|b\tc;");
}

static int faults_of(const char *text, size_t size, int *ret_rows)
{
    cleanup_csv struct csv *csv = NULL;
    struct csv_row row;
    int r, fault = CSV_OK;

    *ret_rows = 0;
    cr_assert_eq(csv_new(',', &csv), 0);
    while ((r = csv_next(csv, &row)) != CSV_END) {
        if (r == CSV_MORE) {
            size_t n = size < 65536 ? size : 65536;

            if (n == 0)
                csv_finish(csv);
            else
                cr_assert_eq(csv_feed(csv, text, n), 0);
            text += n;
            size -= n;
        } else {
            fault = row.fault != CSV_OK ? (int)row.fault : fault;
            ++*ret_rows;
        }
    }
    return fault;
}

/* A text of @n times @c with @after behind. */
static char *many(size_t n, char c, const char *before, const char *after)
{
    char *text = malloc(n + strlen(before) + strlen(after) + 1), *p = stpcpy(text, before);

    memset(p, c, n);
    strcpy(p + n, after);
    return text;
}

Test(csv, limits)
{
    static const struct {
        size_t n;
        char c;
        const char *before;
        enum csv_fault fault;
        int rows;
    } cases[] = {
        {CSV_FIELD_MAX, 'x', "", CSV_OK, 2},
        {CSV_FIELD_MAX + 1, 'x', "", CSV_FIELD_TOO_LONG, 2},
        {CSV_ROW_MAX + 200000, 'x', "", CSV_ROW_TOO_LONG, 2},
        {CSV_ROW_MAX + 200000, 'x', "\"\n", CSV_ROW_TOO_LONG, 3},
        {CSV_COLUMNS_MAX - 1, ',', "", CSV_OK, 2},
        {CSV_COLUMNS_MAX, ',', "", CSV_TOO_MANY_COLUMNS, 2},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = many(cases[i].n, cases[i].c, cases[i].before, "\nlast\n");
        int rows, fault = faults_of(text, strlen(text), &rows);

        cr_expect_eq(fault, (int)cases[i].fault, "case %zu: %d", i, fault);
        cr_expect_eq(rows, cases[i].rows, "case %zu: %d rows", i, rows);
        free(text);
    }
}

Test(csv, what_ends_a_row_is_known)
{
    cleanup_csv struct csv *csv = NULL;
    struct csv_row row;

    cr_assert_eq(csv_new(',', &csv), 0);
    cr_assert_eq(csv_feed(csv, "a\r\nb\n\"c\"", 8), 0);
    csv_finish(csv);
    cr_assert_eq(csv_next(csv, &row), CSV_ROW);
    cr_assert_str_eq(row.end, "\r\n");
    cr_assert_eq(csv_next(csv, &row), CSV_ROW);
    cr_assert_str_eq(row.end, "\n");
    cr_assert_eq(csv_next(csv, &row), CSV_ROW);
    cr_assert_str_eq(row.end, "");
    cr_assert(row.raw_size == 3 && memcmp(row.raw, "\"c\"", 3) == 0);
    cr_assert_eq(csv_next(csv, &row), CSV_END);
}

Test(csv, detects_the_delimiter)
{
    static const struct {
        const char *text;
        char delimiter;
    } cases[] = {
        {"a,b,c\n", ','},       {"a;b;c\n", ';'},   {"a\tb\tc\n", '\t'}, {"a\n;;;;\n", ','},
        {"\"a;b;c\",d\n", ','}, {"a,b;c;d\n", ';'}, {"", ','},           {"\"x\ny\";z\n1,2", ';'},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(csv_detect_delimiter(cases[i].text, strlen(cases[i].text)), cases[i].delimiter,
                     "%s", cases[i].text);
}
