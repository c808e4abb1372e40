#include "runner/waiting.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add(struct waiting *waiting, int64_t id, const char *document)
{
    cleanup_json struct json_object *head = json_object_new_object();

    cr_assert_eq(json_add_int64(head, "id", id), 0);
    cr_assert_eq(waiting_add(waiting, head, document, strlen(document)), 0);
}

static void expect_next(struct waiting *waiting, int64_t id, const char *document)
{
    struct waiting_job *job = waiting_take(waiting);
    int64_t got;

    cr_assert_not_null(job);
    cr_assert(json_get_int64(job->head, "id", &got));
    cr_expect_eq(got, id);
    cr_expect_eq(job->size, strlen(document));
    cr_expect_eq(memcmp(job->document, document, job->size), 0);
    waiting_job_free(job);
}

Test(waiting, first_come_first_served)
{
    struct waiting waiting;

    waiting_init(&waiting);
    cr_expect_null(waiting_take(&waiting));
    add(&waiting, 1, "one");
    add(&waiting, 2, "");
    expect_next(&waiting, 1, "one");
    add(&waiting, 3, "three");
    expect_next(&waiting, 2, "");
    expect_next(&waiting, 3, "three");
    cr_expect_null(waiting_take(&waiting));
    add(&waiting, 4, "four");
    expect_next(&waiting, 4, "four");
}

Test(waiting, one_that_is_cancelled_is_taken_out)
{
    struct waiting waiting;
    struct waiting_job *job;

    waiting_init(&waiting);
    add(&waiting, 1, "one");
    add(&waiting, 2, "two");
    add(&waiting, 3, "three");
    cr_expect_null(waiting_take_id(&waiting, 4));
    job = waiting_take_id(&waiting, 2);
    cr_assert_not_null(job);
    cr_expect_eq(memcmp(job->document, "two", 3), 0);
    waiting_job_free(job);
    cr_expect_null(waiting_take_id(&waiting, 2));
    cr_expect_eq(waiting.bytes, 8);
    expect_next(&waiting, 1, "one");
    expect_next(&waiting, 3, "three");
    cr_expect_eq(waiting.bytes, 0);
}

Test(waiting, the_limit_is_one_of_all_that_wait)
{
    cleanup_json struct json_object *head = json_object_new_object();
    cleanup_free char *half = calloc(1, LIMIT_WAITING_BYTES / 2 + 1);
    struct waiting waiting;

    waiting_init(&waiting);
    cr_assert_eq(waiting_add(&waiting, head, half, LIMIT_WAITING_BYTES / 2), 0);
    cr_assert_eq(waiting_add(&waiting, head, half, LIMIT_WAITING_BYTES / 2 + 1), -EMSGSIZE);
    cr_assert_eq(waiting_add(&waiting, head, half, LIMIT_WAITING_BYTES / 2), 0);
    cr_assert_eq(waiting_add(&waiting, head, "x", 1), -EMSGSIZE);
    cr_assert_eq(waiting_add(&waiting, head, NULL, 0), 0);
    waiting_job_free(waiting_take(&waiting));
    cr_assert_eq(waiting_add(&waiting, head, "x", 1), 0);
    waiting_clear(&waiting);
    cr_expect_null(waiting_take(&waiting));
    cr_expect_eq(waiting.bytes, 0);
}

Test(waiting, the_job_is_a_copy)
{
    char document[] = "document";
    struct json_object *head = json_object_new_object();
    struct waiting waiting;

    waiting_init(&waiting);
    cr_assert_eq(json_add_int64(head, "id", 9), 0);
    cr_assert_eq(waiting_add(&waiting, head, document, strlen(document)), 0);
    json_object_put(head);
    memset(document, 'x', sizeof(document) - 1);
    expect_next(&waiting, 9, "document");
}
