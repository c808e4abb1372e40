#include "model/state_machine.h"

#include "cases.h"

/* A row for each state, a column for each that may follow: '1' where it may. */

Test(state_machine, request)
{
    static const char *const table[REQUEST_STATE_MAX_] = {
        [REQUEST_QUEUED] = "01110", [REQUEST_PENDING] = "00111", [REQUEST_FINISHED] = "00000",
        [REQUEST_FAILED] = "00100", [REQUEST_EXPIRED] = "00100",
    };

    for (int from = -1; from <= REQUEST_STATE_MAX_; from++)
        for (int to = -1; to <= REQUEST_STATE_MAX_; to++) {
            bool inside =
                from >= 0 && from < REQUEST_STATE_MAX_ && to >= 0 && to < REQUEST_STATE_MAX_;

            cr_expect_eq(request_may_become(from, to), inside && table[from][to] == '1', "%d -> %d",
                         from, to);
        }
}

Test(state_machine, callback)
{
    static const char *const table[CALLBACK_STATE_MAX_] = {
        [CALLBACK_MATCHED] = "000000",   [CALLBACK_DUPLICATE] = "000000",
        [CALLBACK_UNMATCHED] = "110000", [CALLBACK_MISMATCHED] = "110000",
        [CALLBACK_INTERIM] = "000000",   [CALLBACK_REJECTED] = "000000",
    };

    for (int from = -1; from <= CALLBACK_STATE_MAX_; from++)
        for (int to = -1; to <= CALLBACK_STATE_MAX_; to++) {
            bool inside =
                from >= 0 && from < CALLBACK_STATE_MAX_ && to >= 0 && to < CALLBACK_STATE_MAX_;

            cr_expect_eq(callback_may_become(from, to), inside && table[from][to] == '1',
                         "%d -> %d", from, to);
        }
}

Test(state_machine, delivery)
{
    static const char *const table[DELIVERY_STATE_MAX_] = {
        [DELIVERY_QUEUED] = "01000",    [DELIVERY_RUNNING] = "10111", [DELIVERY_RETRYING] = "01000",
        [DELIVERY_SUCCEEDED] = "10000", [DELIVERY_DEAD] = "10000",
    };

    for (int from = -1; from <= DELIVERY_STATE_MAX_; from++)
        for (int to = -1; to <= DELIVERY_STATE_MAX_; to++) {
            bool inside =
                from >= 0 && from < DELIVERY_STATE_MAX_ && to >= 0 && to < DELIVERY_STATE_MAX_;

            cr_expect_eq(delivery_may_become(from, to), inside && table[from][to] == '1',
                         "%d -> %d", from, to);
        }
}

Test(state_machine, final_states_wait_for_nothing)
{
    cr_expect(!request_state_is_final(REQUEST_QUEUED));
    cr_expect(!request_state_is_final(REQUEST_PENDING));
    cr_expect(request_state_is_final(REQUEST_FINISHED));
    cr_expect(request_state_is_final(REQUEST_FAILED));
    cr_expect(request_state_is_final(REQUEST_EXPIRED));
}
