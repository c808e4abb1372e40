"""Credits: the budget of a day, what is reserved and spent of it, and what Pronto says is left."""

import datetime
import json

import pytest

from harness import contact, wait_until
from pronto_side import (NEVER_POLLED, accepted, check_each_once, person, phone, rows, submit_all, submit_array, submitting, wait_all,
                         wait_submitting)

PRICES = {"email": 3, "phone": 30, "personal_email": 3}


def spending(sim, new_prontod, budget, **pronto):
    return new_prontod(sim.url, config={"pronto": NEVER_POLLED | {"daily_credits": budget} | pronto})


def figures(prontod):
    """prontod's own figures, as status has them."""
    return prontod.get("/v1/status")["credits"]


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def in_states(prontod, state):
    return prontod.items(f"/v1/requests?state={state}")


# The budget of a day

@pytest.mark.parametrize("budget, fit", [(30, 10), (31, 10), (32, 10), (3, 1), (2, 0)])
@pytest.mark.parametrize("early", [0, 0.5])
def test_a_burst_never_spends_more_than_the_budget(sim, new_prontod, budget, fit, early):
    sim.behave(early=early)
    prontod = spending(sim, new_prontod, budget).start()
    submit_all(prontod, map(person, range(50)))
    found = wait_submitting(prontod, "out_of_budget")
    assert found["detail"] and found["paused_until"]
    wait_until(lambda: len(in_states(prontod, "finished")) == fit, f"{fit} results")
    assert len(accepted(sim)) == fit
    assert len(in_states(prontod, "queued")) == 50 - fit
    own = figures(prontod)
    assert (own["reserved"], own["spent"], own["daily_credits"]) == (0, 3 * fit, budget)
    assert sim.log()["credits_spent"] == 3 * fit <= budget


def test_what_waits_for_its_result_is_reserved(sim, new_prontod):
    sim.behave(delay="1h")
    prontod = spending(sim, new_prontod, 14).start()
    submit_all(prontod, map(person, range(20)))
    wait_submitting(prontod, "out_of_budget")
    wait_until(lambda: len(in_states(prontod, "pending")) == 4, "four pending ones")
    assert (figures(prontod)["reserved"], figures(prontod)["spent"]) == (12, 0)
    sim.flush()
    wait_until(lambda: len(in_states(prontod, "finished")) == 4, "four results")
    assert (figures(prontod)["reserved"], figures(prontod)["spent"]) == (0, 12)
    assert len(accepted(sim)) == 4


def test_empty_results_give_their_credits_back_and_more_go_out(sim, new_prontod):
    sim.behave(empty_share=1)
    prontod = spending(sim, new_prontod, 9).start()
    ids = submit_all(prontod, map(person, range(30)))
    wait_all(prontod, ids, "finished")
    assert (figures(prontod)["reserved"], figures(prontod)["spent"]) == (0, 0)
    assert rows(sim) == list(range(30))


def test_some_results_are_empty_and_the_budget_is_used_to_the_end(sim, new_prontod):
    sim.behave(empty_share=0.5, delay="0-100ms")
    prontod = spending(sim, new_prontod, 30).start()
    submit_all(prontod, map(person, range(60)))
    wait_until(lambda: figures(prontod)["spent"] == 30, "the end of the budget")
    wait_submitting(prontod, "out_of_budget")
    assert (figures(prontod)["reserved"], sim.log()["credits_spent"]) == (0, 30)
    assert len(accepted(sim)) >= 10


def test_a_refused_contact_gives_its_credits_back(sim, new_prontod):
    sim.behave(refuse_name="Unwanted")
    prontod = spending(sim, new_prontod, 3, concurrency=1).start()
    bad = [prontod.post("/v1/requests", person(row, firstname="Unwanted"))["id"] for row in range(3)]
    wait_all(prontod, bad, "failed")
    good = prontod.post("/v1/requests", person(3))["id"]
    prontod.wait_state(good, "finished")
    assert figures(prontod)["spent"] == 3


def test_types_that_still_fit_go_on(sim, new_prontod):
    prontod = spending(sim, new_prontod, 36).start()
    prontod.wait_state(prontod.post("/v1/requests", phone(0))["id"], "finished")
    waiting = prontod.post("/v1/requests", phone(1))["id"]
    emails = submit_all(prontod, [person(2), person(3)])
    wait_all(prontod, emails, "finished")
    assert prontod.request(waiting)["state"] == "queued"
    assert figures(prontod)["spent"] == 36
    assert rows(sim) == [0, 2, 3]


def test_of_an_array_goes_what_fits(sim, new_prontod):
    prontod = spending(sim, new_prontod, 12).start()
    array = submit_array(prontod, [person(row) for row in range(5)])
    wait_all(prontod, array[:4], "finished")
    wait_submitting(prontod, "out_of_budget")
    assert rows(sim) == [0, 1, 2, 3] and prontod.request(array[4])["state"] == "queued"
    assert figures(prontod)["reserved"] == 0 and figures(prontod)["spent"] == 12


def test_requests_that_are_sent_together_do_not_overdraw(sim, new_prontod):
    prontod = spending(sim, new_prontod, 30, batch=20, batch_delay="200ms").start()
    submit_all(prontod, map(person, range(40)))
    wait_submitting(prontod, "out_of_budget")
    wait_until(lambda: figures(prontod)["reserved"] == 0, "the results")
    assert len(accepted(sim)) <= 10 and sim.log()["credits_spent"] <= 30


def test_a_free_type_needs_no_budget(sim, new_prontod):
    prontod = spending(sim, new_prontod, 3, credit_prices="email:0 phone:30 personal_email:3").start()
    check_each_once(prontod, submit_all(prontod, map(person, range(10))))
    assert figures(prontod)["spent"] == 0 and figures(prontod)["prices"]["email"] == 0


def test_without_a_budget_spending_is_counted_all_the_same(sim, new_prontod):
    prontod = spending(sim, new_prontod, 0).start()
    check_each_once(prontod, submit_all(prontod, map(person, range(20))))
    own = figures(prontod)
    assert (own["reserved"], own["spent"], own["daily_credits"], own["day"]) == (0, 60, None, today())


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_budget_survives_a_restart(sim, new_prontod, end):
    sim.behave(delay="1h")
    prontod = spending(sim, new_prontod, 15).start()
    submit_all(prontod, map(person, range(20)))
    wait_until(lambda: len(in_states(prontod, "pending")) == 5, "five pending ones")
    getattr(prontod, end)()
    prontod.start()
    wait_submitting(prontod, "out_of_budget")
    assert (figures(prontod)["reserved"], figures(prontod)["spent"]) == (15, 0)
    sim.flush()
    wait_until(lambda: figures(prontod)["spent"] == 15, "the results")
    getattr(prontod, end)()
    prontod.start()
    wait_submitting(prontod, "out_of_budget")
    assert len(accepted(sim)) == 5


def test_kills_during_a_burst_do_not_overdraw(sim, new_prontod):
    sim.behave(answer_delay="0-50ms", delay="0-100ms", retry=1000, retry_delay="50ms")
    prontod = spending(sim, new_prontod, 45, resend_after="3s").start()
    submit_all(prontod, map(person, range(40)))
    for number in range(1, 6):
        sim.wait(contacts=2 * number)
        prontod.kill()
        prontod.start()
    # A call that a kill kept from Pronto may have been paid, for all that prontod can know: its credits stay reserved.
    wait_until(lambda: figures(prontod)["reserved"] + figures(prontod)["spent"] == 45 and not in_states(prontod, "pending"), "the end")
    wait_submitting(prontod, "out_of_budget")
    unsure = [one for one in in_states(prontod, "queued") if prontod.request(one["id"])["maybe_sent"]]
    assert figures(prontod)["reserved"] == 3 * len(unsure)
    assert figures(prontod)["spent"] == sim.log()["credits_spent"] == 3 * len(accepted(sim))
    assert sim.log()["counts"]["repeats"] == 0


def test_a_greater_budget_counts_from_the_reload_on(sim, new_prontod):
    prontod = spending(sim, new_prontod, 6).start()
    ids = submit_all(prontod, map(person, range(6)))
    wait_submitting(prontod, "out_of_budget")
    prontod.config["pronto"]["daily_credits"] = 18
    prontod.reload()
    check_each_once(prontod, ids)
    assert figures(prontod)["spent"] == 18


def test_a_duplicate_callback_is_not_counted_twice(sim, new_prontod):
    sim.behave(repeat=2)
    prontod = spending(sim, new_prontod, 0).start()
    wait_all(prontod, submit_all(prontod, map(person, range(5))), "finished")
    sim.wait(callbacks=15)
    assert figures(prontod)["spent"] == 15


def test_a_polled_result_is_counted_once(silent, new_prontod):
    prontod = new_prontod(silent.url, config={"pronto": {"poll_after": "200ms"}}).start()
    wait_all(prontod, submit_all(prontod, map(person, range(5))), "finished")
    assert (figures(prontod)["reserved"], figures(prontod)["spent"]) == (0, 15)


def test_registered_requests_cost_no_budget(new_prontod):
    prontod = new_prontod(secrets=["secret-registered"], config={"pronto": {"daily_credits": 3}}).start()
    for number in range(5):
        prontod.register(f"one-{number}")
    assert figures(prontod)["reserved"] == 0


def test_an_erased_request_keeps_no_budget(sim, new_prontod):
    sim.behave(delay="1h")
    prontod = spending(sim, new_prontod, 3).start()
    first, _ = prontod.submit(sim)
    assert prontod.query("DELETE", f"/v1/requests/{first['id']}").status == 204
    # Whether it is found is never known now: its credits count as spent, or are free again, but stay bounded.
    own = figures(prontod)
    assert own["reserved"] + own["spent"] in (0, 3)


# GET /v1/credits and prontoctl

def test_the_credits_of_pronto_and_our_own(sim, new_prontod):
    sim.behave(credits=100)
    prontod = spending(sim, new_prontod, 50).start()
    check_each_once(prontod, submit_all(prontod, map(person, range(4))))
    expected = {"pronto": {"credits": 88, "credits_spent": 12}, "day": today(), "reserved": 0, "spent": 12, "daily_credits": 50,
                "prices": PRICES}
    found = prontod.get("/v1/credits")
    assert {name: found[name] for name in expected} == expected
    shown = prontod.ctl_json("credits")
    assert {name: shown[name] for name in expected} == expected
    own = figures(prontod)
    assert own == {name: expected[name] for name in own}
    for form in ("table", "csv"):
        assert "88" in prontod.ctl("--format", form, "credits").stdout


@pytest.mark.parametrize("fault, kind, code", [
    ({"account_status": 401}, "authentication", 3), ({"account_status": 403}, "authentication", 3),
    ({"account_status": 429}, "rate_limit", 4), ({"account_status": 500}, None, 1), ({"account_garbage_answer": True}, None, 1),
    ({"account_close": True}, None, 1), ({"account_hang": "true"}, None, 1), ({"account_huge_answer": "true"}, None, 1)], ids=json.dumps)
@pytest.mark.parametrize("by", ["http", "prontoctl"])
def test_when_pronto_does_not_say_its_credits(sim, new_prontod, fault, kind, code, by):
    sim.behave(echo_key_in_error=True, **fault)
    prontod = spending(sim, new_prontod, 50).start()
    if by == "prontoctl":
        run = prontod.ctl("credits", status=code)
        assert run.stderr.count("\n") == 1 and prontod.api_key not in run.stderr
        return
    answer = prontod.query("GET", "/v1/credits")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().get("kind") == kind
    assert answer.status == 502 if kind is None else answer.status >= 400
    assert prontod.api_key.encode() not in answer.body


def test_credits_without_a_key(new_prontod):
    prontod = new_prontod().start()
    answer = prontod.query("GET", "/v1/credits")
    assert answer.status == 503 and "key" in answer.json()["detail"].lower()
    assert figures(prontod)["spent"] == 0


def test_asking_for_credits_spends_and_submits_nothing(sim, new_prontod):
    prontod = spending(sim, new_prontod, 50).start()
    for _ in range(3):
        prontod.get("/v1/credits")
    assert accepted(sim) == [] and figures(prontod)["spent"] == 0
    prontod.wait_state(prontod.post("/v1/requests", contact())["id"], "finished")
