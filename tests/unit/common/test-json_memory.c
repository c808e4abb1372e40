/* Lets each allocation of a call fail in turn, in json-c too: the answer is -ENOMEM, or the same as
 * with memory, and never a tree or a text that is other than it should be. */
#include "common/json.h"

#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static _Thread_local long countdown = -1; /* allocations until one fails; -1: none does */

static bool fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown-- > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

static const char text[] =
    "{\"a\":[1,2.5,12345678901234567890,\"a\\u0000b\",[],{}],\"k1\":{\"x\":\"y\"},\"k2\":true,"
    "\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"k10\":10,\"k11\":11,"
    "\"k12\":12,\"k13\":[1,2,3,4,5,6,7,8,9]}";

struct context {
    struct json_object *tree, *other;
    char *expected;
};

/* Each does its work once. Returns 0 when it was done, with the right answer, or a negative errno.
 */
static int do_parse(const struct context *c)
{
    cleanup_json struct json_object *tree = NULL;
    int r = json_parse_strict(text, strlen(text), true, &tree);

    countdown = -1;
    if (r == 0)
        cr_expect_eq(json_equal(tree, c->tree, false), 1);
    return r;
}

static int do_canonical(const struct context *c)
{
    cleanup_free char *result = NULL;
    int r = json_canonical(c->tree, &result, NULL);

    countdown = -1;
    if (r == 0)
        cr_expect_str_eq(result, c->expected);
    return r;
}

static int do_serialize(const struct context *c)
{
    cleanup_free char *result = NULL;
    int r = json_serialize(c->tree, &result, NULL);

    countdown = -1;
    if (r == 0)
        cr_expect_str_eq(result, text);
    return r;
}

static int do_equal(const struct context *c)
{
    int r = json_equal(c->tree, c->other, false);

    countdown = -1;
    if (r >= 0)
        cr_expect_eq(r, 0);
    return r < 0 ? r : 0;
}

static int do_add(const struct context *c)
{
    (void)c;
    cleanup_json struct json_object *object = json_object_new_object();
    int r = json_add_string(object, "s", "text");

    if (r == 0)
        r = json_add_int64(object, "i", 1);
    if (r == 0)
        r = json_add_bool(object, "b", true);
    if (r == 0)
        r = json_add_time(object, "t", 1);
    countdown = -1;
    if (r == 0)
        cr_expect_eq(json_object_object_length(object), 4);
    return r;
}

/* Until one turn needs fewer allocations than are let through. Returns how many failed. */
static int exhaust(int (*work)(const struct context *), const struct context *c)
{
    int failures = 0;

    for (long n = 0;; n++) {
        cr_assert_lt(n, 10000);
        countdown = n;
        int r = work(c);
        countdown = -1;
        cr_expect(r == 0 || r == -ENOMEM, "allocation %ld: %d", n, r);
        failures += r == -ENOMEM;
        if (r == 0 && n > 200)
            return failures;
    }
}

Test(json_memory, each_allocation_fails)
{
    struct context c = {0};
    cr_assert_eq(json_parse_strict(text, strlen(text), true, &c.tree), 0);
    cr_assert_eq(json_parse_strict(text, strlen(text), true, &c.other), 0);
    cr_assert_eq(json_add_int64(c.other, "k13", 0), 0);
    cr_assert_eq(json_canonical(c.tree, &c.expected, NULL), 0);

    cr_expect_gt(exhaust(do_parse, &c), 50);
    cr_expect_gt(exhaust(do_canonical, &c), 2);
    cr_expect_gt(exhaust(do_serialize, &c), 0);
    cr_expect_gt(exhaust(do_equal, &c), 2);
    cr_expect_gt(exhaust(do_add, &c), 8);

    free(c.expected);
    json_object_put(c.tree);
    json_object_put(c.other);
}
