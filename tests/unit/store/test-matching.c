#include "tests/unit/store/house.h"

#include <criterion/criterion.h>

static struct house house;

static void setup(void)
{
    house_open(&house);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_matching, .init = setup, .fini = teardown);

#define FINAL(id, custom)                                                                          \
    "{\"enrichment_id\": \"" id "\", \"status\": \"finished\", \"first_name\": \"Ada\", "          \
    "\"last_name\": \"Lovelace\", \"email\": \"ada@example.com\", \"custom\": " custom "}"

static void expect_received(struct received received, enum callback_state state,
                            enum callback_reason reason)
{
    cr_expect_eq(received.result, STORE_OK);
    cr_expect_eq(received.state, state, "state %d", received.state);
    cr_expect_eq(received.reason, reason, "reason %d", received.reason);
}

Test(store_matching, a_callback_finishes_its_request)
{
    store_key request = house_submit(&house, "Ada", "Lovelace", "{\"row\": 1}");
    store_key submission = house_accept(&house, "e-1");
    struct received received = house_receive(&house, submission, FINAL("e-1", "{\"row\": 1.0}"));

    expect_received(received, CALLBACK_MATCHED, REASON_NONE);
    cr_expect_eq(received.request, request);
    cr_expect_eq(house_count(&house, "SELECT class FROM request"), REQUEST_FINISHED * 3);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM result"), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM delivery WHERE next_at NOTNULL"), 1);
    cr_expect(house.seen.deliveries && house.seen.events && house.seen.submissions);
    cr_expect_eq(house.seen.n_settled, 1);
    cr_expect_eq(house.seen.settled[0], request);
}
