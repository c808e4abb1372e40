#include "stage.h"

#include "common/timestamp.h"

#include <criterion/criterion.h>
#include <string.h>

static struct stage stage;

static void setup(void)
{
    stage_open(&stage);
}

static void teardown(void)
{
    stage_close(&stage);
}

TestSuite(deliverer, .init = setup, .fini = teardown);

static void only(size_t hook)
{
    stage.hooks[0] = stage.hooks[hook];
    stage.config.n_hooks = 1;
    stage_start(&stage, NULL);
}

static bool all_succeeded(struct stage *at)
{
    return stage_count(at, DELIVERY_SUCCEEDED) == 1;
}

Test(deliverer, what_the_runner_cannot_take_waits_and_goes_on)
{
    int64_t refused_at;

    only(0);
    stage_finish(&stage, 100);
    stage_until_jobs(&stage, 1);
    stage_settle(&stage);
    while (stage.n_jobs < 4)
        stage_turn(&stage);
    refused_at = time_boot_ms();
    for (size_t i = 0; i < 4; i++)
        stage_refuse(&stage, &stage.jobs[i]);
    stage_until_jobs(&stage, 5);
    cr_expect_geq(time_boot_ms() - refused_at, 900, "no storm through all that waits");
    cr_expect_str_eq(stage_hook(&stage, "crm").state, "ok", "it is not the hook's fault");
    cr_expect_eq(stage_count(&stage, DELIVERY_RETRYING), 0, "no attempt is used up");
}

Test(deliverer, a_hook_that_cannot_be_started_is_probed_by_one)
{
    struct hook_outcome outcome = {.end = {.exit_code = -1, .not_started = true},
                                   .error = "/x: no such file"};
    struct json_object *head = NULL;
    struct hook_status status;

    only(0);
    stage_finish(&stage, 10);
    stage_until_jobs(&stage, 4);
    for (size_t i = 0; i < 4; i++) {
        outcome.id = stage.jobs[i].id;
        cr_assert_eq(hook_outcome_encode(&outcome, &head), 0);
        deliverer_frame(stage.deliverer, head, NULL, 0);
        json_object_put(head);
    }
    status = stage_hook(&stage, "crm");
    cr_expect_str_eq(status.state, "broken");
    cr_expect_str_eq(status.error, "/x: no such file");
    cr_expect_gt(status.retry_at, time_now());
    cr_expect_leq(status.retry_at, time_now() + 5000, "those that were under way are no probes");
    deliverer_reload(stage.deliverer, &stage.config);
    stage_until_jobs(&stage, 8);
    cr_expect_str_eq(stage_hook(&stage, "crm").state, "ok", "a reload looks at it anew");
}

/* It was started before the program was gone. */
Test(deliverer, a_run_that_ends_late_mends_no_broken_hook)
{
    struct hook_outcome outcome = {.end = {.exit_code = -1, .not_started = true},
                                   .error = "/x: no such file"};
    struct json_object *head = NULL;

    only(0);
    stage_finish(&stage, 2);
    stage_until_jobs(&stage, 2);
    outcome.id = stage.jobs[1].id;
    cr_assert_eq(hook_outcome_encode(&outcome, &head), 0);
    deliverer_frame(stage.deliverer, head, NULL, 0);
    json_object_put(head);
    stage_answer(&stage, &stage.jobs[0], 0);
    stage_until(&stage, all_succeeded);
    cr_expect_str_eq(stage_hook(&stage, "crm").state, "broken");
    cr_expect_eq(stage.n_jobs, 2);
}

Test(deliverer, a_stream_hook_takes_thousands_without_a_place_of_the_others)
{
    stage.config.delivery.concurrency = 1;
    stage_start(&stage, NULL);
    stage_finish(&stage, 3000);
    stage_settle(&stage);
    stage_until_jobs(&stage, 3001);
    for (int i = 0; i < 20; i++)
        stage_turn(&stage);
    cr_expect_eq(stage.n_jobs, 3001, "all of the stream hook, and one of the other");
    for (size_t i = 0; i < stage.n_jobs; i++)
        if (strcmp(stage.jobs[i].hook, "stream") == 0)
            cr_expect_eq(stage.jobs[i].n_env, 1, "a document is all that it reads");
        else
            cr_expect_gt(stage.jobs[i].n_env, 5);
    cr_expect_eq(stage_hook(&stage, "stream").running, 3000);
    cr_expect_eq(stage_hook(&stage, "crm").running, 1);
}

Test(deliverer, no_more_than_two_windows_are_given)
{
    only(1);
    stage_finish(&stage, 4200);
    stage_settle(&stage);
    stage_until_jobs(&stage, 4096);
    for (int i = 0; i < 20; i++)
        stage_turn(&stage);
    cr_expect_eq(stage.n_jobs, 4096);
    stage_answer(&stage, &stage.jobs[17], 0);
    stage_until_jobs(&stage, 4097);
}

Test(deliverer, the_first_to_be_finished_is_the_first_to_run)
{
    only(1);
    stage_finish(&stage, 500);
    stage_settle(&stage);
    stage_until_jobs(&stage, 500);
    for (size_t i = 1; i < 500; i++)
        cr_assert_lt(stage.jobs[i - 1].id, stage.jobs[i].id);
}

Test(deliverer, attempts_and_age_are_those_of_the_claim)
{
    stage.hooks[0].max_attempts = 1;
    only(0);
    stage_finish(&stage, 1);
    stage_until_jobs(&stage, 1);
    stage.hooks[0].max_attempts = 9; /* what runs ends under its old settings */
    deliverer_reload(stage.deliverer, &stage.config);
    stage_answer(&stage, &stage.jobs[0], 1);
    while (stage_count(&stage, DELIVERY_DEAD) == 0)
        stage_turn(&stage);
    cr_expect_eq(stage_count(&stage, DELIVERY_RETRYING), 0);
}

Test(deliverer, a_run_that_was_lost_runs_again)
{
    only(0);
    stage_finish(&stage, 1);
    stage_until_jobs(&stage, 1);
    deliverer_link_down(stage.deliverer);
    cr_expect_eq(stage_hook(&stage, "crm").running, 0);
    stage_ready(&stage);
    stage_until_jobs(&stage, 2);
    cr_expect_eq(stage.jobs[0].id, stage.jobs[1].id);
    cr_expect_eq(stage_hook(&stage, "crm").running, 1);
}

Test(deliverer, a_tripped_hook_is_ok_after_a_success)
{
    stage.hooks[0].trip_after = 2;
    stage.hooks[0].backoff_first_ms = stage.hooks[0].backoff_longest_ms = 10;
    only(0);
    stage_finish(&stage, 1);
    stage_until_jobs(&stage, 1);
    stage_answer(&stage, &stage.jobs[0], 1);
    stage_until_jobs(&stage, 2);
    stage_answer(&stage, &stage.jobs[1], 1);
    stage_until_jobs(&stage, 3);
    cr_expect_str_eq(stage_hook(&stage, "crm").state, "tripped");
    stage_answer(&stage, &stage.jobs[2], 0);
    stage_until(&stage, all_succeeded);
    cr_expect_str_eq(stage_hook(&stage, "crm").state, "ok");
    cr_expect_null(stage_hook(&stage, "crm").error);
}
