#include "ctl/progress.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const struct progress_facts *facts, size_t width, bool bar, const char *expected)
{
    char line[512];
    size_t n = progress_line(facts, width, bar, line, sizeof(line));

    cr_expect_str_eq(line, expected);
    cr_expect_eq(n, strlen(line));
    cr_expect_leq(n, width);
}

Test(progress, numbers)
{
    expect(&(struct progress_facts){.verb = "sent", .rows = 5}, 80, true, "5 rows sent");
    expect(&(struct progress_facts){.verb = "sent", .rows = 500, .total = 1000, .elapsed_ms = 5000},
           200, false, "500/1000 rows sent, 100/s, 6 s left");
    expect(&(struct progress_facts){.verb = "sent",
                                    .rows = 5,
                                    .total = 10,
                                    .elapsed_ms = 2000,
                                    .wrong = 1,
                                    .finished = 3,
                                    .failed = 2},
           200, false, "5/10 rows sent, 2.5/s, 3 s left, 1 wrong, 3 finished, 2 failed");
    expect(
        &(struct progress_facts){.verb = "settled", .rows = 1, .total = 7201, .elapsed_ms = 1000},
        200, false, "1/7201 rows settled, 1.0/s, 2 h 0 min left");
    expect(&(struct progress_facts){.verb = "settled", .rows = 10, .total = 10, .elapsed_ms = 100},
           200, false, "10/10 rows settled");
}

Test(progress, bar)
{
    const struct progress_facts half = {.verb = "sent", .rows = 5, .total = 10};

    expect(&half, 30, true, "[######       ] 5/10 rows sent");
    expect(&half, 100, true, "[####################                    ] 5/10 rows sent");
    expect(&half, 20, true, "5/10 rows sent");
    expect(&half, 8, true, "5/10 row");
}

/* The count made before was of another moment of the file. */
Test(progress, more_rows_than_were_counted)
{
    expect(&(struct progress_facts){.verb = "sent", .rows = 15, .total = 10}, 30, true,
           "[############] 15/10 rows sent");
}

Test(progress, every_width)
{
    const struct progress_facts facts = {.verb = "sent",
                                         .rows = 123456,
                                         .total = 1000000,
                                         .elapsed_ms = 60000,
                                         .wrong = 7,
                                         .finished = 8,
                                         .failed = 9};
    char line[512];

    for (size_t width = 0; width < 300; width++)
        cr_expect_leq(progress_line(&facts, width, true, line, sizeof(line)), width);
}
