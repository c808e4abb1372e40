#include "runner/output.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOTAL ((size_t)5 * LIMIT_HOOK_OUTPUT)

static char text[TOTAL];

static void set_up(void)
{
    for (size_t i = 0; i < TOTAL; i++)
        text[i] = (char)(i * 31 + i / 251);
}

TestSuite(output, .init = set_up);

/* Each size in pieces of each size: the last bytes in their order, as one piece would give them. */
Test(output, last_bytes)
{
    static const size_t sizes[] = {0,
                                   1,
                                   2,
                                   LIMIT_HOOK_OUTPUT - 1,
                                   LIMIT_HOOK_OUTPUT,
                                   LIMIT_HOOK_OUTPUT + 1,
                                   2 * LIMIT_HOOK_OUTPUT - 1,
                                   2 * LIMIT_HOOK_OUTPUT,
                                   3 * LIMIT_HOOK_OUTPUT + 17,
                                   TOTAL};
    static const size_t pieces[] = {1,
                                    7,
                                    1000,
                                    LIMIT_HOOK_OUTPUT - 1,
                                    LIMIT_HOOK_OUTPUT,
                                    LIMIT_HOOK_OUTPUT + 1,
                                    2 * LIMIT_HOOK_OUTPUT - 1,
                                    TOTAL};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            size_t size = sizes[i], kept = size < LIMIT_HOOK_OUTPUT ? size : LIMIT_HOOK_OUTPUT;
            char got[LIMIT_HOOK_OUTPUT];
            struct output output = {0};

            for (size_t at = 0; at < size; at += pieces[j])
                output_add(&output, text + at, size - at < pieces[j] ? size - at : pieces[j]);
            cr_assert_eq(output_copy(&output, got), kept);
            cr_expect_eq(memcmp(got, text + size - kept, kept), 0, "%zu in pieces of %zu", size,
                         pieces[j]);
        }
    }
}
