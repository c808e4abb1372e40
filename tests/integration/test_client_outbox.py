"""A call that may have reached Pronto is not made again while its callback may be on its way."""

import json

import pytest

import harness
import simulator
from harness import contact, wait_until
from pronto_side import NEVER_POLLED, QUICK, accepted, calls, check_each_once, moment, person, rows, submit_all, submit_array, wait_all

UNANSWERED = [{"hang": "true"}, {"hang": "headers"}, {"close": True}, {"garbage_answer": True}, {"huge_answer": "chunked"},
              {"drip": "100ms"}]


def outbox(sim, new_prontod, **pronto):
    return new_prontod(sim.url, config={"pronto": NEVER_POLLED | {"timeout": "500ms"} | pronto})


def wait_maybe_sent(prontod, request_id):
    return wait_until(lambda: (one := prontod.request(request_id))["maybe_sent"] and one, "maybe_sent")


def another_goes_through(sim, prontod, row=1000):
    """A whole request from its submission to its result, so that what was due before has been looked at."""
    sim.control("POST", "behaviour", {"hang": "false", "close": False, "garbage_answer": False, "huge_answer": "false", "drip": 0,
                                      "delay": 0, "lose": 0})
    prontod.wait_state(prontod.post("/v1/requests", person(row))["id"], "finished")


@pytest.mark.parametrize("fault", UNANSWERED, ids=json.dumps)
def test_an_unanswered_call_is_shown_and_not_made_again_before_its_callback(sim, new_prontod, fault):
    sim.behave(accept_anyway=True, delay="1h", **fault)
    prontod = outbox(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", person(1))
    found = wait_maybe_sent(prontod, request["id"])
    assert (found["state"], found["tries"], found["enrichment_id"]) == ("queued", 1, None)
    assert found["error"] and found["next_try_at"]
    assert prontod.ctl_json("show", request["id"])["maybe_sent"] is True
    another_goes_through(sim, prontod)
    prontod.restart()
    another_goes_through(sim, prontod, 1001)
    assert rows(sim) == [1, 1000, 1001], "it was sent again"
    sim.flush()
    after = prontod.wait_state(request["id"], "finished")
    assert after["result"]["custom"] == {"row": 1} and after["error"] is None
    assert after["enrichment_id"] == next(one["enrichment_id"] for one in sim.submissions() if one["contacts"][0]["custom"] == {"row": 1})
    crm.wait(3)
    assert rows(sim) == [1, 1000, 1001]
    assert len(prontod.request(request["id"])["deliveries"]) == 1


@pytest.mark.parametrize("fault", [{"hang": "true"}, {"close": True}], ids=json.dumps)
def test_without_a_callback_it_is_made_again_after_resend_after(sim, new_prontod, fault):
    sim.behave(accept_anyway=True, lose=1, fault_count=1, **fault)
    prontod = outbox(sim, new_prontod, resend_after="2s")
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", person(1))
    sim.wait(contacts=1)
    sim.behave(lose=0)
    found = prontod.wait_state(request["id"], "finished")
    first, second = sim.submissions()
    assert moment(second["time"]) - moment(first["time"]) >= 1.9
    assert found["enrichment_id"] == second["enrichment_id"]
    wait_until(lambda: prontod.request(request["id"])["tries"] == 2, "the answer, which the callback may overtake")
    assert sim.log()["counts"]["repeat_while_waiting"] == 0
    crm.wait()
    assert len(prontod.items("/v1/deliveries")) == 1


def test_by_default_it_waits_as_long_as_for_a_poll(sim, new_prontod):
    sim.behave(accept_anyway=True, lose=1, fault_count=1, close=True)
    prontod = new_prontod(sim.url, config={"pronto": {"timeout": "1s", "poll_after": "2s"}}).start()
    request = prontod.post("/v1/requests", person(1))
    sim.wait(contacts=1)
    sim.behave(lose=0)
    prontod.wait_state(request["id"], "finished")
    first, second = sim.submissions()
    assert moment(second["time"]) - moment(first["time"]) >= 1.9


@pytest.mark.parametrize("fault", [
    {"submit_status": 500, "submit_status_count": 1}, {"submit_status": 503, "submit_status_count": 2},
    {"submit_status": 429, "submit_status_count": 1, "retry_after": "1"}], ids=json.dumps)
def test_a_call_that_was_refused_for_now_need_not_wait_for_a_callback(sim, new_prontod, fault):
    sim.behave(**fault)
    prontod = outbox(sim, new_prontod).start()  # resend_after is an hour
    request = prontod.post("/v1/requests", person(1))
    prontod.wait_state(request["id"], "finished")
    found = wait_until(lambda: (one := prontod.request(request["id"]))["tries"] >= 1 and one, "the answer, which the callback may overtake")
    assert found["maybe_sent"] is False
    assert len(calls(sim, "POST")) == fault["submit_status_count"] + 1


def test_a_call_that_cannot_have_arrived_need_not_wait_for_a_callback(new_prontod):
    port = harness.Port()
    sim = None
    prontod = new_prontod(f"http://127.0.0.1:{port.number}/api/v2", config={"pronto": NEVER_POLLED}).start()
    try:
        request = prontod.post("/v1/requests", person(1))
        found = wait_until(lambda: (one := prontod.request(request["id"]))["error"] and one, "the error")
        assert found["state"] == "queued" and found["maybe_sent"] is False
        sim = simulator.Simulator(harness.PRONTO_SIM, listen=f"127.0.0.1:{port.number}")
        prontod.wait_state(request["id"], "finished")
        assert rows(sim) == [1]
    finally:
        if sim:
            sim.close()
        port.release()


def test_a_callback_of_either_call_counts(sim, new_prontod):
    """Sent twice, since the first callback was late: it comes after the second call, and is the result."""
    sim.behave(accept_anyway=True, delay="1h", fault_count=1, close=True)
    prontod = outbox(sim, new_prontod, resend_after="1s")
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", person(1))
    sim.wait(contacts=2)
    prontod.wait_state(request["id"], "pending")
    first, second = (one["enrichment_id"] for one in sim.submissions())
    assert sim.send(first)["status"] == 200
    assert prontod.wait_state(request["id"], "finished")["result"]["custom"] == {"row": 1}
    assert json.loads(sim.send(second)["answer"]) == {"status": "duplicate"}
    crm.wait()
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_batch_of_which_one_callback_came_was_accepted_and_is_not_sent_again(sim, new_prontod):
    sim.behave(accept_anyway=True, delay="1h", fault_count=1, close=True)
    prontod = outbox(sim, new_prontod, resend_after="2s", deadline="6s", poll_after="5s").start()
    ids = submit_array(prontod, [person(row) for row in range(3)])
    sim.wait(contacts=3)
    assert sim.send(sim.submissions()[0]["enrichment_id"], contact=1)["status"] == 200
    prontod.wait_state(ids[1], "finished")
    wait_all(prontod, [ids[0], ids[2]], "expired")
    assert rows(sim) == [0, 1, 2]


def test_an_unanswered_batch_whose_callbacks_all_come(sim, new_prontod):
    sim.behave(accept_anyway=True, hang="true", fault_count=1, delay="0-300ms", reorder="100ms")
    prontod = outbox(sim, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    check_each_once(prontod, submit_array(prontod, [person(row) for row in range(20)]))
    assert rows(sim) == list(range(20))


@pytest.mark.parametrize("share", [0.3, 1])
def test_many_unanswered_calls_whose_callbacks_come(sim, new_prontod, share):
    sim.behave(accept_anyway=True, close=True, fault_share=share, delay="0-500ms", reorder="200ms")
    prontod = outbox(sim, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    number = 40 if share < 1 else 8  # failure after failure trips the breaker, and then one goes out at a time
    check_each_once(prontod, submit_all(prontod, map(person, range(number))))
    assert rows(sim) == list(range(number))
    assert sim.log()["counts"]["repeat_while_waiting"] == 0


# Idempotency-Key

def post_with_key(prontod, key, body):
    return prontod.query("POST", "/v1/requests", body, {"Idempotency-Key": key})


def test_parallel_posts_with_one_key_are_one_request(sim, new_prontod):
    prontod = new_prontod(sim.url, config={"pronto": QUICK}).start()
    answers = harness.parallel(lambda _: post_with_key(prontod, "lead-1", person(1)), range(20))
    assert {answer.status for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    prontod.wait_state(answers[0].json()["id"], "finished")
    assert len(prontod.items("/v1/requests")) == 1
    assert rows(sim) == [1]


def test_parallel_posts_with_one_key_and_different_bodies_have_one_winner(sim, new_prontod):
    prontod = new_prontod(sim.url).start()
    answers = harness.parallel(lambda row: post_with_key(prontod, "lead-1", person(row)), range(20))
    won = [answer for answer in answers if answer.status != 409]
    assert len(won) == 1 and won[0].status == 202
    prontod.wait_state(won[0].json()["id"], "finished")
    assert len(accepted(sim)) == 1


def test_parallel_arrays_with_one_key_are_one_batch(sim, new_prontod):
    prontod = new_prontod(sim.url).start()
    body = [person(row) for row in range(5)]
    answers = harness.parallel(lambda _: post_with_key(prontod, "leads", body), range(10))
    ids = {tuple(one["id"] for one in harness.batch_items(answer.json())) for answer in answers}
    assert len(ids) == 1
    wait_all(prontod, ids.pop(), "finished")
    assert rows(sim) == list(range(5)) and len(calls(sim, "POST")) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_key_holds_after_a_restart(silent, new_prontod, end):
    prontod = new_prontod(silent.url).start()
    first = post_with_key(prontod, "lead-1", contact()).json()
    getattr(prontod, end)()
    prontod.start()
    assert post_with_key(prontod, "lead-1", contact()).json()["id"] == first["id"]
    assert post_with_key(prontod, "lead-1", contact(firstname="Grace")).status == 409
    prontod.wait_state(first["id"], "pending", "queued")
    assert len(prontod.items("/v1/requests")) == 1
