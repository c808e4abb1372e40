/* What the tests of model/ share: JSON in the text of a case, and comparing with it. */
#pragma once

#include "common/crypto.h"
#include "common/json.h"

#include <criterion/criterion.h>
#include <string.h>

static inline void init_crypto(void)
{
    cr_assert_eq(crypto_init(), 0);
}

/* The tree of a case's text; NULL for NULL. */
static inline struct json_object *tree(const char *text)
{
    struct json_object *object = NULL;

    if (text != NULL)
        cr_assert_eq(json_parse_strict(text, strlen(text), false, &object), 0, "no JSON: %s", text);
    return object;
}

/* Text and order of members count, so that the documented order is tested, too. */
static inline void expect_json(struct json_object *got, const char *expected, const char *what)
{
    cleanup_free char *text = NULL;
    size_t size;

    cr_assert_eq(json_serialize(got, &text, &size), 0);
    cr_expect_str_eq(text, expected, "%s:\n got      %s\n expected %s", what, text, expected);
}

static inline void expect_text(const char *got, const char *expected, const char *what)
{
    if (got == NULL || expected == NULL)
        cr_expect(got == expected, "%s: got %s, expected %s", what, got ? got : "NULL",
                  expected ? expected : "NULL");
    else
        cr_expect_str_eq(got, expected, "%s:\n got      %s\n expected %s", what, got, expected);
}
