#include "ctl/csv_write.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect(void (*write)(FILE *, char, const char *, size_t), char delimiter,
                   const char *text, const char *expected)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);

    write(stream, delimiter, text, strlen(text));
    fclose(stream);
    cr_expect_str_eq(out, expected);
    free(out);
}

Test(csv_write, quotes_what_needs_it)
{
    expect(csv_write, ',', "a b", "a b");
    expect(csv_write, ',', "a,b", "\"a,b\"");
    expect(csv_write, ';', "a,b", "a,b");
    expect(csv_write, ';', "a;b", "\"a;b\"");
    expect(csv_write, ',', "a\"b\nc", "\"a\"\"b\nc\"");
    expect(csv_write, ',', " a", "\" a\"");
    expect(csv_write, ',', "=1", "=1");
    expect(csv_write, ',', "", "");
}

Test(csv_write, nothing_foreign_is_a_formula)
{
    expect(csv_write_foreign, ',', "=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1");
    expect(csv_write_foreign, ',', "@SUM(1,2)", "\"'@SUM(1,2)\"");
    expect(csv_write_foreign, ',', "-1", "'-1");
    expect(csv_write_foreign, ',', "\tx", "'\tx");
    expect(csv_write_foreign, ',', "\rx", "\"'\rx\"");
    expect(csv_write_foreign, ',', "+1+1", "'+1+1");
    expect(csv_write_foreign, ',', "+12015550123", "+12015550123");
    expect(csv_write_foreign, ',', "+12015550123 +33199000000", "+12015550123 +33199000000");
    expect(csv_write_foreign, ',', "+1 2", "'+1 2");
    expect(csv_write_foreign, ',', "+", "'+");
    expect(csv_write_foreign, ',', "a=b", "a=b");
}
